"""The status of an invoice as its customer is to see it."""

from datetime import datetime

from app.models import Invoice
from app.queries.portal import OWED


def status_shown(invoice: Invoice, at: datetime) -> str:
    """`overdue` and `partially_paid` say more than `open`, and what was written off is still owed."""
    if invoice.status not in OWED:
        return invoice.status
    if is_late(invoice, at):
        return "overdue"
    return "partially_paid" if invoice.due != invoice.total else "open"


def is_late(invoice: Invoice, at: datetime) -> bool:
    """Whether it should have been paid. What is charged by itself is late only once a charge has failed."""
    if invoice.status != "open":
        return invoice.status == "uncollectible"
    was_tried = invoice.collection == "manual" or invoice.first_failed_at is not None
    return was_tried and invoice.due_at is not None and invoice.due_at <= at
