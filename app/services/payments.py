"""Payments: claiming an attempt, and the one door through which every result comes in."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from app.actors import current_actor
from app.db import session, transaction_time
from app.domain.errors import Conflict, InvalidInput
from app.domain.money import Money
from app.gateways import gateway_class
from app.gateways.types import PaymentResult, PaymentStatus
from app.ids import new_id
from app.logs import logger
from app.models import Invoice, Payment
from app.models.payments import OPEN_STATUSES
from app.queries.base import get
from app.queries.payments import asked_from, has_open_payment
from app.services import amounts, collection, contradictions, fees, ledger, payment_methods, quotes, ways, write_offs
from app.services.bulk import insert, together
from app.services.events import emit
from app.services.history import audit, move
from app.services.locks import lock_debt
from app.services.next_actions import as_json
from app.services.outcomes import GivenUp, NoAnswer, NotExecuted
from app.services.ways import Way
from app.settings import current_settings

# How long after an attempt without a final state the gateway is asked: 5 minutes, an hour, then daily.
CHECK_AFTER = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=1))
FIRST_CHECK = {"requires_action": timedelta(hours=1), "pending": timedelta(minutes=5), "authorized": timedelta(hours=1)}
# Beyond these a gateway has told us about the money, and cannot deny it any more.
MAY_BE_UNSEEN = ("sending", "unknown", "requires_action")
# Ended without money as far as we know. A gateway that still has one of them open may yet take money for it, and is
# asked about that for so long.
ENDED_EMPTY = ("failed", "canceled")
LATE_MONEY_FOR = timedelta(days=30)

log = logger(__name__)


def lock_payable(invoice_id: str, at: datetime, *, only_if_due: bool = False) -> Invoice:
    """The invoice, locked for a new attempt together with who pays it. `only_if_due`: for the attempt that is planned
    for `at` or before, and that nobody has made meanwhile.

    Raises Conflict when it takes no money, another attempt is open, or the planned one was made.
    """
    invoice = get(Invoice, invoice_id, lock=True, along=(Invoice.customer,))
    check_payable(invoice)
    if has_open_payment(invoice.id):
        raise Conflict("A payment of this invoice is under way already.", code="payment_in_progress")
    if only_if_due and not (invoice.collect_at and invoice.collect_at <= at):
        raise Conflict("Another worker has collected this invoice meanwhile.", code="not_due")
    return invoice


def check_payable(invoice: Invoice) -> None:
    """Raises Conflict for an invoice that takes no money."""
    if invoice.status not in ("open", "uncollectible") or not invoice.due:
        raise Conflict(f"This invoice is {invoice.status}: there is nothing to pay.", code="not_payable")


def claim(
    invoice: Invoice,
    way: Way,
    at: datetime,
    *,
    off_session: bool,
    amount: Money | None = None,
    return_url: str = "",
    challenge: bool = False,
    manual_capture: bool = False,
) -> Payment:
    """Step one of three: write the attempt as `sending`, under its own idempotency key, before anything is sent.

    The invoice comes from `lock_payable`. `amount`: a part of what is due; all of it otherwise. `manual_capture`: only
    reserve it. Raises InvalidInput for an amount that is no such part, and Conflict where nothing can be reserved.
    """
    asked = invoice.due if amount is None else part_of(invoice, amount)
    ways.check_holds(way, wanted=manual_capture)
    row = Payment(
        id=new_id("pay"),
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        **_paid_with(way),
        return_url=return_url or None,
        ip=current_actor.get().pays_from,
        challenge=challenge,
        manual_capture=manual_capture,
        status="sending",
        currency=invoice.currency,
        amount_minor=asked.minor,
        off_session=off_session,
        check_at=transaction_time() + timedelta(seconds=current_settings().attempt_lease_seconds),
        started_at=at,
        created_at=at,
    )
    insert(row)
    invoice.attempts += 1
    invoice.collect_at = None
    audit("payment.start", row.id, at, invoice=invoice.id)
    return row


def send(payment_id: str, at: datetime) -> Payment:
    """The payer has filled in a form of ours that the attempt waited for: it is `sending` again, for one of them.

    Raises Conflict when it waits for no form any more, because it was given up or is sent already, and when less is due
    than it was begun with.
    """
    payment = get(Payment, payment_id, lock=True)
    if not payment.is_unsent:
        raise Conflict("This payment does not wait for a form any more.", code="not_waiting")
    if payment.invoice.status not in ("open", "uncollectible") or payment.amount_minor > payment.invoice.due_minor:
        raise Conflict("Less is due by now than when the form was opened: begin anew.", code="stale_amount")
    move(payment, "sending", at)
    payment.check_at = transaction_time() + timedelta(seconds=current_settings().attempt_lease_seconds)
    payment.next_action = {}
    session().flush()
    return payment


def withdraw(payment_id: str, at: datetime) -> Payment:
    """Give up an attempt that its gateway has not heard of yet. Raises Conflict when it is sent meanwhile."""
    if not get(Payment, payment_id, lock=True).is_unsent:
        raise Conflict("A payment of this invoice is under way already.", code="payment_in_progress")
    return record(payment_id, PaymentResult(PaymentStatus.CANCELED), at)


def record(
    payment_id: str,
    outcome: PaymentResult | NoAnswer | NotExecuted | GivenUp,
    at: datetime,
    *,
    any_amount: bool = False,
) -> Payment:
    """Step three, and the only door: the answer, a webhook, the payer's return and reconciliation all end here.

    An equal state changes nothing, nor does an answer older than what is known; an illegal move raises
    IllegalTransition; the rest moves the status, posts the ledger, settles the invoice and emits events, all in the
    caller's transaction. Less than was asked for is refused, unless somebody has looked at it (`any_amount`).
    """
    payment = get(Payment, payment_id, lock=True)
    with together(), session().no_autoflush:  # all that it changes is written once, at the end
        _record(payment, outcome, at, any_amount=any_amount)
    return payment


def put_off(payment_id: str, at: datetime) -> None:
    """Ask later about an attempt that could not be asked about now."""
    payment = get(Payment, payment_id, lock=True)
    if payment.check_at:
        _ask_later(payment, at)


def _record(
    payment: Payment, outcome: PaymentResult | NoAnswer | NotExecuted | GivenUp, at: datetime, *, any_amount: bool
) -> None:
    if isinstance(outcome, PaymentResult) and not any_amount and amounts.differs(payment, outcome):
        amounts.refuse(payment, outcome, at)
        _ask_later(payment, at)
    elif isinstance(outcome, PaymentResult):
        _record_answer(payment, outcome, at)
    elif isinstance(outcome, NotExecuted) and payment.status in MAY_BE_UNSEEN:
        _record_not_executed(payment, outcome, at)
    elif isinstance(outcome, GivenUp):
        _record_given_up(payment, at)
    elif payment.status in OPEN_STATUSES:
        _record_no_answer(payment, outcome.message, at)
    elif payment.check_at:
        _ask_about_late_money(payment, at)


def _record_answer(payment: Payment, result: PaymentResult, at: datetime) -> None:
    if result.status in OPEN_STATUSES and payment.status not in OPEN_STATUSES:
        _record_older_answer(payment, result, at)
        return
    if payment.status in ENDED_EMPTY and result.status in ENDED_EMPTY:
        payment.check_at = None
        return
    contradictions.compare(payment, result.status, at)
    payment.gateway_ref = result.gateway_ref or payment.gateway_ref
    if result.checks:
        payment.findings = asdict(result.checks)
    payment.next_action = as_json(result.next_action) or _told_before(payment, result)
    if result.status is PaymentStatus.REQUIRES_ACTION and result.decline:
        payment.decline_code, payment.message = result.decline.code, result.decline.message
    if result.fee and result.status is PaymentStatus.SUCCEEDED:
        fees.book(payment, result.fee, at)
    if result.status not in OPEN_STATUSES:
        payment.decided = None
    if move(payment, result.status, at):
        _RECORDERS[result.status](payment, result, at)
    elif payment.status in OPEN_STATUSES:
        _ask_later(payment, at)
    elif result.status is PaymentStatus.SUCCEEDED and (result.quote or amounts.has_grown(payment, result)):
        _received_otherwise(payment, result, at)
    if result.quote:
        quotes.keep(payment, result.quote, at)


def _told_before(payment: Payment, result: PaymentResult) -> dict[str, Any]:
    """Some gateways say once only what the payer has to do."""
    return payment.next_action if result.status is PaymentStatus.REQUIRES_ACTION else {}


def _record_older_answer(payment: Payment, result: PaymentResult, at: datetime) -> None:
    """The attempt has ended for us. One that we gave up and that is still open at the gateway may yet take money."""
    log.info("an answer came late", payment=payment.id, ours=payment.status, theirs=result.status.value)
    if payment.status != "succeeded":
        payment.gateway_ref = result.gateway_ref or payment.gateway_ref
        _ask_about_late_money(payment, at)


def _record_given_up(payment: Payment, at: datetime) -> None:
    """It waits for its payer no more, so that another way to pay can be opened; what still comes of it is asked for."""
    if payment.status in OPEN_STATUSES:
        _record_answer(payment, PaymentResult(PaymentStatus.CANCELED), at)
        payment.checks = 0
    if payment.status in ENDED_EMPTY:
        _ask_about_late_money(payment, at)


def _ask_about_late_money(payment: Payment, at: datetime) -> None:
    if at - payment.started_at < LATE_MONEY_FOR:
        _ask_later(payment, at)
    else:
        payment.check_at = None


def _record_no_answer(payment: Payment, message: str, at: datetime) -> None:
    """Only what was just sent becomes unknown by it; the rest stays what it was when the gateway last spoke."""
    payment.message = message
    if payment.status == "sending":
        move(payment, "unknown", at, message)
        emit("payment.unknown", payment.id, at, customer_id=payment.customer_id, invoice=payment.invoice_id)
    _ask_later(payment, at)


def _succeeded(payment: Payment, result: PaymentResult, at: datetime) -> None:
    payment.settled_at, payment.check_at, payment.next_action = at, None, {}
    payment.decline_code = payment.decline_hard = payment.message = None
    if result.saved_method and payment.keep_method:
        payment.payment_method_id = payment_methods.leave(payment, result.saved_method, at).id
    received = payment.captured if result.amount is None else result.amount
    invoice = lock_debt(payment.invoice_id)
    takes = invoice.status in ("open", "uncollectible") and not result.to_balance
    applied = min(received, invoice.due) if takes else Money(0, payment.currency)
    if result.to_balance or payment.capture_minor:
        payment.amount_minor = min(received.minor, payment.amount_minor)  # no more than that can be sent back
    write_offs.recover(invoice, applied, at)
    ledger.post_payment(payment, received=received, applied=applied, at=at)
    emit("payment.succeeded", payment.id, at, customer_id=payment.customer_id, invoice=invoice.id, amount=str(received))
    payment.received_minor, payment.kept_minor = received.minor, (received - applied).minor
    if received - applied:
        emit("payment.unapplied", payment.id, at, customer_id=payment.customer_id, amount=str(received - applied))
    collection.settle(invoice, applied, at)


def _received_otherwise(payment: Payment, result: PaymentResult, at: datetime) -> None:
    """More came for what was paid already, or a chain took back what was over: the customer's balance follows."""
    received = result.amount or payment.amount
    more = Money(received.minor - (payment.received_minor or 0), payment.currency)
    if more:
        payment.received_minor = received.minor
        payment.kept_minor += more.minor
        ledger.post_more(payment, more, at)
        emit("payment.unapplied", payment.id, at, customer_id=payment.customer_id, amount=str(more))


