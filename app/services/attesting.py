"""What a person saw at a gateway that does not tell us how a payment or a refund ended.

Their word goes through the same door as the gateway's own. The gateway is asked once more before it counts, and what it
says later counts for more: see contradictions.py.
"""

from datetime import datetime

from app.db import transaction
from app.domain.declines import decline_for
from app.domain.errors import Conflict, InvalidInput
from app.gateways import gateway_class
from app.gateways.types import PaymentResult, PaymentStatus, RefundResult, RefundStatus
from app.models import Payment, Refund
from app.queries.base import get
from app.services import charging, payments, refunds
from app.services.contradictions import ENDED
from app.services.events import emit
from app.services.history import audit
from app.services.outcomes import NoAnswer, NotExecuted

IN_DOUBT = ("unknown", "pending")
LONGEST_NOTE = 500


def attest_payment(payment_id: str, at: datetime, *, made: bool, note: str) -> Payment:
    """Somebody looked: the money of an attempt came in (all that was asked for), or nothing was charged.

    Where the gateway says by now how it ended, that is recorded instead. Opens its own transactions. Raises Conflict
    for an attempt that is not in doubt, or whose gateway says that it is still under way.
    """
    payment = get(Payment, payment_id)
    if payment.attested == _word(made=made):
        return payment
    _check(payment, note)
    found = charging.look_up(payment)
    if _is_final(found):
        return charging.settle(payment, found, at)
    _check_doubt(payment, found, made=made, tells=True)
    with transaction():
        row = get(Payment, payment_id, lock=True)
        _speak_for(row, at, made=made, note=note)
        return payments.record(payment_id, _payment_outcome(row, note, made=made), at)


def attest_refund(refund_id: str, at: datetime, *, made: bool, note: str) -> Refund:
    """Somebody looked: a refund went out, or it never will. As `attest_payment`.

    One that was not made gives its amount back to what can be refunded, and what a credit note had promised by it is
    the customer's balance: it is not sent again by itself.
    """
    refund = get(Refund, refund_id)
    if refund.attested == _word(made=made):
        return refund
    _check(refund, note)
    found = refunds.look_up(refund)
    if isinstance(found, RefundResult) and _is_final(found):
        with transaction():
            return refunds.record(refund_id, found, at)
    tells = gateway_class(refund.payment.account.gateway).tells_refunds
    _check_doubt(refund, found, made=made, tells=tells)
    with transaction():
        row = get(Refund, refund_id, lock=True)
        _speak_for(row, at, made=made, note=note)
        status = RefundStatus.SUCCEEDED if made else RefundStatus.FAILED
        return refunds.record(refund_id, RefundResult(status, row.gateway_ref, note.strip()), at)


def _speak_for(row: Payment | Refund, at: datetime, *, made: bool, note: str) -> None:
    _check(row, note)
    row.attested = _word(made=made)
    payment = row if isinstance(row, Payment) else row.payment
    audit(f"{row.noun}.attest", row.id, at, made=made, reason=note.strip())
    emit(f"{row.noun}.attested", row.id, at, customer_id=payment.customer_id, made=made, reason=note.strip())


def _payment_outcome(row: Payment, note: str, *, made: bool) -> PaymentResult | NotExecuted:
    if made:
        return PaymentResult(PaymentStatus.SUCCEEDED, row.gateway_ref, row.captured)
    if row.decided:
        return PaymentResult(PaymentStatus.CANCELED, row.gateway_ref)
    if row.status == "pending":
        return PaymentResult(PaymentStatus.FAILED, row.gateway_ref, decline=decline_for("processing_error"))
    return NotExecuted(note.strip())


def _check(row: Payment | Refund, note: str) -> None:
    if row.status not in IN_DOUBT:
        raise Conflict(f"This {row.noun} is {row.status}: there is no doubt about it.", code="not_in_doubt")
    if not note.strip():
        raise InvalidInput("Say what you saw, and where.", code="missing", field="note")
    if len(note) > LONGEST_NOTE:
        raise InvalidInput(f"At most {LONGEST_NOTE} characters.", code="too_long", field="note")


def _check_doubt(row: Payment | Refund, found: object, *, made: bool, tells: bool) -> None:
    """A person's word stands in for a gateway that does not say, never against one that does."""
    if isinstance(found, NoAnswer) and found.limited:
        raise Conflict("The gateway takes no more requests for now: try again in a minute.", code="gateway_paused")
    if isinstance(found, NoAnswer) or (found is None and not made):
        return
    if found is None:
        raise Conflict(f"The gateway says that it never received this {row.noun}.", code="gateway_disagrees")
    if tells:
        raise Conflict("The gateway says that it is still under way, and will say how it ends.", code="gateway_tells")


def _is_final(found: object) -> bool:
    return isinstance(found, PaymentResult | RefundResult) and found.status in ENDED


def _word(*, made: bool) -> str:
    return "succeeded" if made else "failed"
