"""Previews: what an invoice or a subscription would cost. Nothing is stored, so a key that reads may ask."""

from app.api import previews
from app.api.blueprint import v1
from app.api.operations import writes
from app.api.schemas.previews_invoices import InvoicePreview, InvoiceToPreview
from app.api.schemas.previews_subscriptions import SubscriptionPreview, SubscriptionToPreview
from app.clock import now
from app.permissions import Permission


@v1.post("/invoices/preview")
@writes(InvoicePreview, Permission.VIEW)
def preview_invoice(json: InvoiceToPreview) -> InvoicePreview:
    """Preview an invoice.

    Everything can be given in the request: prices, the customer's place, your tax numbers. Nothing is stored.
    """
    return previews.invoice_preview(json, now())


@v1.post("/subscriptions/preview")
@writes(SubscriptionPreview, Permission.VIEW)
def preview_subscription(json: SubscriptionToPreview) -> SubscriptionPreview:
    """Preview the life of a subscription.

    Its periods, invoices and statuses, with the changes and the cancellation that are planned. Nothing is stored.
    """
    return previews.subscription_preview(json, now())