def _failed(payment: Payment, result: PaymentResult, at: datetime) -> None:
    decline, had_settled = result.decline, payment.settled_at is not None
    payment.settled_at, payment.check_at, payment.next_action = at, None, {}
    payment.decline_code = decline.code if decline else "card_declined"
    payment.decline_hard = decline.hard if decline else False
    payment.message = decline.message if decline else "The payment failed."
    emit(
        "payment.failed",
        payment.id,
        at,
        customer_id=payment.customer_id,
        invoice=payment.invoice_id,
        code=payment.decline_code,
    )
    invoice = lock_debt(payment.invoice_id)
    refused = _what_is_refused(payment, invoice)
    if had_settled:
        posted = ledger.reverse(payment.id, "payment_succeeded", "payment_reversed", at)
        _take_back_more(payment, posted["received_outside" if payment.is_outside else "gateway_clearing"], at)
        counted = Money(-posted.get("accounts_receivable", 0), payment.currency)
        collection.reopen(invoice, counted, at)
        write_offs.lose_again(invoice, counted, at)
    if refused:
        collection.declined(invoice, refused, at)


def _what_is_refused(payment: Payment, invoice: Invoice) -> str | None:
    """The decline by which an invoice goes on. What was recorded by hand says nothing about the method that is charged:
    what the bank last said of that holds, and of a debt that was not paid by it, its dunning."""
    if not payment.is_outside:
        return payment.decline_code
    return (invoice.decline_code or payment.decline_code) if invoice.status == "paid" else None


