"""Subscriptions: a customer on a plan, and where they stand in time."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import HasStatus, Json, TenantRow, belongs_to, instant, json_object, key, known_status, reference
from app.models.catalog import Plan
from app.models.customers import Customer


class Subscription(HasStatus, TenantRow):
    """A customer on a plan. The current period is [current_period_start, current_period_end); it is billed again at
    `next_billing_at`. `anchor_on` is the wall-clock moment, in `timezone`, that all period ends are counted from."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        belongs_to("customer_id", "customers"),
        belongs_to("plan_id", "plans"),
        belongs_to("payment_method_id", "payment_methods"),
        known_status("subscription"),
        Index("subscriptions_by_customer", "customer_id", "tenant_id"),
        Index(
            "subscriptions_due",
            "tenant_id",
            "next_billing_at",
            postgresql_where=text("next_billing_at IS NOT NULL"),
        ),
        CheckConstraint("quantity > 0", name="subscriptions_quantity_positive"),
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
    activated_at: Mapped[datetime | None] = instant()
    past_due_at: Mapped[datetime | None] = instant()
    cancel_at_period_end: Mapped[bool] = mapped_column(default=False)
    canceled_at: Mapped[datetime | None] = instant()
    ended_at: Mapped[datetime | None] = instant()
    cancel_reason: Mapped[str | None]
    parked_reason: Mapped[str | None]
    details: Mapped[Json] = json_object(name="metadata")

    plan: Mapped[Plan] = relationship(viewonly=True)
    customer: Mapped[Customer] = relationship(viewonly=True)
