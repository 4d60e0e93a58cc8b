"""Something to meter: meters, plans that charge by them, and events."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app.db import transaction
from app.domain.periods import Period
from app.models import Plan, Subscription
from app.services import meters, usage_events
from app.services.usage import Used, charges_due
from app.services.usage_events import NewEvent, NewEvents, Recorded
from tests.shop import Shop, fresh

START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)  # when the shop sells, so that its periods begin then
FEBRUARY = datetime(2026, 2, 15, 12, 0, tzinfo=UTC)
MARCH = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
FIRST = Period(START, FEBRUARY)
EACH = {"model": "standard", "unit_amount": "0.05"}


def meter(at: datetime, aggregation: str = "sum", code: str = "calls", **values: Any) -> str:
    """A meter of the property `n`."""
    given = {"code": code, "name": code.title(), "aggregation": aggregation, **values}
    with transaction():
        return meters.create({**given, "property_name": None if aggregation == "count" else "n"}, at).id


def metered_plan(shop: Shop, meter_id: str, price: Mapping[str, Any] = EACH, **values: Any) -> str:
    """A plan of 20.00 a month that also charges by a meter."""
    charge = {"name": "Calls", "kind": "usage", "price": price, "meter_id": meter_id}
    return shop.plan(charges=[charge], **values)


def day(number: float) -> datetime:
    """An instant so many days after the shop opened."""
    return START + timedelta(days=number)


def event(transaction_id: str, customer: str, at: datetime, n: Any = "1", code: str = "calls") -> NewEvent:
    return NewEvent(transaction_id, customer, code, at, {"n": n})


def record(events: Sequence[NewEvent], received_at: datetime) -> Recorded:
    """Take events in, in a transaction of its own."""
    with transaction():
        return usage_events.record(NewEvents.of(events), received_at)


def used(subscription_id: str, period: Period = FIRST) -> Used:
    """What was used of a subscription's only usage charge."""
    row = fresh(Subscription, subscription_id)
    [found] = charges_due([(row, fresh(Plan, row.plan_id), period)]).values()
    return found
