"""The moves of a subscription's status that payments and cancellations cause."""

from datetime import datetime

from app.models import Subscription
from app.services.contracts import ENDED
from app.services.events import emit
from app.services.history import move


def activate(row: Subscription, at: datetime) -> None:
    """Money came in and nothing else is owed: the subscription is in order. Ended ones stay ended."""
    if row.status in ENDED:
        return
    row.activated_at = row.activated_at or at
    if row.status in ("incomplete", "past_due", "unpaid"):
        move(row, "active", at, "paid")
        row.past_due_at = None
        emit("subscription.activated", row.id, at, customer_id=row.customer_id)


def fall_behind(row: Subscription, at: datetime) -> None:
    """A payment failed or an invoice is overdue."""
    if row.status in ("incomplete", "trialing", "active") and move(row, "past_due", at, "payment failed"):
        row.past_due_at = row.past_due_at or at
        emit("subscription.past_due", row.id, at, customer_id=row.customer_id)


def give_up(row: Subscription, at: datetime) -> None:
    """The last reminder went unheard and the tenant keeps such subscriptions: unpaid, without access."""
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
    row.canceled_at = row.canceled_at or at
    emit("subscription.canceled", row.id, at, customer_id=row.customer_id, reason=reason)
