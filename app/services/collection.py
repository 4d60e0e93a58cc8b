"""What a payment, or its failure, does to an invoice and its subscription: settled, or on to the next dunning step.

Invoices come in locked, after their subscription (services/locks.py).
"""

from datetime import datetime, timedelta

from sqlalchemy import and_, exists, or_, select

from app.db import session
from app.domain.money import Money
from app.models import Invoice
from app.queries.payments import times_not_executed
from app.services import dunning
from app.services.contracts import ENDED
from app.services.events import emit
from app.services.history import move
from app.services.subscription_status import activate, fall_behind

# When a gateway was not reached: soon, then twice as long each time, once a day at last.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=15), timedelta(days=1)
# Nothing was refused: somebody has to come, with a method or to approve.
AWAITS_PAYER = frozenset({"no_payment_method", "payer_canceled", "authentication_required"})


def settle(invoice: Invoice, amount: Money, at: datetime) -> None:
    """Count money towards an invoice. After a part of it, what is left goes on being collected."""
    invoice.paid_minor += amount.minor
    if invoice.due:
        go_on(invoice, at)
    close(invoice, at)


def close(invoice: Invoice, at: datetime) -> None:
    """An invoice of which nothing is owed any more is paid, and its subscription is in order again."""
    if invoice.due or invoice.status not in ("open", "uncollectible"):
        return
    move(invoice, "paid", at)
    invoice.paid_at, invoice.collect_at, invoice.dunning_at = at, None, None
    emit("invoice.paid", invoice.id, at, customer_id=invoice.customer_id, total=str(invoice.total))
    subscription = invoice.subscription
    if subscription and not _owes_more(invoice, at):
        activate(subscription, at)


def forgive(invoice: Invoice, at: datetime) -> None:
    """An invoice was taken back: a subscription that was behind with nothing else is in order again."""
    subscription = invoice.subscription
    if subscription and subscription.status in ("past_due", "unpaid") and not _owes_more(invoice, at):
        activate(subscription, at)


def reopen(invoice: Invoice, amount: Money, at: datetime) -> None:
    """Money that was counted turned out not to have come: the invoice is owed again, and its dunning starts afresh."""
    invoice.paid_minor -= amount.minor
    if invoice.status != "paid" or not amount:
        return
    move(invoice, "open", at, "payment reversed")
    invoice.paid_at = invoice.first_failed_at = invoice.tried_at = invoice.reminded_at = None
    emit("invoice.reopened", invoice.id, at, customer_id=invoice.customer_id)


def declined(invoice: Invoice, code: str, at: datetime) -> None:
    """Note a refusal (`code` is one of our decline words) and plan the next step.

    Who pays by hand is behind only once the invoice is due, and what an ended subscription owes is not pursued. One
    whose first payment waits for its payer has not begun: it stays `incomplete`, and expires if they never come.
    """
    if invoice.status != "open":
        return
    invoice.first_failed_at = invoice.first_failed_at or at
    invoice.tried_at, invoice.decline_code, invoice.collect_at = at, code, None
    subscription = invoice.subscription
    if subscription and subscription.status in ENDED:
        invoice.dunning_at = None
        return
    is_behind = invoice.collection == "automatic" or bool(invoice.due_at and invoice.due_at <= at)
    if subscription and is_behind and not (subscription.status == "incomplete" and code in AWAITS_PAYER):
        fall_behind(subscription, at)
    dunning.plan(invoice, at)


def not_executed(invoice: Invoice, at: datetime, *, lost: bool = False) -> None:
    """The gateway could not be reached or refused us: try again soon, and do not hold it against the customer.

    What was `lost` with a worker of ours, and no payer there, is made up for at once: the gateway had no trouble with
    it. If that happens again, it has to wait like everything else.
    """
    session().flush()
    invoice.attempts -= 1
    earlier = times_not_executed(invoice) - 1
    pause = timedelta() if lost and not earlier else min(FIRST_PAUSE * 2 ** min(earlier, 10), LONGEST_PAUSE)
    go_on(invoice, at, pause=pause)


def go_on(invoice: Invoice, at: datetime, *, pause: timedelta = FIRST_PAUSE) -> None:
    """An attempt ended without a verdict: dunning that was planned goes on, else the invoice is collected again."""
    if invoice.dunning_at is None and _collects_itself(invoice):
        invoice.collect_at = at + pause


def put_off(invoice: Invoice, at: datetime) -> None:
    """Something of ours is broken: leave what is due to be collected for a later look."""
    if invoice.collect_at and invoice.collect_at <= at:
        invoice.collect_at = at + FIRST_PAUSE


def _collects_itself(invoice: Invoice) -> bool:
    if invoice.status != "open" or invoice.collection != "automatic":
        return False
    subscription = invoice.subscription
    return subscription is None or subscription.status not in ENDED


def _owes_more(invoice: Invoice, at: datetime) -> bool:
    """Whether another invoice of the same subscription has failed, or is overdue where it is paid by hand."""
    behind = or_(
        and_(Invoice.collection == "automatic", Invoice.first_failed_at.is_not(None)),
        and_(Invoice.collection == "manual", Invoice.due_at <= at),
    )
    others = exists().where(
        Invoice.tenant_id == invoice.tenant_id,
        Invoice.subscription_id == invoice.subscription_id,
        Invoice.id != invoice.id,
        Invoice.status == "open",
        behind,
    )
    return bool(session().scalar(select(others)))
