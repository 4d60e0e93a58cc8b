"""Subscriptions: a customer on a plan, and where they stand in time."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import HasStatus, Json, TenantRow, belongs_to, instant, json_object, key, known_status, reference
from app.models.catalog import Plan
from app.models.customers import Customer


def _to_plan(column: str) -> str:
    """Two columns lead to plans, so each says which one it is."""
    return f"and_(foreign(Subscription.tenant_id) == Plan.tenant_id, foreign(Subscription.{column}) == Plan.id)"


class Subscription(HasStatus, TenantRow):
    """A customer on a plan. The current period is [current_period_start, current_period_end); it is looked at again at
    `next_billing_at`. `anchor_on` is the wall-clock moment, in `timezone`, that all period ends are counted from.

    Beyond that stands only what is out of the ordinary: `fraction` of a whole period's price that this one costs,
    `state` of a contract that changed in its period (services/contract_state), `changed_at` when it last did, and
    `metered_from`, up to which usage is billed. `next_plan_id` and `next_quantity` begin with the next period. While it
    is paused, `paused_status` is what it will go on with.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        belongs_to("customer_id", "customers"),
        belongs_to("plan_id", "plans"),
        belongs_to("next_plan_id", "plans"),
        belongs_to("payment_method_id", "payment_methods"),
        known_status("subscription"),
        Index("subscriptions_by_customer", "customer_id", "tenant_id"),
        Index(
            "subscriptions_due",
            "tenant_id",
            "next_billing_at",
            postgresql_where=text("next_billing_at IS NOT NULL"),
        ),
        CheckConstraint("quantity > 0 AND next_quantity > 0", name="subscriptions_quantity_positive"),
        CheckConstraint("(next_plan_id IS NULL) = (next_quantity IS NULL)", name="subscriptions_next_terms_whole"),
        CheckConstraint(
            "(status = 'paused') = (paused_at IS NOT NULL) AND (paused_at IS NULL) = (paused_billing IS NULL)"
            " AND (paused_at IS NULL) = (paused_status IS NULL) AND (paused_at IS NOT NULL OR resume_at IS NULL)",
            name="subscriptions_pause_whole",
        ),
        CheckConstraint("current_period_start < current_period_end", name="subscriptions_period_forward"),
    )
    noun = "subscription"

    id: Mapped[str] = key("sub")
    customer_id: Mapped[str] = reference("cus")
    plan_id: Mapped[str] = reference("pln")
    payment_method_id: Mapped[str | None] = reference("pm")
    status: Mapped[str] = mapped_column(String(16))
    collection: Mapped[str] = mapped_column(String(9), default="automatic")
    quantity: Mapped[int] = mapped_column(default=1)
    timezone: Mapped[str]
    anchor_on: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    started_at: Mapped[datetime] = instant()
    trial_end_at: Mapped[datetime | None] = instant()
    current_period_start: Mapped[datetime] = instant()
    current_period_end: Mapped[datetime] = instant()
    next_billing_at: Mapped[datetime | None] = instant()
    fraction: Mapped[str | None] = mapped_column(String(80))
    state: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))
    changed_at: Mapped[datetime | None] = instant()
    metered_from: Mapped[datetime | None] = instant()
    next_plan_id: Mapped[str | None] = reference("pln")
    next_quantity: Mapped[int | None]
    paused_at: Mapped[datetime | None] = instant()
    resume_at: Mapped[datetime | None] = instant()
    paused_billing: Mapped[str | None] = mapped_column(String(4))
    paused_status: Mapped[str | None] = mapped_column(String(16))
    activated_at: Mapped[datetime | None] = instant()
    past_due_at: Mapped[datetime | None] = instant()
    cancel_at_period_end: Mapped[bool] = mapped_column(default=False)
    canceled_at: Mapped[datetime | None] = instant()
    ended_at: Mapped[datetime | None] = instant()
    cancel_reason: Mapped[str | None]
    parked_reason: Mapped[str | None]
    released_at: Mapped[datetime | None] = instant()
    details: Mapped[Json] = json_object(name="metadata")

    plan: Mapped[Plan] = relationship(viewonly=True, primaryjoin=_to_plan("plan_id"))
    next_plan: Mapped[Plan | None] = relationship(viewonly=True, primaryjoin=_to_plan("next_plan_id"))
    customer: Mapped[Customer] = relationship(viewonly=True)
