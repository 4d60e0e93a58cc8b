"""Items: charges that wait for the next invoice."""

from http import HTTPStatus

from app import models
from app.api.blueprint import v1
from app.api.operations import reads, writes
from app.api.references import existing
from app.api.schemas.base import Page, page_of
from app.api.schemas.invoice_items import InvoiceItem, InvoiceItemListing, NewInvoiceItem
from app.permissions import Permission
from app.present import present
from app.queries import sale_lists
from app.queries.base import get
from app.services import invoice_items


@v1.get("/invoice-items")
@reads(Page[InvoiceItem])
def list_invoice_items(query: InvoiceItemListing) -> Page[InvoiceItem]:
    """List items, the newest first."""
    return page_of(sale_lists.invoice_items(query.filters, cursor=query.cursor, limit=query.limit), InvoiceItem.of)


@v1.post("/invoice-items")
@writes(InvoiceItem, Permission.SELL, HTTPStatus.CREATED)
def add_invoice_item(json: NewInvoiceItem) -> InvoiceItem:
    """Note a charge for the next invoice."""
    customer = existing(models.Customer, json.customer, "customer")
    subscription = existing(models.Subscription, json.subscription, "subscription").id if json.subscription else None
    return InvoiceItem.of(
        invoice_items.add(customer.id, json.one_off(), present(customer.id), subscription_id=subscription)
    )


@v1.get("/invoice-items/<item_id>")
@reads(InvoiceItem)
def show_invoice_item(item_id: str) -> InvoiceItem:
    """Show an item."""
    return InvoiceItem.of(get(models.InvoiceItem, item_id))


@v1.delete("/invoice-items/<item_id>")
@writes(None, Permission.SELL, HTTPStatus.NO_CONTENT)
def remove_invoice_item(item_id: str) -> None:
    """Take an item back that still waits."""
    invoice_items.remove(item_id, present(item_id))
