"""Coupons and their redemptions on the wire."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from app import models
from app.api.schemas.base import UNSET, Listing, Request
from app.api.schemas.values import (
    Code,
    CouponId,
    Currency,
    CustomerId,
    Instant,
    Metadata,
    Number,
    RedemptionId,
    SubscriptionId,
    Text,
    Utc,
    major,
)
from app.domain.errors import InvalidInput
from app.domain.exact import plain
from app.domain.money import Money

Duration = Literal["once", "repeating", "forever"]
Limit = Annotated[int, Field(ge=1, le=1_000_000_000)]


class CouponChanges(Request):
    """What of a coupon can change. What it grants cannot: customers have it already. Null: no limit."""

    name: Text = UNSET
    expires_at: Instant | None = Field(None, description="From this instant on nobody can redeem it.")
    max_redemptions: Limit | None = None
    max_per_customer: Limit | None = None
    archived: bool = Field(UNSET, description="An archived coupon is not given out any more; who has it keeps it.")
    metadata: Metadata = UNSET


class NewCoupon(Request):
    """A coupon to add: a `percent`, or an `amount` in a `currency`, off one invoice, `periods` of them, or all."""

    code: Code
    name: Text = UNSET
    percent: Number | None = None
    amount: Number | None = None
    currency: Currency | None = Field(None, description="Of the amount.")
    duration: Duration = "once"
    periods: int | None = Field(None, ge=1, le=1200, description="How many periods a repeating coupon discounts.")
    expires_at: Instant | None = Field(None, description="From this instant on nobody can redeem it.")
    max_redemptions: Limit | None = Field(None, description="By all customers together.")
    max_per_customer: Limit | None = None
    metadata: Metadata = UNSET

    def kept(self) -> dict[str, Any]:
        """The coupon as the service takes it. Raises InvalidInput for an amount without currency, or the reverse."""
        values = self.given()
        amount = values.pop("amount", None)
        if (amount is None) != (self.currency is None):
            field = "currency" if self.currency is None else "amount"
            raise InvalidInput("An amount and its currency go together.", code="missing", field=field)
        if amount is not None and self.currency:
            values["amount_minor"] = Money.parse(amount, self.currency).minor
        return values


class Coupon(BaseModel):
    """A discount that customers redeem by its code. `redeemed` counts towards `max_redemptions`."""

    id: CouponId
    code: str
    name: str
    percent: str | None
    amount: str | None
    currency: str | None
    duration: Duration
    periods: int | None
    expires_at: Utc | None
    max_redemptions: int | None
    max_per_customer: int | None
    redeemed: int
    metadata: dict[str, str]
    created_at: Utc
    archived_at: Utc | None

    @classmethod
    def of(cls, row: models.Coupon) -> Self:
        return cls(
            id=row.id,
            code=row.code,
            name=row.name,
            percent=None if row.percent is None else plain(row.percent),
            amount=None if row.amount_minor is None else major(row.amount_minor, row.currency or ""),
            currency=row.currency,
            duration=row.duration,  # type: ignore[arg-type]
            periods=row.periods,
            expires_at=row.expires_at,
            max_redemptions=row.max_redemptions,
            max_per_customer=row.max_per_customer,
            redeemed=row.redeemed,
            metadata=row.details,
            created_at=row.created_at,
            archived_at=row.archived_at,
        )


class CouponListing(Listing):
    """Which coupons."""

    q: str | None = Field(None, max_length=255, description="Part of the name or code.")
    code: str | None = Field(None, max_length=64)
    archived: bool = Field(False, description="Also those that are not given out any more.")


class NewRedemption(Request):
    """A coupon to give to a customer: for one subscription, or for whatever they are invoiced from now on."""

    coupon: Code = Field(description="The coupon's code.")
    customer: CustomerId
    subscription: SubscriptionId | None = None


class Redemption(BaseModel):
    """A coupon that a customer has. `used` counts the periods that it discounted."""

    id: RedemptionId
    coupon: CouponId
    code: str
    customer: CustomerId
    subscription: str | None
    used: int
    active: bool = Field(description="Whether the next invoice is still discounted.")
    redeemed_at: Utc
    ended_at: Utc | None

    @classmethod
    def of(cls, row: models.Redemption) -> Self:
        return cls(
            id=row.id,
            coupon=row.coupon_id,
            code=row.coupon.code,
            customer=row.customer_id,
            subscription=row.subscription_id,
            used=row.used,
            active=row.is_at_work,
            redeemed_at=row.redeemed_at,
            ended_at=row.ended_at,
        )


class RedemptionListing(Listing):
    """Which redemptions."""

    coupon: str | None = Field(None, max_length=64, description="The coupon's id.")
    customer: str | None = Field(None, max_length=64)
    subscription: str | None = Field(None, max_length=64)
    ended: bool = Field(False, description="Also those that were taken back.")