def _take_back_more(payment: Payment, first_minor: int, at: datetime) -> None:
    """What came in after a payment had settled goes with it, too."""
    later = (payment.received_minor or first_minor) - first_minor
    payment.received_minor, payment.kept_minor = None, 0
    if later:
        ledger.post_more(payment, Money(-later, payment.currency), at)


def _canceled(payment: Payment, _result: PaymentResult, at: datetime) -> None:
    """Nobody approved it. That is a refusal when we asked, and no more than a change of mind when the payer began."""
    payment.settled_at, payment.check_at, payment.next_action = at, None, {}
    emit("payment.canceled", payment.id, at, customer_id=payment.customer_id, invoice=payment.invoice_id)
    invoice = lock_debt(payment.invoice_id)
    if payment.off_session and not payment.manual_capture:
        collection.declined(invoice, "payer_canceled", at)
    else:
        collection.go_on(invoice, at)


def _authorized(payment: Payment, result: PaymentResult, at: datetime) -> None:
    holds_for = gateway_class(payment.account.gateway).holds_for
    payment.capture_before = payment.capture_before or at + holds_for
    _waiting(payment, result, at)


def _waiting(payment: Payment, result: PaymentResult, at: datetime) -> None:
    payment.checks = 0
    payment.check_at = asked_from(payment.customer_id, payment.status, at) + FIRST_CHECK[result.status]
    emit(f"payment.{result.status}", payment.id, at, customer_id=payment.customer_id, invoice=payment.invoice_id)


