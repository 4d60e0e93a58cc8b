"""What the intake of usage events must know: whom and what they name, what is there, and what has been invoiced."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import exists, select, text

from app.db import session
from app.domain.usage import Meter as Rules
from app.ids import is_id, to_uuid
from app.models import Meter, UsageAlert

Pair = tuple[UUID, UUID]  # a customer and a meter

_CUSTOMERS_BY_ID = text("SELECT id FROM customers WHERE id = ANY(:ids) AND deleted_at IS NULL")
_CUSTOMERS_BY_EXTERNAL_ID = text(
    "SELECT external_id, id FROM customers WHERE external_id = ANY(:references) AND deleted_at IS NULL"
)
_THERE = text(
    "SELECT transaction_id, customer_id, meter_id, at, properties FROM usage_events"
    " WHERE transaction_id = ANY(:transaction_ids)"
)
_INVOICED_UNTIL = text(
    "SELECT customer_id, meter_id, max(period_end) FROM metered_periods"
    " JOIN unnest(CAST(:customers AS uuid[]), CAST(:meters AS uuid[])) AS pairs (customer_id, meter_id)"
    " USING (customer_id, meter_id) GROUP BY customer_id, meter_id"
)
_SHOWN = text(
    "SELECT c.id, t.now_at FROM customers c JOIN test_clocks t ON t.tenant_id = c.tenant_id AND t.id = c.test_clock_id"
    " WHERE c.id = ANY(:ids)"
)


class KnownMeter(NamedTuple):
    """A meter's id and rules, and whether there are alerts on it."""

    id: UUID
    rules: Rules
    watched: bool


class Content(NamedTuple):
    """What an event says."""

    customer_id: UUID
    meter_id: UUID
    at: datetime
    properties: Mapping[str, Any]


def customers(references: Collection[str]) -> dict[str, UUID]:
    """The customers with these ids or external ids, by what they were called; forgotten ones are not among them."""
    ids = {to_uuid("cus", text): text for text in references if text.startswith("cus_") and is_id("cus", text)}
    found: dict[str, UUID] = {}
    if ids:
        found = {ids[uuid]: uuid for uuid in session().scalars(_CUSTOMERS_BY_ID, {"ids": list(ids)})}
    if others := set(references).difference(ids.values()):
        rows = session().execute(_CUSTOMERS_BY_EXTERNAL_ID, {"references": list(others)})
        found.update((external_id, uuid) for external_id, uuid in rows)
    return found


def presents(customers: Collection[UUID]) -> dict[UUID, datetime]:
    """What the test clocks of these customers show; those who live in real time are not among them."""
    return {row.id: row.now_at for row in session().execute(_SHOWN, {"ids": list(customers)})}


def meters(codes: Collection[str]) -> dict[str, KnownMeter]:
    """The meters with these codes that still measure."""
    watched = exists().where(UsageAlert.tenant_id == Meter.tenant_id, UsageAlert.meter_id == Meter.id)
    query = select(Meter, watched).where(Meter.code.in_(codes), Meter.archived_at.is_(None))
    return {
        row.code: KnownMeter(to_uuid("mtr", row.id), row.rules, is_watched)
        for row, is_watched in session().execute(query)
    }


def contents(transaction_ids: Collection[str]) -> dict[str, Content]:
    """What the events with these transaction ids say."""
    rows = session().execute(_THERE, {"transaction_ids": list(transaction_ids)})
    return {transaction_id: Content(*content) for transaction_id, *content in rows}


def invoiced_until(pairs: Collection[Pair]) -> dict[Pair, datetime]:
    """The end (not included) of the last period whose usage was invoiced, for the pairs that have one."""
    columns = {"customers": [customer for customer, _ in pairs], "meters": [meter for _, meter in pairs]}
    return {(customer, meter): until for customer, meter, until in session().execute(_INVOICED_UNTIL, columns)}
