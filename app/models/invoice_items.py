"""One-off charges that wait for the customer's next invoice."""

from decimal import Decimal

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import TenantRow, belongs_to, exact, key, reference
from app.models.customers import Customer


class InvoiceItem(TenantRow):
    """A line to be: it stands on the next invoice of the subscription, or of the customer when it names none."""

    __tablename__ = "invoice_items"
    __table_args__ = (
        belongs_to("customer_id", "customers"),
        belongs_to("subscription_id", "subscriptions"),
        belongs_to("invoice_id", "invoices"),
        Index("invoice_items_waiting", "customer_id", "tenant_id", postgresql_where=text("invoice_id IS NULL")),
        Index("invoice_items_by_invoice", "invoice_id", "tenant_id"),
    )

    id: Mapped[str] = key("ivi")
    customer_id: Mapped[str] = reference("cus")
    subscription_id: Mapped[str | None] = reference("sub")
    invoice_id: Mapped[str | None] = reference("inv")
    description: Mapped[str]
    quantity: Mapped[Decimal] = exact()
    unit_amount: Mapped[Decimal] = exact()
    tax_category: Mapped[str] = mapped_column(String(16), default="service")
    inclusive: Mapped[bool] = mapped_column(default=False)

    customer: Mapped[Customer] = relationship(viewonly=True)
