"""Money that came in outside of any gateway, by the word of somebody who saw it.

What is recorded goes through the same door as the result of a gateway, and so does what was recorded by mistake.
"""

from datetime import datetime

from app.db import session, transaction
from app.domain.declines import DECLINES
from app.domain.errors import Conflict
from app.domain.money import Money
from app.domain.outside_payments import Received, check_received
from app.gateways.types import PaymentResult, PaymentStatus
from app.models import Invoice, Payment
from app.queries.base import get
from app.services import charging, payments
from app.services.events import emit
from app.services.history import audit
from app.services.locks import lock_debt


def receive(invoice_id: str, received: Received, at: datetime, *, amount: Money | None = None) -> Payment:
    """Record that money for an invoice came in: `amount`, a part of what is due, or all of it. Opens its own
    transactions.

    An attempt that waits for its payer is given up for it; money that still comes of that is the customer's. Raises
    Conflict when the invoice takes no money or another attempt may be taking it, and InvalidInput as `check_received`
    and `payments.part_of`.
    """
    _asked(get(Invoice, invoice_id), received, at, amount)
    charging.supersede(invoice_id, at)
    with transaction():
        lock_debt(invoice_id)
        invoice = payments.lock_payable(invoice_id, at)
        row = _claim(invoice, _asked(invoice, received, at, amount), received, at)
        return payments.record(row.id, PaymentResult(PaymentStatus.SUCCEEDED), at)


def take_back(payment_id: str, at: datetime, *, reason: str = "") -> Payment:
    """The money did not come, or was recorded on another invoice than it was for: the invoice is owed again.

    Taken back again, nothing changes. Raises Conflict for a payment through a gateway, and for one of which something
    was given back.
    """
    payment = get(Payment, payment_id, lock=True)
    if not payment.is_outside:
        raise Conflict("This money came through a gateway: refund it.", code="not_outside")
    if payment.status == "failed":
        return payment
    if payment.refunded_minor:
        raise Conflict("Some of it was given back: it cannot be taken back any more.", code="already_refunded")
    facts = {"amount": str(payment.amount), "reason": reason}
    audit("payment.take_back", payment.id, at, **facts)
    emit("payment.taken_back", payment.id, at, customer_id=payment.customer_id, **facts)
    return payments.record(payment_id, PaymentResult(PaymentStatus.FAILED, decline=DECLINES["not_received"]), at)


def _asked(invoice: Invoice, received: Received, at: datetime, amount: Money | None) -> Money:
    """How much of what is due came in, if it can have come so."""
    payments.check_payable(invoice)
    check_received(received, issued_at=invoice.issued_at or invoice.created_at, at=at)
    return invoice.due if amount is None else payments.part_of(invoice, amount)


def _claim(invoice: Invoice, amount: Money, received: Received, at: datetime) -> Payment:
    """The attempt, with which no other can be open at the same time."""
    row = Payment(
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        outside_method=received.method,
        outside_reference=received.reference,
        received_at=received.at,
        status="sending",
        currency=invoice.currency,
        amount_minor=amount.minor,
        started_at=at,
        created_at=at,
    )
    session().add(row)
    session().flush()
    audit("payment.receive", row.id, at, invoice=invoice.id, method=received.method, amount=str(amount))
    return row
