"""Alerts: when a subscription's usage of a meter reaches a level, that is told once in each billing period."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import delete, text, tuple_

from app.db import current_tenant_id, session, transaction
from app.domain.errors import InvalidInput
from app.domain.exact import parse_exact, plain
from app.domain.periods import Period
from app.domain.usage import crossed
from app.ids import to_uuid
from app.models import Customer, Meter, Subscription, UsageAlert, UsageCheck, UsageCrossing
from app.queries import usage_alerts as query
from app.queries.base import get
from app.queries.usage import Window, measure
from app.queries.usage_intake import Pair
from app.services.events import Fact, emit_all
from app.services.history import audit

BATCH = 100
MOST_LEVELS = 20

_NOTE = text(
    "INSERT INTO usage_checks (tenant_id, customer_id, meter_id, created_at)"
    " SELECT :tenant, customer_id, meter_id, :at"
    " FROM unnest(CAST(:customers AS uuid[]), CAST(:meters AS uuid[])) AS grown (customer_id, meter_id)"
    " ON CONFLICT DO NOTHING"
)


class _Reached(NamedTuple):
    """A level that was not reached before in the subscription's period."""

    alert: UsageAlert
    subscription: Subscription
    level: Decimal
    quantity: Decimal


def create(meter_id: str, levels: Sequence[str | int | Decimal], at: datetime, customer_id: str | None) -> UsageAlert:
    """Tell when usage of a meter reaches these levels (above zero, in the meter's unit): of one customer, or of any.

    A level that the one customer has passed already is told at once.

    Raises NotFound for the meter or the customer, InvalidInput for levels that are none (`invalid_levels`).
    """
    meter = get(Meter, meter_id)
    customer = get(Customer, customer_id) if customer_id else None
    row = UsageAlert(meter_id=meter.id, customer_id=customer_id, levels=_levels(levels), created_at=at)
    session().add(row)
    session().flush()
    audit("usage_alert.create", row.id, at, meter=meter.code)
    if customer:
        note_growth([(to_uuid("cus", customer.id), to_uuid("mtr", meter.id))], at)
    return row


def remove(alert_id: str, at: datetime) -> None:
    """Tell no more."""
    row = get(UsageAlert, alert_id, lock=True)
    session().delete(row)
    audit("usage_alert.remove", row.id, at)


def note_growth(pairs: Collection[Pair], at: datetime) -> None:
    """Have the alerts on these customers' usage of these meters looked at."""
    if pairs:
        customers, meters = (list(column) for column in zip(*sorted(pairs), strict=True))
        tenant = to_uuid("ten", current_tenant_id())
        session().execute(_NOTE, {"tenant": tenant, "at": at, "customers": customers, "meters": meters})


def check_due(at: datetime) -> int:
    """Look at the alerts whose usage grew, in batches, each in a transaction of its own; gives how many there were.

    Safe in any number of workers: what one looks at is locked, and usage that grows meanwhile is looked at again. A new
    level is the event `usage.level_reached` about the subscription.
    """
    checked = 0
    while just_checked := _check_batch(at):
        checked += just_checked
    return checked


def _check_batch(at: datetime) -> int:
    with transaction():
        checks = query.claim(at, BATCH)
        if checks:
            pairs = [(check.customer_id, check.meter_id) for check in checks]
            _tell(list(_reached(query.watched(pairs))), at)
            here = tuple_(UsageCheck.customer_id, UsageCheck.meter_id)
            session().execute(delete(UsageCheck).where(here.in_(pairs)))
        return len(checks)


def _reached(watched: Sequence[tuple[UsageAlert, Subscription]]) -> Iterator[_Reached]:
    windows = {(row.id, alert.meter_id): _window(alert, row) for alert, row in watched}
    quantities = dict(zip(windows, (found.quantity for found in measure(list(windows.values()))), strict=True))
    told = query.highest_told([alert.id for alert, _ in watched])
    for alert, row in watched:
        before = told.get((alert.id, row.id, row.current_period_start), Decimal(0))
        quantity = quantities[row.id, alert.meter_id]
        for level in crossed(alert.levels, before, quantity):
            yield _Reached(alert, row, level, quantity)


def _window(alert: UsageAlert, row: Subscription) -> Window:
    period = Period(row.current_period_start, row.current_period_end)
    return Window(row.customer_id, alert.meter_id, alert.meter.aggregation, period)


def _tell(levels: Sequence[_Reached], at: datetime) -> None:
    session().add_all(
        UsageCrossing(
            alert_id=one.alert.id,
            subscription_id=one.subscription.id,
            period_start=one.subscription.current_period_start,
            level=one.level,
            created_at=at,
        )
        for one in levels
    )
    session().flush()
    emit_all([_fact(one) for one in levels], at)


def _fact(one: _Reached) -> Fact:
    payload = {
        "alert": one.alert.id,
        "meter": one.alert.meter.code,
        "level": plain(one.level),
        "quantity": plain(one.quantity),
        "period_start": one.subscription.current_period_start.isoformat(),
        "period_end": one.subscription.current_period_end.isoformat(),
    }
    return Fact("usage.level_reached", one.subscription.id, one.subscription.customer_id, payload)


def _levels(given: Sequence[str | int | Decimal]) -> list[Decimal]:
    """Each level once, the lowest first."""
    levels = sorted({parse_exact(level, f"levels.{i}") for i, level in enumerate(given)})
    if not 0 < len(levels) <= MOST_LEVELS or levels[0] == 0:
        raise InvalidInput(
            f"An alert has 1 to {MOST_LEVELS} levels, all above zero.", code="invalid_levels", field="levels"
        )
    return levels
