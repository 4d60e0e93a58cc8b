"""Coupons, and who has redeemed them."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, Numeric, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain import discounts as rules
from app.domain.money import Money
from app.models.base import Json, TenantRow, belongs_to, instant, json_object, key, minor, reference
from app.models.customers import Customer


class Coupon(TenantRow):
    """A discount to redeem by its code: a percentage, or an amount in one currency.

    `redeemed` counts towards its limit, and the database, too, refuses one too many.
    """

    __tablename__ = "coupons"
    __table_args__ = (
        UniqueConstraint("code", "tenant_id"),
        CheckConstraint(
            "(percent IS NULL) <> (amount_minor IS NULL) AND (amount_minor IS NULL) = (currency IS NULL)",
            name="coupons_percent_or_amount",
        ),
        CheckConstraint("redeemed BETWEEN 0 AND coalesce(max_redemptions, redeemed)", name="coupons_within_limit"),
    )

    id: Mapped[str] = key("cpn")
    code: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    percent: Mapped[Decimal | None] = mapped_column(Numeric(15, 12))
    amount_minor: Mapped[int | None] = minor()
    currency: Mapped[str | None] = mapped_column(String(3))
    duration: Mapped[str] = mapped_column(String(9), default="once")
    periods: Mapped[int | None]
    expires_at: Mapped[datetime | None] = instant()
    max_redemptions: Mapped[int | None]
    max_per_customer: Mapped[int | None]
    redeemed: Mapped[int] = mapped_column(default=0)
    details: Mapped[Json] = json_object(name="metadata")
    archived_at: Mapped[datetime | None] = instant()

    @property
    def discount(self) -> rules.Discount:
        """What it takes off an invoice, named there by its code."""
        if self.percent is not None:
            return rules.PercentOff(self.percent, self.code)
        return rules.AmountOff(Money(self.amount_minor or 0, self.currency or ""), self.code)

    @property
    def rules(self) -> rules.Coupon:
        """The coupon as the domain judges it."""
        return rules.Coupon(
            code=self.code,
            discount=self.discount,
            duration=self.duration,  # type: ignore[arg-type]
            periods=self.periods,
            expires_at=self.expires_at,
            max_redemptions=self.max_redemptions,
            max_per_customer=self.max_per_customer,
        )


class Redemption(TenantRow):
    """A coupon that a customer has: for one subscription, or for whatever they are invoiced.

    It was used for so many periods, last for (`used_subscription_id`, `used_period_start`): what is invoiced for the
    same period later is discounted too, and does not count again.
    """

    __tablename__ = "redemptions"
    __table_args__ = (
        belongs_to("coupon_id", "coupons"),
        belongs_to("customer_id", "customers"),
        belongs_to("subscription_id", "subscriptions"),
        Index("redemptions_by_coupon", "coupon_id", "customer_id", "tenant_id"),
        Index("redemptions_at_work", "customer_id", "tenant_id", postgresql_where=text("ended_at IS NULL")),
        CheckConstraint("used >= 0", name="redemptions_used"),
    )

    id: Mapped[str] = key("rdm")
    coupon_id: Mapped[str] = reference("cpn")
    customer_id: Mapped[str] = reference("cus")
    subscription_id: Mapped[str | None] = reference("sub")
    used: Mapped[int] = mapped_column(default=0)
    used_subscription_id: Mapped[str | None] = reference("sub")
    used_period_start: Mapped[datetime | None] = instant()
    redeemed_at: Mapped[datetime] = instant()
    ended_at: Mapped[datetime | None] = instant()

    coupon: Mapped[Coupon] = relationship(viewonly=True, lazy="joined", innerjoin=True)
    customer: Mapped[Customer] = relationship(viewonly=True)

    @property
    def is_at_work(self) -> bool:
        """Whether the next invoice is still discounted."""
        return self.ended_at is None and self.coupon.rules.applies(self.used)
