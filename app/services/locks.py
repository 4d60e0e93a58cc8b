"""The order in which rows are locked, so that nobody ever waits in a circle.

Refund, payments, credit note, subscription, invoices by id, redemptions, customers by id, counters: whoever locks
several takes them in this order.
"""

from app.models import Invoice, Subscription
from app.queries.base import get


def lock_debt(invoice_id: str) -> Invoice:
    """The invoice, locked after the subscription it belongs to. Raises NotFound."""
    invoice = get(Invoice, invoice_id)
    if invoice.subscription_id:
        get(Subscription, invoice.subscription_id, lock=True)
    return get(Invoice, invoice_id, lock=True)
