"""Customers and the means they pay with."""

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.money import Money
from app.models.base import (
    Json,
    TenantRow,
    asked_once,
    belongs_to,
    instant,
    json_object,
    key,
    minor,
    reference,
    requested_by,
)


class Customer(TenantRow):
    """Someone who buys. Days and month ends are counted in their time zone.

    `balance_minor` is what we owe them (below zero, they us): the last of their balance moves. `series` numbers their
    invoices where each customer has numbers of their own. Those on a test clock live in its time, for good.
    """

    __tablename__ = "customers"
    __table_args__ = (
        belongs_to("test_clock_id", "test_clocks"),
        UniqueConstraint("external_id", "tenant_id"),
        UniqueConstraint("series", "tenant_id"),
        Index("customers_by_email", "email", "tenant_id"),
        Index("customers_on_clocks", "test_clock_id", "tenant_id", postgresql_where=text("test_clock_id IS NOT NULL")),
    )

    id: Mapped[str] = key("cus")
    name: Mapped[str]
    email: Mapped[str] = mapped_column(String(254))
    external_id: Mapped[str | None] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(8), default="business")
    currency: Mapped[str] = mapped_column(String(3))
    timezone: Mapped[str]
    locale: Mapped[str] = mapped_column(String(16), default="en_CA")
    address: Mapped[Json] = json_object()
    tax_ids: Mapped[list[Json]] = mapped_column(JSONB, default=list, server_default="[]")
    exempt: Mapped[Json] = json_object()
    balance_minor: Mapped[int] = minor(default=0, server_default="0")
    series: Mapped[int | None]
    test_clock_id: Mapped[str | None] = reference("clk")
    details: Mapped[Json] = json_object(name="metadata")
    deleted_at: Mapped[datetime | None] = instant()

    @property
    def balance(self) -> Money:
        """What we owe them, spent on their next invoice."""
        return Money(self.balance_minor, self.currency)


class PaymentMethod(TenantRow):
    """A gateway's token for a card or account. We never hold the number itself.

    `fingerprint` is the gateway's name for what is behind it, the same whoever leaves it.
    `warn_at` is when it is looked at next whether its owner must be told that it expires, `warned_at` when they were.
    """

    __tablename__ = "payment_methods"
    __table_args__ = (
        belongs_to("customer_id", "customers"),
        belongs_to("gateway_account_id", "gateway_accounts"),
        Index("payment_methods_by_customer", "customer_id", "tenant_id"),
        asked_once("payment_methods"),
        Index(
            "payment_methods_one_default",
            "tenant_id",
            "customer_id",
            unique=True,
            postgresql_where=text("is_default AND removed_at IS NULL"),
        ),
        Index(
            "payment_methods_by_fingerprint",
            "fingerprint",
            "tenant_id",
            postgresql_where=text("fingerprint IS NOT NULL"),
        ),
        Index("payment_methods_to_warn", "tenant_id", "warn_at", postgresql_where=text("warn_at IS NOT NULL")),
    )

    id: Mapped[str] = key("pm")
    customer_id: Mapped[str] = reference("cus")
    gateway_account_id: Mapped[str] = reference("gac")
    requested_by: Mapped[str | None] = requested_by()
    kind: Mapped[str] = mapped_column(String(16), default="card")
    token: Mapped[str]
    brand: Mapped[str | None]
    last4: Mapped[str | None] = mapped_column(String(4))
    exp_month: Mapped[int | None]
    exp_year: Mapped[int | None]
    fingerprint: Mapped[str | None] = mapped_column(String(255))
    is_default: Mapped[bool] = mapped_column(default=False)
    warn_at: Mapped[datetime | None] = instant()
    warned_at: Mapped[datetime | None] = instant()
    removed_at: Mapped[datetime | None] = instant()
