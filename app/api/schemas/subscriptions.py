"""Subscriptions on the wire."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from app.api.schemas.base import UNSET, Answer, Listing, Request, StatusesOf
from app.api.schemas.plans import Whole
from app.api.schemas.values import (
    Code,
    CustomerId,
    Instant,
    Metadata,
    PaymentMethodId,
    PlanId,
    SubscriptionId,
    Utc,
)
from app.domain.anchors import Anchor

Collection = Literal["automatic", "manual"]
Reason = Annotated[str, StringConstraints(max_length=500)]


class AnchorChoice(Request):
    """What period ends are counted from: the start itself unless something else is said."""

    mode: Literal["anniversary", "day_of_month", "calendar", "date"] = "anniversary"
    day: int | None = Field(None, ge=1, le=31)
    at: Instant | None = None

    def anchor(self) -> Anchor:
        return Anchor.parse(self.mode, self.day, self.at)


class NewSubscription(Request):
    """A plan to sell to a customer. The first invoice, if there is one, is issued at once."""

    customer: CustomerId
    plan: PlanId
    quantity: int = Field(1, ge=1, le=1_000_000)
    trial_days: Whole | None = Field(None, description="The plan's own unless given.")
    anchor: AnchorChoice = UNSET
    collection: Collection = "automatic"
    payment_method: PaymentMethodId | None = None
    start_at: Instant | None = Field(None, description="Now unless given.")
    coupon: Code | None = Field(None, description="The code of a coupon that discounts it from the first invoice on.")
    metadata: Metadata = Field(default_factory=dict)


class SubscriptionChanges(Request):
    """What of a subscription can change here; what is left out stays."""

    payment_method: PaymentMethodId | None = Field(None, description="Null: the customer's default method.")
    cancel_at_period_end: bool = UNSET
    metadata: Metadata = UNSET


class Cancellation(Request):
    """When to end a subscription, and why."""

    at_period_end: bool = False
    credit: Literal["second", "day", "none"] = Field(
        "none", description="How unused paid time is given back: at the end of a period none is left."
    )
    reason: Reason | None = None


class CancellationQuery(BaseModel):
    """When to end a subscription."""

    at_period_end: bool = False


class Subscription(Answer):
    """A customer on a plan. The current period is [current_period_start, current_period_end)."""

    id: SubscriptionId
    customer: CustomerId = Field(validation_alias="customer_id")
    plan: PlanId = Field(validation_alias="plan_id")
    status: str
    quantity: int
    collection: Collection
    payment_method: str | None = Field(validation_alias="payment_method_id")
    started_at: Utc
    trial_end_at: Utc | None
    current_period_start: Utc
    current_period_end: Utc
    next_billing_at: Utc | None
    timezone: str
    anchor_on: datetime = Field(description="A wall time in its time zone from which all periods are counted.")
    next_plan: str | None = Field(validation_alias="next_plan_id", description="What it is on from the next period on.")
    next_quantity: int | None
    paused_at: Utc | None
    paused_billing: str | None = Field(description="What is billed while it is paused: skip, bill or free.")
    resume_at: Utc | None
    past_due_at: Utc | None
    cancel_at_period_end: bool
    canceled_at: Utc | None
    cancel_reason: str | None
    ended_at: Utc | None
    parked_reason: str | None = Field(description="Why it is not billed until somebody has looked at it.")
    metadata: dict[str, str] = Field(validation_alias="details")
    created_at: Utc


class SubscriptionListing(Listing):
    """Which subscriptions."""

    q: str | None = Field(None, max_length=255, description="Part of the customer's name or e-mail address.")
    status: Annotated[str, StatusesOf("subscription")] | None = None
    customer: str | None = Field(None, max_length=64)
    plan: str | None = Field(None, max_length=64)
    parked: bool = Field(False, description="Only those set aside for somebody to look at.")
