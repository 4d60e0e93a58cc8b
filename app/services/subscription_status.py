"""The moves of a subscription's status that payments and cancellations cause."""

from datetime import datetime

from app.models import Subscription
from app.services.contracts import ENDED
from app.services.events import emit
from app.services.history import move

BEHIND = ("past_due", "unpaid")
_ENDINGS = {"canceled": "subscription.canceled", "expired": "subscription.expired"}


def activate(row: Subscription, at: datetime) -> None:
    """Money came in and nothing else is owed: the subscription is in order, or will be when its pause ends.

    Ended ones stay ended.
    """
    if row.status in ENDED:
        return
    row.activated_at = row.activated_at or at
    if row.paused_status in BEHIND:
        row.paused_status, row.past_due_at = "active", None
    if row.status in ("incomplete", *BEHIND):
        _begin(row)
        move(row, "active", at, "paid")
        row.past_due_at = None
        emit("subscription.activated", row.id, at, customer_id=row.customer_id)


def fall_behind(row: Subscription, at: datetime) -> None:
    """A payment failed or an invoice is overdue. One that is paused goes on behind."""
    if row.paused_status in ("trialing", "active"):
        row.paused_status, row.past_due_at = "past_due", row.past_due_at or at
    _begin(row)
    if row.status in ("incomplete", "trialing", "active") and move(row, "past_due", at, "payment failed"):
        row.past_due_at = row.past_due_at or at
        emit("subscription.past_due", row.id, at, customer_id=row.customer_id)


def give_up(row: Subscription, at: datetime) -> None:
    """The last reminder went unheard and the tenant keeps such subscriptions: unpaid, without access."""
    if row.paused_status in ("active", "past_due"):
        row.paused_status = "unpaid"
    if row.status in ("active", "past_due") and move(row, "unpaid", at, "not paid"):
        emit("subscription.unpaid", row.id, at, customer_id=row.customer_id)


def park(row: Subscription, at: datetime, reason: str) -> None:
    """Set a subscription aside for a person to look at: it is not billed until somebody releases it."""
    row.parked_reason, row.next_billing_at = reason, None
    emit("subscription.parked", row.id, at, customer_id=row.customer_id, reason=reason)


def end(row: Subscription, at: datetime, reason: str, *, status: str = "canceled") -> None:
    """End a subscription at the instant `at`: no more renewals. `open_invoices.stop_collecting` belongs to it."""
    if not move(row, status, at, reason):
        return
    row.ended_at, row.next_billing_at = at, None
    row.next_plan_id = row.next_quantity = row.state = None
    row.paused_at = row.resume_at = row.paused_billing = row.paused_status = None
    if status == "canceled":
        row.canceled_at = row.canceled_at or at
    emit(_ENDINGS[status], row.id, at, customer_id=row.customer_id, reason=reason)


def _begin(row: Subscription) -> None:
    """The first payment was tried: its periods turn from now on, instead of its waiting for that to expire."""
    if row.status == "incomplete":
        row.next_billing_at = row.current_period_end
