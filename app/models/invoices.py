"""Invoices and their lines."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.money import Money
from app.models.base import (
    HasStatus,
    Json,
    TenantRow,
    belongs_to,
    exact,
    instant,
    json_object,
    key,
    known_status,
    minor,
    reference,
)
from app.models.customers import Customer
from app.models.subscriptions import Subscription


class Invoice(HasStatus, TenantRow):
    """A demand for money. Numbered at finalisation, for good; seller and buyer are kept as they were then.

    What settles it: `paid_minor` came through gateways, `from_balance_minor` out of the customer's balance (below zero
    it went there, or a debt was carried forward), and `credited_minor` was taken off by credit notes.
    A draft with a `review_reason` looks abnormal: it is not charged before a person has looked at it.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        belongs_to("customer_id", "customers"),
        belongs_to("subscription_id", "subscriptions"),
        belongs_to("replaced_by_id", "invoices"),
        UniqueConstraint("number", "tenant_id"),
        known_status("invoice"),
        Index("invoices_by_customer", "customer_id", "tenant_id"),
        Index("invoices_to_collect", "tenant_id", "collect_at", postgresql_where=text("collect_at IS NOT NULL")),
        Index("invoices_to_finalize", "tenant_id", "finalize_at", postgresql_where=text("finalize_at IS NOT NULL")),
        Index("invoices_to_dun", "tenant_id", "dunning_at", postgresql_where=text("dunning_at IS NOT NULL")),
        Index(
            "invoices_period_billed_once",
            "tenant_id",
            "subscription_id",
            "period_start",
            unique=True,
            postgresql_where=text("reason IN ('subscription_start', 'subscription_cycle') AND status <> 'void'"),
        ),
        CheckConstraint(
            "paid_minor >= 0 AND credited_minor >= 0"
            " AND total_minor - paid_minor - credited_minor - from_balance_minor >= 0",
            name="invoices_settled_within_total",
        ),
        CheckConstraint("number IS NOT NULL OR issued_at IS NULL", name="invoices_numbered"),
    )
    noun = "invoice"

    id: Mapped[str] = key("inv")
    customer_id: Mapped[str] = reference("cus")
    subscription_id: Mapped[str | None] = reference("sub")
    number: Mapped[str | None] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(24))
    collection: Mapped[str] = mapped_column(String(9), default="automatic")
    currency: Mapped[str] = mapped_column(String(3))
    subtotal_minor: Mapped[int] = minor(default=0)
    discount_minor: Mapped[int] = minor(default=0)
    tax_minor: Mapped[int] = minor(default=0)
    total_minor: Mapped[int] = minor(default=0)
    paid_minor: Mapped[int] = minor(default=0)
    from_balance_minor: Mapped[int] = minor(default=0, server_default="0")
    credited_minor: Mapped[int] = minor(default=0, server_default="0")
    discounts: Mapped[list[Json]] = mapped_column(JSONB, default=list, server_default="[]")
    taxes: Mapped[list[Json]] = mapped_column(JSONB, default=list, server_default="[]")
    notes: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    seller: Mapped[Json] = json_object()
    buyer: Mapped[Json] = json_object()
    memo: Mapped[str] = mapped_column(default="")
    review_reason: Mapped[str | None]
    period_start: Mapped[datetime | None] = instant()
    period_end: Mapped[datetime | None] = instant()
    issued_at: Mapped[datetime | None] = instant()
    due_at: Mapped[datetime | None] = instant()
    paid_at: Mapped[datetime | None] = instant()
    finalize_at: Mapped[datetime | None] = instant()
    voided_at: Mapped[datetime | None] = instant()
    written_off_at: Mapped[datetime | None] = instant()
    replaced_by_id: Mapped[str | None] = reference("inv")
    collect_at: Mapped[datetime | None] = instant()
    dunning_at: Mapped[datetime | None] = instant()
    attempts: Mapped[int] = mapped_column(default=0)
    first_failed_at: Mapped[datetime | None] = instant()
    tried_at: Mapped[datetime | None] = instant()
    decline_code: Mapped[str | None] = mapped_column(String(40))
    method_changed_at: Mapped[datetime | None] = instant()
    reminded_at: Mapped[datetime | None] = instant()
    details: Mapped[Json] = json_object(name="metadata")

    customer: Mapped[Customer] = relationship(viewonly=True)
    subscription: Mapped[Subscription | None] = relationship(viewonly=True)
    lines: Mapped[list["InvoiceLine"]] = relationship(viewonly=True, order_by="InvoiceLine.position")

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)

    @hybrid_property
    def due_minor(self) -> int:
        """What is still to be paid, in minor units; in queries, too."""
        return self.total_minor - self.paid_minor - self.credited_minor - self.from_balance_minor

    @property
    def due(self) -> Money:
        """What is still to be paid."""
        return Money(self.due_minor, self.currency)


class InvoiceLine(TenantRow):
    """One line, with the derivation of its amount: "why this cent".

    `credited_minor` is what was given back of it, as priced, by credit notes and by the lines that name it in
    `credits_id`; the database refuses more than was invoiced. The derivation of a draft ends before discount and tax.
    """

    __tablename__ = "invoice_lines"
    __table_args__ = (
        belongs_to("invoice_id", "invoices"),
        belongs_to("credits_id", "invoice_lines"),
        belongs_to("charge_id", "charges"),
        Index("invoice_lines_by_invoice", "invoice_id", "tenant_id"),
        Index("invoice_lines_by_credits", "credits_id", "tenant_id", postgresql_where=text("credits_id IS NOT NULL")),
        CheckConstraint(
            "credited_minor BETWEEN least(0, amount_minor - discount_minor)"
            " AND greatest(0, amount_minor - discount_minor)",
            name="invoice_lines_credited_within",
        ),
    )

    id: Mapped[str] = key("ivl")
    invoice_id: Mapped[str] = reference("inv")
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    description: Mapped[str]
    quantity: Mapped[Decimal] = exact()
    unit_amount: Mapped[Decimal | None] = exact()
    amount_minor: Mapped[int] = minor()
    discount_minor: Mapped[int] = minor(default=0)
    tax_minor: Mapped[int] = minor(default=0)
    credited_minor: Mapped[int] = minor(default=0, server_default="0")
    credits_id: Mapped[str | None] = reference("ivl")
    tax_category: Mapped[str] = mapped_column(String(16), default="service", server_default="service")
    inclusive: Mapped[bool] = mapped_column(default=False, server_default="false")
    taxed_at: Mapped[datetime | None] = instant()
    period_start: Mapped[datetime | None] = instant()
    period_end: Mapped[datetime | None] = instant()
    plan_id: Mapped[str | None] = reference("pln")
    charge_id: Mapped[str | None] = reference("chg")
    taxes: Mapped[list[Json]] = mapped_column(JSONB, default=list, server_default="[]")
    derivation: Mapped[list[Json]] = mapped_column(JSONB, default=list, server_default="[]")
