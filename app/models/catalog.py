"""What is sold: products, plans that give them a price and a rhythm, and what else a plan charges."""

from datetime import datetime
from functools import cached_property

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.pricing import Price, parse_price
from app.domain.terms import COUNTED, Billing, FirstPeriod, ProrationMode
from app.models.base import Json, TenantRow, belongs_to, instant, json_object, key, known_words, reference
from app.models.usage import Meter


class Product(TenantRow):
    """Something sold; plans give it prices."""

    __tablename__ = "products"
    __table_args__ = (UniqueConstraint("code", "tenant_id"),)

    id: Mapped[str] = key("prd")
    code: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    tax_category: Mapped[str] = mapped_column(String(16), default="saas")
    details: Mapped[Json] = json_object(name="metadata")
    archived_at: Mapped[datetime | None] = instant()


class Plan(TenantRow):
    """A price and a rhythm. A changed price is a new version (a new row), so what is sold keeps its price.

    `bill`, `first_period` and `proration_…` are the words of `domain.terms`: when a period is invoiced, what a short
    first one costs, how a change to something dearer or cheaper is paid, and how parts of a period are counted.
    """

    __tablename__ = "plans"
    __table_args__ = (
        belongs_to("product_id", "products"),
        UniqueConstraint("code", "version", "tenant_id"),
        Index("plans_by_product", "product_id", "tenant_id"),
        CheckConstraint("interval_count > 0 AND trial_days >= 0", name="plans_sane"),
        known_words("plans", "bill", Billing),
        known_words("plans", "first_period", FirstPeriod),
        known_words("plans", "proration_upgrade", ProrationMode),
        known_words("plans", "proration_downgrade", ProrationMode),
        known_words("plans", "proration_counted", COUNTED),
    )

    id: Mapped[str] = key("pln")
    product_id: Mapped[str] = reference("prd")
    code: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1)
    name: Mapped[str]
    currency: Mapped[str] = mapped_column(String(3))
    price: Mapped[Json] = json_object()
    interval: Mapped[str] = mapped_column(String(8))
    interval_count: Mapped[int] = mapped_column(default=1)
    trial_days: Mapped[int] = mapped_column(default=0)
    tax_behavior: Mapped[str] = mapped_column(String(9), default="exclusive")
    bill: Mapped[str] = mapped_column(String(10), default="in_advance", server_default="in_advance")
    first_period: Mapped[str] = mapped_column(String(7), default="prorate", server_default="prorate")
    proration_upgrade: Mapped[str] = mapped_column(String(11), default="second", server_default="second")
    proration_downgrade: Mapped[str] = mapped_column(String(11), default="second", server_default="second")
    proration_counted: Mapped[str] = mapped_column(String(6), default="second", server_default="second")
    details: Mapped[Json] = json_object(name="metadata")
    archived_at: Mapped[datetime | None] = instant()

    product: Mapped[Product] = relationship(viewonly=True, lazy="joined", innerjoin=True)
    charges: Mapped[list["Charge"]] = relationship(viewonly=True, lazy="selectin", order_by="Charge.position")

    @cached_property
    def pricing(self) -> Price:
        """The price as the domain computes with it. A row keeps its price, so it is read once."""
        return parse_price(self.price)


class Charge(TenantRow):
    """What a plan asks for besides its own price: a recurring price times the subscription's quantity, or a price of
    what a meter measured in a period, asked for at the period's end."""

    __tablename__ = "charges"
    __table_args__ = (
        belongs_to("plan_id", "plans"),
        belongs_to("meter_id", "meters"),
        UniqueConstraint("plan_id", "position", "tenant_id"),
        Index("charges_by_meter", "meter_id", "tenant_id"),
        CheckConstraint(
            "(kind = 'usage' AND meter_id IS NOT NULL) OR (kind = 'recurring' AND meter_id IS NULL)",
            name="charges_usage_has_a_meter",
        ),
    )

    id: Mapped[str] = key("chg")
    plan_id: Mapped[str] = reference("pln")
    position: Mapped[int]
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(String(9))
    price: Mapped[Json] = json_object()
    meter_id: Mapped[str | None] = reference("mtr")

    meter: Mapped[Meter | None] = relationship(viewonly=True, lazy="joined")

    @cached_property
    def pricing(self) -> Price:
        """The price as the domain computes with it. A row keeps its price, so it is read once."""
        return parse_price(self.price)
