"""Credit notes and their lines."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.money import Money
from app.models.base import Json, TenantRow, belongs_to, instant, json_object, key, minor, reference
from app.models.customers import Customer
from app.models.invoices import Invoice


class CreditNote(TenantRow):
    """A part of an invoice given back, or all of it, tax included; seller and buyer are kept as they were then.

    Of its total, `owed_minor` was taken off what was still owed, `refund_minor` goes back to the payments it came from,
    and `balance_minor` is the customer's credit. At `refund_at` the next refund is tried; None when all is under way.
    """

    __tablename__ = "credit_notes"
    __table_args__ = (
        belongs_to("invoice_id", "invoices"),
        belongs_to("customer_id", "customers"),
        UniqueConstraint("number", "tenant_id"),
        Index("credit_notes_by_invoice", "invoice_id", "tenant_id"),
        Index("credit_notes_by_customer", "customer_id", "tenant_id"),
        Index("credit_notes_to_refund", "tenant_id", "refund_at", postgresql_where=text("refund_at IS NOT NULL")),
        CheckConstraint(
            "total_minor >= 0 AND total_minor = owed_minor + refund_minor + balance_minor"
            " AND least(owed_minor, refund_minor, balance_minor) >= 0",
            name="credit_notes_whole",
        ),
    )

    id: Mapped[str] = key("crn")
    invoice_id: Mapped[str] = reference("inv")
    customer_id: Mapped[str] = reference("cus")
    number: Mapped[str] = mapped_column(String(40))
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(default="")
    net_minor: Mapped[int] = minor()
    tax_minor: Mapped[int] = minor()
    total_minor: Mapped[int] = minor()
    owed_minor: Mapped[int] = minor()
    refund_minor: Mapped[int] = minor()
    balance_minor: Mapped[int] = minor()
    taxes: Mapped[list[Json]] = mapped_column(JSONB, default=list, server_default="[]")
    seller: Mapped[Json] = json_object()
    buyer: Mapped[Json] = json_object()
    issued_at: Mapped[datetime] = instant()
    refund_at: Mapped[datetime | None] = instant()

    invoice: Mapped[Invoice] = relationship(viewonly=True)
    customer: Mapped[Customer] = relationship(viewonly=True)
    lines: Mapped[list["CreditNoteLine"]] = relationship(viewonly=True, order_by="CreditNoteLine.position")

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)

    @property
    def to_refund(self) -> Money:
        """What goes back to the payments."""
        return Money(self.refund_minor, self.currency)


class CreditNoteLine(TenantRow):
    """The part of one invoice line that was given back: without tax, and each of its taxes in the line's order."""

    __tablename__ = "credit_note_lines"
    __table_args__ = (
        belongs_to("credit_note_id", "credit_notes"),
        belongs_to("invoice_line_id", "invoice_lines"),
        Index("credit_note_lines_by_note", "credit_note_id", "tenant_id"),
        Index("credit_note_lines_by_line", "invoice_line_id", "tenant_id"),
    )

    id: Mapped[str] = key("cnl")
    credit_note_id: Mapped[str] = reference("crn")
    invoice_line_id: Mapped[str] = reference("ivl")
    position: Mapped[int]
    description: Mapped[str]
    net_minor: Mapped[int] = minor()
    tax_minor: Mapped[int] = minor()
    taxes: Mapped[list[Json]] = mapped_column(JSONB, default=list, server_default="[]")
