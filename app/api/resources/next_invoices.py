"""The invoice that a subscription brings next."""

from app import models
from app.api.blueprint import v1
from app.api.operations import reads
from app.api.schemas.previews_invoices import NextInvoice
from app.domain.errors import NotFound
from app.queries.base import get
from app.services import upcoming


@v1.get("/subscriptions/<subscription_id>/next-invoice")
@reads(NextInvoice)
def preview_next_invoice(subscription_id: str) -> NextInvoice:
    """Preview the next invoice of a subscription, with its usage so far. Nothing is stored."""
    row = get(models.Subscription, subscription_id)
    found = upcoming.next_invoice(row, row.customer, row.plan)
    if found is None:
        raise NotFound("This subscription brings no further invoice.", code="no_next_invoice")
    return NextInvoice.of_upcoming(found)
