"""A payment is for the amount that was asked for. Less, or another currency, is refused: somebody has to look at it.

More is booked, because the money is there: what is over becomes the customer's balance (see late_money.py).
"""

from datetime import datetime

from app.domain.money import Money
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.gateways.types import PaymentResult, PaymentStatus
from app.models import Payment
from app.services.events import emit
from app.services.history import audit, move

CODE = "amount_mismatch"
NOTHING_BOOKED = "nothing was booked."


def differs(payment: Payment, result: PaymentResult) -> bool:
    """Whether the gateway took less than was asked for, or another currency. Where payers send what they like, only the
    currency can be wrong; and what was booked once is booked."""
    if result.amount is None or result.status is not PaymentStatus.SUCCEEDED or payment.status == "succeeded":
        return False
    if result.amount.currency != payment.currency:
        return True
    return result.amount < payment.captured and not _any_amount(payment)


def has_grown(payment: Payment, result: PaymentResult) -> bool:
    """Whether more has come for a payment that is booked: payers who send what they like may send it twice."""
    booked = Money(payment.received_minor or 0, payment.currency)
    came = result.amount if result.status is PaymentStatus.SUCCEEDED and payment.status == "succeeded" else None
    return came is not None and came.currency == booked.currency and came > booked and _any_amount(payment)


def _any_amount(payment: Payment) -> bool:
    return Capability.ANY_AMOUNT in gateway_class(payment.account.gateway).capabilities


def was_refused(payment: Payment) -> bool:
    """Whether what the gateway last said of an open attempt was refused."""
    return (payment.message or "").endswith(NOTHING_BOOKED)


def refuse(payment: Payment, result: PaymentResult, at: datetime) -> None:
    """Book nothing, and say so, once. The attempt stays open for whoever looks at it, so nothing is charged again."""
    message = f"{payment.amount} were asked for, and the gateway says that {result.amount} came: {NOTHING_BOOKED}"
    if payment.message == message:
        return
    payment.message, payment.gateway_ref = message, result.gateway_ref or payment.gateway_ref
    if payment.status == "sending":
        move(payment, "unknown", at, message)
    audit("payment.refuse_amount", payment.id, at, code=CODE, asked=str(payment.amount), came=str(result.amount))
    emit("payment.amount_refused", payment.id, at, customer_id=payment.customer_id, code=CODE)
