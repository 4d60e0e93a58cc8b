"""Adding up a period's usage: one customer's million events, and whether ten times as many others slow it.

The floor of the sum is the bare statement over the same rows. The second figure holds the same sum with a table ten
times as large against the one before; 1 is not slower at all.
"""

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.domain.periods import Period
from app.ids import as_id
from app.models import Plan, Subscription
from app.queries.base import get
from app.services.usage import charges_due
from bench.crowd import Crowd
from bench.figures import Figure
from bench.lab import Lab, lab

EVENTS = int(os.environ.get("USAGE_EVENTS", "1000000"))
OTHERS = 9 * EVENTS
START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
MONTH = Period(START, START + timedelta(days=31))
TRIES = 5
_FILL = """
INSERT INTO usage_events
  (tenant_id, transaction_id, customer_id, meter_id, at, number, label, position, properties, created_at)
SELECT %(tenant)s, %(name)s || n, coalesce(%(customer)s, gen_random_uuid()), %(meter)s,
  %(start)s + (n %% 2500000) * interval '1 second', n %% 7, '', 0, '{}', %(start)s
FROM generate_series(1, %(count)s) AS n
"""
_BARE = """
SELECT sum(number) FROM usage_events
WHERE customer_id = %s AND meter_id = %s AND at >= %s AND at < %s AND tenant_id = %s
"""


def run() -> Sequence[Figure]:
    """Seconds for one sum, and how it is with ten times the table."""
    with lab() as place:
        crowd = Crowd(place, START)
        _fill(place, crowd, "ours-", crowd.metered.customer, EVENTS)
        crowd.settle()
        alone, floor = _seconds(place, crowd), _bare_seconds(place, crowd)
        _fill(place, crowd, "others-", None, OTHERS)
        crowd.settle()
        among_many = _seconds(place, crowd)
    return [
        Figure("usage_aggregation", alone, floor, "s"),
        Figure("usage_aggregation_among_many", among_many, alone, "s"),
    ]


def _fill(place: Lab, crowd: Crowd, name: str, customer: UUID | None, count: int) -> None:
    with place.bare() as bare:
        given = {"tenant": place.tenant_uuid, "meter": crowd.meter, "customer": customer, "start": START}
        bare.execute(_FILL, {**given, "name": name, "count": count})


def _seconds(place: Lab, crowd: Crowd) -> float:
    """The best of some tries, through the services."""
    with place.in_tenant():
        row = get(Subscription, as_id("sub", crowd.metered.subscription))
        plan = get(Plan, row.plan_id)
        return min(_timed(lambda: charges_due([(row, plan, MONTH)])) for _ in range(TRIES))


def _bare_seconds(place: Lab, crowd: Crowd) -> float:
    given = [crowd.metered.customer, crowd.meter, MONTH.start, MONTH.end, place.tenant_uuid]
    with place.bare() as bare:
        return min(_timed(lambda: bare.execute(_BARE, given).fetchall()) for _ in range(TRIES))


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
