"""What a seller watches payments with: rules, lists, and payments that wait for a person to look at them."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.fraud import Rule, Verdict
from app.domain.money import Money
from app.models.base import Json, TenantRow, belongs_to, instant, json_object, key, minor, reference
from app.models.customers import Customer
from app.models.invoices import Invoice


class FraudRule(TenantRow):
    """A rule of the seller's own; see `domain.fraud`."""

    __tablename__ = "fraud_rules"
    __table_args__ = (CheckConstraint("at_least > 0", name="fraud_rules_at_least"),)

    id: Mapped[str] = key("frr")
    signal: Mapped[str] = mapped_column(String(32))
    verdict: Mapped[str] = mapped_column(String(16))
    at_least: Mapped[int] = mapped_column(default=1)

    @property
    def rule(self) -> Rule:
        """The rule as the domain knows it."""
        return Rule(self.signal, Verdict(self.verdict), self.at_least)


class FraudEntry(TenantRow):
    """An address, IP address or country that is always let through, or never. `value` is in lower case."""

    __tablename__ = "fraud_entries"
    __table_args__ = (UniqueConstraint("kind", "value", "tenant_id"),)

    id: Mapped[str] = key("fre")
    kind: Mapped[str] = mapped_column(String(16))
    value: Mapped[str] = mapped_column(String(254))
    allow: Mapped[bool]


class FraudReview(TenantRow):
    """A payment that is not charged before somebody has looked. One invoice has one open."""

    __tablename__ = "fraud_reviews"
    __table_args__ = (
        belongs_to("invoice_id", "invoices"),
        belongs_to("customer_id", "customers"),
        CheckConstraint("status IN ('open', 'released', 'refused')", name="fraud_reviews_known_status"),
        Index("fraud_reviews_by_invoice", "invoice_id", "tenant_id"),
        Index(
            "fraud_reviews_one_open", "tenant_id", "invoice_id", unique=True, postgresql_where=text("status = 'open'")
        ),
    )

    id: Mapped[str] = key("fvw")
    invoice_id: Mapped[str] = reference("inv")
    customer_id: Mapped[str] = reference("cus")
    payment_method_id: Mapped[str | None] = reference("pm")
    status: Mapped[str] = mapped_column(String(16), default="open")
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int] = minor()
    ip: Mapped[str | None] = mapped_column(String(45))
    signals: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]", nullable=False)
    facts: Mapped[Json] = json_object()
    decided_at: Mapped[datetime | None] = instant()

    invoice: Mapped[Invoice] = relationship(viewonly=True)
    customer: Mapped[Customer] = relationship(viewonly=True)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
