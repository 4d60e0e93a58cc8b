"""How much of an invoice can be sent back to the payments it came from."""

from collections.abc import Sequence

from sqlalchemy import select

from app.db import session
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.models import Invoice, Payment
from app.queries.credit_notes import notes_of, unclaimed


def payments_of(invoice_id: str, *, lock: bool = False) -> Sequence[Payment]:
    """The settled payments of an invoice, newest first; locked, if asked, before the invoice is (services/locks.py)."""
    query = select(Payment).where(Payment.invoice_id == invoice_id, Payment.status == "succeeded").order_by(Payment.id)
    if lock:
        query = query.with_for_update(of=Payment, key_share=True).execution_options(populate_existing=True)
    return list(reversed(session().scalars(query).all()))


def left(invoice: Invoice, payments: Sequence[Payment]) -> int:
    """What gateways can send back of these payments, in minor units, less what earlier credit notes will send."""
    promised = sum(unclaimed(note) for note in notes_of(invoice.id))
    return max(0, sum(left_of(payment) for payment in payments) - promised)


def left_of(payment: Payment) -> int:
    """What the gateway can still send back of one payment, in minor units; nothing where there was none."""
    if payment.is_outside:
        return 0
    capabilities = gateway_class(payment.account.gateway).capabilities
    in_parts = Capability.PARTIAL_REFUND in capabilities
    if Capability.REFUND not in capabilities or (payment.refunded_minor and not in_parts):
        return 0
    return payment.amount_minor - payment.refunded_minor
