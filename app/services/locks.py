"""The order in which rows are locked, so that nobody ever waits in a circle.

Refund, payments, credit note, subscription, invoices by id, redemptions, customers by id, counters: whoever locks
several takes them in this order.
"""

from sqlalchemy.orm.attributes import set_committed_value

from app.models import Invoice, Subscription
from app.queries.base import get


def lock_debt(invoice_id: str) -> Invoice:
    """The invoice, locked after the subscription it belongs to, which it has at hand then. Raises NotFound."""
    of = get(Invoice, invoice_id).subscription_id
    subscription = get(Subscription, of, lock=True) if of else None
    invoice = get(Invoice, invoice_id, lock=True)
    set_committed_value(invoice, "subscription", subscription)
    return invoice
