"""What metered events sum up to: many customers, meters and periods with one statement, out of the index alone."""
# ruff: noqa: S608  (SQL is put together of constants here, and values are bound)

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import text

from app.db import session
from app.domain.periods import Period
from app.ids import to_uuid

_FROM = "FROM usage_events e WHERE e.customer_id = w.customer_id AND e.meter_id = w.meter_id AND e.at < w.end_at"
_WITHIN = f"{_FROM} AND e.at >= w.start_at"
_LATER_FIRST = "ORDER BY e.at DESC, e.created_at DESC, e.position DESC"

# `domain.usage.aggregate` in SQL; tests hold the two together. The weighted sum takes a change before the period as one
# at its start: that makes the opening level. Its quotient lies exactly between two numbers of 12 decimals or at least
# 1e-27 away from there (12 decimals over the microseconds of ten years), so having it to 40 first rounds nothing twice.
QUANTITIES = {
    "count": f"SELECT count(*) {_WITHIN}",
    "sum": f"SELECT sum(e.number) {_WITHIN}",
    "max": f"SELECT max(e.number) {_WITHIN}",
    "last": f"SELECT e.number {_WITHIN} {_LATER_FIRST} LIMIT 1",
    "unique": f"SELECT count(*) FROM (SELECT DISTINCT e.label {_WITHIN}) d",
    "weighted_sum": "SELECT round(round(sum(e.number * extract(epoch FROM w.end_at - greatest(e.at, w.start_at))), 40)"
    f" / extract(epoch FROM w.end_at - w.start_at), 12) {_FROM}",
}
_EACH = f"SELECT array_agg(e.number ORDER BY e.at, e.created_at, e.position) {_WITHIN}"
_WINDOWS = """
WITH windows AS (
  SELECT * FROM unnest(
    CAST(:customers AS uuid[]), CAST(:meters AS uuid[]), CAST(:aggregations AS text[]),
    CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]), CAST(:eaches AS boolean[])
  ) WITH ORDINALITY AS w (customer_id, meter_id, aggregation, start_at, end_at, is_each, n)
)
"""
_BRANCHES = (
    f"SELECT w.n, coalesce(({quantity}), 0), CASE WHEN w.is_each THEN ({_EACH}) END"
    f" FROM windows w WHERE w.aggregation = '{aggregation}'"
    for aggregation, quantity in QUANTITIES.items()
)
_MEASURE = text(_WINDOWS + " UNION ALL ".join(_BRANCHES) + " ORDER BY 1")


class Window(NamedTuple):
    """A customer's usage of a meter in a period, to be measured; with `each`, the value of each event as well."""

    customer_id: str
    meter_id: str
    aggregation: str
    period: Period
    each: bool = False


class Measured(NamedTuple):
    """The quantity of a window; and the values of its events in the order of time, if they were asked for."""

    quantity: Decimal
    values: tuple[Decimal, ...]


def measure(windows: Sequence[Window]) -> list[Measured]:
    """What each window sums up to, in the same order; periods are half-open. One statement, and none for no windows."""
    if not windows:
        return []
    columns: dict[str, Iterable[object]] = {
        "customers": (to_uuid("cus", window.customer_id) for window in windows),
        "meters": (to_uuid("mtr", window.meter_id) for window in windows),
        "aggregations": (window.aggregation for window in windows),
        "starts": (window.period.start for window in windows),
        "ends": (window.period.end for window in windows),
        "eaches": (window.each for window in windows),
    }
    rows = session().execute(_MEASURE, {name: list(column) for name, column in columns.items()})
    return [Measured(Decimal(quantity), tuple(values or ())) for _, quantity, values in rows]
