"""Refunds: claimed, sent and recorded like payments, and never more than was paid."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.db import session, transaction
from app.domain.errors import Conflict, InvalidInput
from app.domain.money import Money
from app.gateways.base import Capability
from app.gateways.errors import GatewayUnavailable
from app.gateways.types import PaymentRef, RefundRef, RefundRequest, RefundResult, RefundStatus
from app.models import CreditNote, Payment, Refund
from app.models.base import Json
from app.queries import due
from app.queries.base import get
from app.queries.credit_notes import unclaimed
from app.queries.deposits import quote_of
from app.queries.payments import asked_from, is_overdue
from app.services import breakers, contradictions, gateway_accounts, ledger, refusals, settlements
from app.services.asking import ask_at
from app.services.batches import each
from app.services.events import emit
from app.services.history import audit, move
from app.services.next_actions import as_json, payout_in
from app.services.outcomes import NoAnswer, NotExecuted, call
from app.services.payments import CHECK_AFTER
from app.settings import current_settings

OPEN_REFUNDS = ("sending", "pending", "unknown")
MAY_BE_UNSEEN = ("sending", "unknown")
CHECK_BATCH = 200
MADE_AT_GATEWAY = "made_at_gateway"


def refund(
    payment_id: str, amount: Money, at: datetime, *, reason: str = "", credit_note_id: str | None = None
) -> Refund:
    """Send money back for a settled payment, for a credit note or as a gift. Opens its own transactions: claim, call,
    record. What came in outside of any gateway was given back outside, and is only recorded.

    Raises Conflict (`refund_too_large`) when the amount is more than what is left, also for two at once.
    """
    with refusals.told("refund.refuse", payment_id, at, amount=str(amount)), transaction():
        row = claim(payment_id, amount, at, reason=reason, credit_note_id=credit_note_id)
        payment = get(Payment, payment_id)
        if payment.is_outside:
            return record(row.id, RefundResult(RefundStatus.SUCCEEDED), at)
        account = payment.account
        gateway = gateway_accounts.connect(account)
    request = RefundRequest(row.id, _payment_ref(payment), amount, reason)
    outcome = call(lambda: gateway.refund(request))
    with transaction():
        breakers.note(account.id, outcome)
        return record(row.id, outcome, at)


def claim(payment_id: str, amount: Money, at: datetime, *, reason: str, credit_note_id: str | None = None) -> Refund:
    """Write the refund as `sending` and hold its amount against the payment, under the payment's lock."""
    payment = get(Payment, payment_id, lock=True)
    _check(payment, amount)
    if credit_note_id:
        _check_note(get(CreditNote, credit_note_id, lock=True), payment, amount)
    payment.refunded_minor += amount.minor
    row = Refund(
        payment_id=payment.id,
        credit_note_id=credit_note_id,
        status="sending",
        currency=amount.currency,
        amount_minor=amount.minor,
        reason=reason,
        check_at=func.now() + timedelta(seconds=current_settings().attempt_lease_seconds),
        started_at=at,
        created_at=at,
    )
    session().add(row)
    session().flush()
    audit("refund.start", row.id, at, payment=payment.id, amount=str(amount))
    return row


def record(refund_id: str, outcome: RefundResult | NoAnswer | NotExecuted, at: datetime) -> Refund:
    """The one door for results of refunds. A failed refund gives its amount back to what can be refunded."""
    row = get(Refund, refund_id, lock=True)
    if isinstance(outcome, RefundResult):
        _record_answer(row, outcome, at)
    elif isinstance(outcome, NotExecuted) and row.status in MAY_BE_UNSEEN:
        if _failed(row, outcome.message, at):
            settlements.try_again(row, at)
            _tell_staff(row, outcome, at)
    elif row.status in OPEN_REFUNDS:
        if row.status == "sending":
            move(row, "unknown", at, outcome.message)
        _ask_later(row, outcome.message, at)
    return row


def check(refund_id: str, at: datetime) -> Refund:
    """Ask the gateway about a refund by our key. One that it does not know once its answer is overdue was surely not
    executed."""
    found = look_up(get(Refund, refund_id))
    if found is None and not is_overdue("refund_checks", refund_id, at):
        return get(Refund, refund_id)
    with transaction():
        return record(refund_id, found or NotExecuted("The gateway never received this refund."), at)


def look_up(row: Refund) -> RefundResult | NoAnswer | None:
    """How it stands at the gateway; None when it surely knows no such refund."""
    account, ref = row.payment.account, _ref(row)
    return ask_at(account, lambda: gateway_accounts.connect(account).fetch_refund(ref))


def adopt(payment_id: str, gateway_ref: str, amount: Money, at: datetime) -> Refund:
    """Book a refund that somebody made on the gateway's own pages. Raises Conflict as `claim` does."""
    row = claim(payment_id, amount, at, reason=MADE_AT_GATEWAY)
    return record(row.id, RefundResult(RefundStatus.SUCCEEDED, gateway_ref), at)


def heard(refund_id: str, result: RefundResult, at: datetime) -> None:
    """A notice of a gateway that cannot be asked brings how a refund stands: as `charging.heard`."""
    with transaction():
        record(refund_id, result, at)


def told(refund_id: str, gateway_ref: str | None, at: datetime) -> bool:
    """A notice says that something happened to a refund: as `charging.told`."""
    row = get(Refund, refund_id)
    account = row.payment.account
    ref = replace(_ref(row), gateway_ref=row.gateway_ref or gateway_ref)
    found = ask_at(account, lambda: gateway_accounts.connect(account).fetch_refund(ref))
    if isinstance(found, NoAnswer):
        raise GatewayUnavailable(found.message)
    if found is None:
        return False
    with transaction():
        record(refund_id, found, at)
    return True


