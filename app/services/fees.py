"""What gateways keep for themselves, booked when they say so: with the payment, or later in their list."""

from datetime import datetime

from app.domain.ledger import entry
from app.domain.money import Money
from app.models import Payment
from app.services import ledger


def book(payment: Payment, fee: Money, at: datetime) -> None:
    """Book the fee of a payment, locked, once; when the gateway corrects it, the difference.

    `fee` is in the currency the gateway settles in. A fee of 0.50 after one of 0.30 posts 0.20 more.
    """
    known = Money(payment.fee_minor, payment.fee_currency) if payment.fee_currency else Money(0, fee.currency)
    if payment.fee_currency and known == fee:
        return
    changes = [fee - known] if known.currency == fee.currency else [-known, fee]
    posted = [entry("gateway_fee", change.currency, amount=change.minor) for change in changes if change]
    ledger.post_all([ledger.Booking(payment.id, payment.customer_id, one) for one in posted], at)
    payment.fee_minor, payment.fee_currency = fee.minor, fee.currency
