"""What of a subscription changes without changing what it costs: its method, its notes, whether it goes on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.db import session
from app.domain.errors import Conflict, InvalidInput
from app.domain.lifecycle import is_final
from app.models import PaymentMethod, Subscription
from app.queries.base import get
from app.services import open_invoices, subscriptions
from app.services.events import emit
from app.services.history import audit

PLAIN = {"payment_method": "payment_method_id", "details": "details"}


def change(subscription_id: str, values: Mapping[str, Any], at: datetime) -> Subscription:
    """Change `payment_method` (None: the customer's default), `details` or `cancel_at_period_end` of a subscription.

    Raises Conflict for one that has ended, and InvalidInput (`payment_method_unknown`) for another customer's method.
    """
    row = get(Subscription, subscription_id, lock=True)
    if is_final("subscription", row.status):
        raise Conflict(f"This subscription is {row.status} and cannot be changed.", code="subscription_ended")
    if method_id := values.get("payment_method"):
        _check_method(method_id, row.customer_id)
    for name in values.keys() & PLAIN.keys():
        setattr(row, PLAIN[name], values[name])
    if "payment_method" in values:
        open_invoices.retry_subscription(row.id, at)
    audit("subscription.update", row.id, at, fields=sorted(values))
    emit("subscription.updated", row.id, at, customer_id=row.customer_id, change="details")
    return _go_on_or_end(row, values.get("cancel_at_period_end"), at)


def _go_on_or_end(row: Subscription, at_period_end: bool | None, at: datetime) -> Subscription:
    if at_period_end is None or at_period_end == row.cancel_at_period_end:
        return row
    return subscriptions.cancel(row.id, at, at_period_end=True) if at_period_end else subscriptions.uncancel(row.id, at)


def _check_method(method_id: str, customer_id: str) -> None:
    query = select(PaymentMethod.id).where(
        PaymentMethod.id == method_id, PaymentMethod.customer_id == customer_id, PaymentMethod.removed_at.is_(None)
    )
    if session().scalar(query) is None:
        raise InvalidInput(
            "This customer has no such payment method.", code="payment_method_unknown", field="payment_method"
        )