def check_due(at: datetime) -> int:
    """Ask about every refund of the tenant in scope whose answer is overdue; gives how many."""
    query = select(Refund.id).where(due.rows("refund_checks", at)).order_by(Refund.check_at).limit(CHECK_BATCH)
    return each(session().scalars(query).all(), lambda row: check(row, at), lambda row: _put_off(row, at))


def _record_answer(row: Refund, result: RefundResult, at: datetime) -> None:
    contradictions.compare(row, result.status, at)
    if result.status is RefundStatus.SUCCEEDED:
        _succeeded(row, result, at)
    elif result.status is RefundStatus.FAILED:
        if _failed(row, result.message, at) and row.credit_note_id:
            settlements.keep(row.credit_note_id, row.amount_minor, row.id, at)
    elif row.status in OPEN_REFUNDS:
        row.gateway_ref = result.gateway_ref or row.gateway_ref
        move(row, "pending", at)
        _wait_for(row, as_json(result.next_step), at)
        _ask_later(row, result.message, at)


def _wait_for(row: Refund, next_step: Json, at: datetime) -> None:
    """Somebody has to do something before the money goes back: they are told of it once."""
    if next_step and next_step != row.next_step:
        emit("refund.requires_action", row.id, at, customer_id=row.payment.customer_id, next_step=next_step)
    row.next_step = next_step


def _succeeded(row: Refund, result: RefundResult, at: datetime) -> None:
    had_failed = row.status == "failed"
    if had_failed and _is_too_much(row):
        contradictions.note(row, "refund_twice", "Its amount had been refunded in another way meanwhile.", at)
        return
    if not move(row, "succeeded", at):
        return
    row.gateway_ref = result.gateway_ref or row.gateway_ref
    row.settled_at, row.check_at, row.message, row.next_step = at, None, None, {}
    payment = get(Payment, row.payment_id, lock=had_failed)
    if had_failed:
        payment.refunded_minor += row.amount_minor
    # After a failure the customer has had it as their balance, or another refund was made for the credit note.
    ledger.post_refund(row, payment, at, credited=row.amount_minor if row.credit_note_id and not had_failed else 0)
    emit("refund.succeeded", row.id, at, customer_id=payment.customer_id, payment=payment.id, amount=str(row.amount))


def _is_too_much(row: Refund) -> bool:
    """Whether one that was given up, and came out to be made, is more than is left of its payment."""
    payment = get(Payment, row.payment_id, lock=True)
    return payment.refunded_minor + row.amount_minor > payment.amount_minor


def _failed(row: Refund, message: str, at: datetime) -> bool:
    """It never went out, or it came back from a closed account. False when that was known."""
    had_succeeded = row.status == "succeeded"
    if not move(row, "failed", at, message):
        return False
    row.settled_at, row.check_at, row.message, row.next_step = at, None, message, {}
    payment = get(Payment, row.payment_id, lock=True)
    payment.refunded_minor -= row.amount_minor
    if had_succeeded:
        ledger.reverse(row.id, "payment_refunded", "refund_returned", at)
    emit("refund.failed", row.id, at, customer_id=payment.customer_id, payment=payment.id)
    return True


def _tell_staff(row: Refund, outcome: NotExecuted, at: datetime) -> None:
    if outcome.ours:
        audit("refund.refused_by_gateway", row.id, at, code="gateway_refused", why=outcome.message)


def _ref(row: Refund) -> RefundRef:
    return RefundRef(row.id, _payment_ref(row.payment), row.gateway_ref, payout_in(row.next_step))


def _payment_ref(payment: Payment) -> PaymentRef:
    price = quote_of(payment.id)
    return PaymentRef(payment.id, payment.gateway_ref, quote=price.quote if price else None)


def _put_off(refund_id: str, at: datetime) -> None:
    row = get(Refund, refund_id, lock=True)
    if row.check_at:
        _ask_later(row, row.message, at)


def _ask_later(row: Refund, message: str | None, at: datetime) -> None:
    row.message = message
    row.check_at = (
        asked_from(row.payment.customer_id, row.status, at) + CHECK_AFTER[min(row.checks, len(CHECK_AFTER) - 1)]
    )
    row.checks += 1


def _check_note(note: CreditNote, payment: Payment, amount: Money) -> None:
    if note.invoice_id != payment.invoice_id:
        raise Conflict("This credit note is about another invoice.", code="foreign_credit_note")
    if amount.minor > unclaimed(note):
        raise Conflict(f"The credit note {note.number} sends less than that back.", code="refund_too_large")


def _check(payment: Payment, amount: Money) -> None:
    if payment.status != "succeeded":
        raise Conflict("Only a settled payment can be refunded.", code="not_refundable")
    if amount.currency != payment.currency or amount.minor <= 0:
        raise InvalidInput("A refund is a positive amount in the payment's currency.", field="amount")
    left = Money(payment.amount_minor - payment.refunded_minor, payment.currency)
    if left < amount:
        raise Conflict(f"At most {left} is left to refund.", code="refund_too_large", field="amount")
    if not payment.is_outside:
        _check_gateway(payment, amount)


def _check_gateway(payment: Payment, amount: Money) -> None:
    gateway = gateway_accounts.connect(payment.account)
    if Capability.REFUND not in gateway.capabilities:
        raise Conflict(f"{gateway.title} cannot refund.", code="unsupported")
    if amount.minor != payment.amount_minor and Capability.PARTIAL_REFUND not in gateway.capabilities:
        raise Conflict(f"{gateway.title} can only refund the whole payment.", code="partial_refund_unsupported")