_RECORDERS = {
    PaymentStatus.SUCCEEDED: _succeeded,
    PaymentStatus.FAILED: _failed,
    PaymentStatus.CANCELED: _canceled,
    PaymentStatus.REQUIRES_ACTION: _waiting,
    PaymentStatus.PENDING: _waiting,
    PaymentStatus.AUTHORIZED: _authorized,
}


def _record_not_executed(payment: Payment, outcome: NotExecuted, at: datetime) -> None:
    """Nothing happened at the gateway: the customer is not to blame, so this is no dunning step."""
    if not move(payment, "failed", at, outcome.message):
        return
    payment.settled_at, payment.check_at = at, None
    payment.decline_code = "gateway_refused" if outcome.ours else "gateway_unavailable"
    payment.message = outcome.message
    if outcome.ours:
        audit("payment.refused_by_gateway", payment.id, at, code=payment.decline_code, why=outcome.message)
    emit("payment.not_executed", payment.id, at, customer_id=payment.customer_id, code=payment.decline_code)
    collection.not_executed(lock_debt(payment.invoice_id), at, lost=outcome.lost and payment.off_session)


def _ask_later(payment: Payment, at: datetime) -> None:
    payment.check_at = (
        asked_from(payment.customer_id, payment.status, at) + CHECK_AFTER[min(payment.checks, len(CHECK_AFTER) - 1)]
    )
    payment.checks += 1


def _paid_with(way: Way) -> dict[str, Any]:
    return {
        "gateway_account_id": way.account.id,
        "payment_method_id": way.method.id if way.method else None,
        "phone": way.phone,
        "keep_method": way.keep_method,
        "choice": way.choice,
        "by_form": way.by_form,
        "number": ways.number_for(way.account),
    }


def part_of(invoice: Invoice, amount: Money) -> Money:
    """The amount, if it is a part of what is due. Raises InvalidInput for any other."""
    if amount.currency != invoice.currency:
        raise InvalidInput(f"This invoice is in {invoice.currency}.", code="currency_mismatch", field="currency")
    if not 0 < amount.minor <= invoice.due_minor:
        raise InvalidInput(
            f"Pay more than zero, and at most the {invoice.due} that are due.", code="invalid_amount", field="amount"
        )
    return amount
