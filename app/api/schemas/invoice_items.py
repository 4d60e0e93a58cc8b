"""Items that wait for the next invoice, on the wire."""

from typing import Self

from pydantic import BaseModel, Field

from app import models
from app.api.schemas.base import Listing
from app.api.schemas.invoices import NewInvoiceLine
from app.api.schemas.values import CustomerId, InvoiceItemId, SubscriptionId, Utc
from app.domain.exact import plain


class NewInvoiceItem(NewInvoiceLine):
    """A charge that waits for the next invoice of a subscription, or of the customer when none is named."""

    customer: CustomerId
    subscription: SubscriptionId | None = None


class InvoiceItem(BaseModel):
    """A charge that waits for the next invoice. `invoice` says where it stands in the end."""

    id: InvoiceItemId
    customer: CustomerId
    subscription: str | None
    invoice: str | None
    description: str
    quantity: str
    unit_amount: str
    currency: str
    tax_category: str
    inclusive: bool
    created_at: Utc

    @classmethod
    def of(cls, row: models.InvoiceItem) -> Self:
        return cls(
            id=row.id,
            customer=row.customer_id,
            subscription=row.subscription_id,
            invoice=row.invoice_id,
            description=row.description,
            quantity=plain(row.quantity),
            unit_amount=plain(row.unit_amount),
            currency=row.customer.currency,
            tax_category=row.tax_category,
            inclusive=row.inclusive,
            created_at=row.created_at,
        )


class InvoiceItemListing(Listing):
    """Which items."""

    customer: str | None = Field(None, max_length=64)
    subscription: str | None = Field(None, max_length=64)
    waiting: bool = Field(False, description="Only those that stand on no invoice yet.")
