"""Sums in the database are those of the domain, to the last digit: 60 sets of events, each summed up in six ways."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db import current_tenant_id, transaction
from app.domain.exact import sum_exact
from app.domain.usage import AGGREGATIONS, Reading, aggregate
from app.domain.usage import Window as DomainWindow
from app.ids import new_id, to_uuid
from app.models import UsageEvent
from app.queries.usage import QUANTITIES, Measured, Window, measure
from app.services.bulk import insert_new
from tests.laws import tried_on_servers
from tests.services.metered import FEBRUARY, FIRST, START, day

COLUMNS = "tenant_id transaction_id customer_id meter_id at number label position created_at".split()


class Pair(NamedTuple):
    """A customer and a meter, of which only the ids matter here."""

    customer: str
    meter: str


@pytest.fixture
def pair(in_tenant: str) -> Pair:
    return Pair(new_id("cus"), new_id("mtr"))


def keep(pair: Pair, readings: Sequence[Reading]) -> None:
    """Keep readings as events that arrived in this order, two to a batch."""
    tenant, customer, meter = (to_uuid(name[:3], name) for name in (current_tenant_id(), *pair))
    with transaction():
        rows = [
            (tenant, f"{pair.customer}/{i}", customer, meter, *reading, i % 2, START + timedelta(seconds=i // 2))
            for i, reading in enumerate(readings)
        ]
        columns = {name: [row[place] for row in rows] for place, name in enumerate(COLUMNS)}
        insert_new(UsageEvent, columns, "transaction_id")


def summed(pair: Pair, aggregation: str) -> Decimal:
    return measure([Window(*pair, aggregation, FIRST)])[0].quantity


def test_every_aggregation_of_the_domain_is_known_to_the_database() -> None:
    assert QUANTITIES.keys() == AGGREGATIONS.keys()


# Few instants, so that several events share one; half of them before or after the period.
instants = st.one_of(
    st.integers(-3, 34).map(day),
    st.sampled_from([START, FEBRUARY, FEBRUARY - timedelta(microseconds=1)]),
    st.timedeltas(timedelta(0), FEBRUARY - START).map(lambda delta: START + delta),
)
numbers = st.one_of(st.integers(-5, 5).map(Decimal), st.decimals(-(10**25), 10**25, places=12, allow_nan=False))
readings = st.lists(st.builds(Reading, instants, numbers, st.sampled_from(["", "a", "b", "é"])), max_size=12)


@tried_on_servers(60)
@given(readings)
def test_the_database_sums_up_like_the_domain(in_tenant: str, given_readings: list[Reading]) -> None:
    pair = Pair(new_id("cus"), new_id("mtr"))
    keep(pair, given_readings)
    opening = sum_exact(reading.number for reading in given_readings if reading.at < START)
    windows = {name: DomainWindow(START, FEBRUARY, opening) for name in AGGREGATIONS}
    expected = {name: aggregate(name, given_readings, window) for name, window in windows.items()}
    found = measure([Window(*pair, name, FIRST) for name in AGGREGATIONS])
    assert dict(zip(AGGREGATIONS, (one.quantity for one in found), strict=True)) == expected


@pytest.mark.parametrize(
    ("aggregation", "quantity"),
    [
        ("count", "3"),
        ("sum", "8"),  # 10 + 4 - 6
        ("max", "10"),
        ("last", "-6"),
        ("unique", "2"),
        ("weighted_sum", "14.6"),  # 5 carried over + 10 + 4 × 15.5/31 - 6 × 12.4/31
    ],
)
def test_readings_make_a_quantity(pair: Pair, aggregation: str, quantity: str) -> None:
    keep(
        pair,
        [
            Reading(day(-1), Decimal(5), "zoe"),
            Reading(day(0), Decimal(10), "ann"),
            Reading(day(15.5), Decimal(4), "bob"),
            Reading(day(18.6), Decimal(-6), "ann"),
            Reading(day(31), Decimal(99), "eve"),
        ],
    )
    assert summed(pair, aggregation) == Decimal(quantity)


def test_many_windows_are_measured_at_once_and_in_order(in_tenant: str) -> None:
    pairs = [Pair(new_id("cus"), new_id("mtr")) for _ in range(3)]
    for count, pair in enumerate(pairs, 1):
        keep(pair, [Reading(day(1), Decimal(10), str(i)) for i in range(count)])
    names = list(AGGREGATIONS)
    wanted = [Window(*pairs[i % 3], names[i % len(names)], FIRST) for i in range(12)]
    assert measure(wanted) == [measure([window])[0] for window in wanted]
    assert measure([]) == []


def test_the_values_of_events_come_in_the_order_of_time_if_they_are_asked_for(pair: Pair) -> None:
    keep(pair, [Reading(day(n), Decimal(value)) for n, value in ((5, 1), (3, 2), (3, 3), (-1, 9))])
    in_order = (Decimal(2), Decimal(3), Decimal(1))
    assert measure([Window(*pair, "sum", FIRST, each=True)]) == [Measured(Decimal(6), in_order)]


def test_only_this_customers_events_of_this_meter_count(pair: Pair) -> None:
    keep(pair, [Reading(day(1), Decimal(1))])
    keep(Pair(new_id("cus"), pair.meter), [Reading(day(1), Decimal(2))])
    keep(Pair(pair.customer, new_id("mtr")), [Reading(day(1), Decimal(4))])
    assert summed(pair, "sum") == 1
