"""What the intake of usage events must know: whom and what they name, what is there, and what has been invoiced."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.db import fetch
from app.domain.usage import Meter as Rules
from app.ids import is_id, to_uuid

Pair = tuple[UUID, UUID]  # a customer and a meter

_CUSTOMERS = """
SELECT c.id, c.external_id, t.now_at FROM customers c
  LEFT JOIN test_clocks t ON t.tenant_id = c.tenant_id AND t.id = c.test_clock_id
 WHERE (c.id = ANY(%b::uuid[]) OR c.external_id = ANY(%b::text[])) AND c.deleted_at IS NULL
"""
_METERS = """
SELECT m.id, m.code, m.aggregation, m.property_name, m.late_policy,
       EXISTS (SELECT FROM usage_alerts a WHERE a.tenant_id = m.tenant_id AND a.meter_id = m.id)
  FROM meters m WHERE m.code = ANY(%b::text[]) AND m.archived_at IS NULL
"""
_THERE = """
SELECT transaction_id, customer_id, meter_id, at, properties FROM usage_events WHERE transaction_id = ANY(%b::text[])
"""
_INVOICED_UNTIL = """
SELECT customer_id, meter_id, max(period_end) FROM metered_periods
 WHERE customer_id = ANY(%b::uuid[]) AND meter_id = ANY(%b::uuid[]) GROUP BY customer_id, meter_id
"""


class KnownCustomer(NamedTuple):
    """A customer's id, and what their test clock shows unless they live in real time."""

    id: UUID
    now_at: datetime | None


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


def customers(references: Collection[str]) -> dict[str, KnownCustomer]:
    """The customers with these ids or external ids, by what they were called; forgotten ones are not among them."""
    ids = {to_uuid("cus", text): text for text in references if text.startswith("cus_") and is_id("cus", text)}
    others = set(references).difference(ids.values())
    found: dict[str, KnownCustomer] = {}
    for uuid, external_id, now_at in fetch(_CUSTOMERS, list(ids), list(others)):
        known = KnownCustomer(uuid, now_at)
        if uuid in ids:
            found[ids[uuid]] = known
        if external_id in others:
            found[external_id] = known
    return found


def meters(codes: Collection[str]) -> dict[str, KnownMeter]:
    """The meters with these codes that still measure."""
    rows = fetch(_METERS, list(codes))
    return {code: KnownMeter(uuid, Rules(code, *rules), is_watched) for uuid, code, *rules, is_watched in rows}


def contents(transaction_ids: Collection[str]) -> dict[str, Content]:
    """What the events with these transaction ids say."""
    return {transaction_id: Content(*content) for transaction_id, *content in fetch(_THERE, list(transaction_ids))}


def invoiced_until(customers: Sequence[UUID], meters: Sequence[UUID]) -> dict[Pair, datetime]:
    """The end (not included) of the last period whose usage was invoiced, of these customers and meters."""
    rows = fetch(_INVOICED_UNTIL, customers, meters)
    return {(customer, meter): until for customer, meter, until in rows}
