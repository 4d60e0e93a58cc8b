"""Many subscriptions at once: one customer and subscription of each kind are sold properly, and then multiplied."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from app.db import transaction
from app.ids import to_uuid
from app.services import catalog, customers, meters, subscriptions, tenants
from bench.lab import Lab

METERED_EACH = 5  # one subscription of five is metered
TURN_BY_TURN = 500  # so many are added at once: those that are metered fall due among the others
EVENTS = 4  # of each metered subscription in its period; no two use equally much
ADDRESS = {"line1": "1 Main Street", "city": "Guelph", "region": "ON", "postal_code": "N1H 3A1", "country": "CA"}
# What a copy of a row has of its own; everything else stays as it was sold.
_COPIES = """
INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object({own}))).*
FROM {table} t, unnest(%(ids)s::uuid[], %(others)s::uuid[], %(instants)s::timestamptz[]) AS g (id, other, at)
WHERE t.tenant_id = %(tenant)s AND t.id = %(template)s
"""
_EVENTS = """
INSERT INTO usage_events
  (tenant_id, transaction_id, customer_id, meter_id, at, number, label, position, properties, created_at)
SELECT %(tenant)s, c.id || '-' || n, c.id, %(meter)s, %(at)s + n * interval '1 day', c.place * n, '', 0, '{{}}', %(at)s
FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS c (id, place), generate_series(1, {each}) AS n
"""


@dataclass(frozen=True, slots=True)
class Sold:
    """A customer and their subscription, to be multiplied."""

    customer: UUID
    subscription: UUID


class Crowd:
    """A tenant in Ontario with a flat plan of 20.00 a month, taxed, and one that is metered as well."""

    def __init__(self, place: Lab, at: datetime) -> None:
        self.place, self.at = place, at
        with place.in_tenant(), transaction():
            tenants.register_for_tax("CA", None, "gst_hst", "826393555RT0001", at)
            product = catalog.create_product({"code": "notes", "name": "Notes"}, at).id
            meter = meters.create({"code": "calls", "name": "Calls", "aggregation": "sum", "property_name": "n"}, at).id
        self.meter = to_uuid("mtr", meter)
        usage = {"name": "Calls", "kind": "usage", "meter_id": meter, "price": _standard("0.05")}
        self.flat = self._sold(product, "flat")
        self.metered = self._sold(product, "metered", charges=[usage])

    def grow(self, count: int, due: Sequence[datetime] = ()) -> None:
        """Add so many subscriptions, one in five of them metered. They are due when their first month ends; or at the
        instants given, one for each."""
        with self.place.bare() as bare:
            bare.execute("SET session_replication_role = replica")  # where keys point is known
            for added in range(0, count, TURN_BY_TURN):
                some = min(TURN_BY_TURN, count - added)
                self._add(bare, due[added : added + some] or [None] * some)
        self.settle()

    def _add(self, bare: psycopg.Connection, due: Sequence[datetime | None]) -> None:
        metered = len(due) // METERED_EACH
        self._copy(bare, self.flat, due[metered:])
        ids = self._copy(bare, self.metered, due[:metered])
        given = {"tenant": self.place.tenant_uuid, "meter": self.meter, "at": self.at, "ids": ids}
        bare.execute(_EVENTS.format(each=EVENTS), given)

    def settle(self) -> None:
        """As after a night: statistics are there, and nothing is left to be written to disk."""
        with self.place.bare() as bare:
            bare.autocommit = True
            bare.execute("VACUUM ANALYZE")
            bare.execute("CHECKPOINT")

    def _sold(self, product: str, code: str, **plan: Any) -> Sold:
        given = {"product_id": product, "code": code, "name": code, "currency": "CAD", "price": _standard("20.00")}
        with self.place.in_tenant(), transaction():
            plan_id = catalog.create_plan({**given, "interval": "month", **plan}, self.at).id
            person = {"name": "Grace Ltd", "email": "pay@example.com", "currency": "CAD", "address": ADDRESS}
            customer = customers.create(person, self.at).id
            row = subscriptions.create(customer, plan_id, self.at, collection="manual")
            subscription = row.id
        with self.place.bare() as bare:  # the template itself is never due
            bare.execute(
                "UPDATE subscriptions SET next_billing_at = NULL WHERE id = %s", (to_uuid("sub", subscription),)
            )
        return Sold(to_uuid("cus", customer), to_uuid("sub", subscription))

    def _copy(self, bare: psycopg.Connection, sold: Sold, due: Sequence[datetime | None]) -> list[UUID]:
        people, contracts = [uuid7() for _ in due], [uuid7() for _ in due]
        given = {"tenant": self.place.tenant_uuid, "others": people, "instants": list(due)}
        bare.execute(
            _COPIES.format(table="customers", own="'id', g.id, 'balance_minor', 0"),
            {**given, "ids": people, "template": sold.customer},
        )
        own = "'id', g.id, 'customer_id', g.other, 'collection', 'automatic'"
        own += ", 'next_billing_at', coalesce(g.at, t.current_period_end)"
        bare.execute(
            _COPIES.format(table="subscriptions", own=own),
            {**given, "ids": contracts, "template": sold.subscription},
        )
        return people


def _standard(amount: str) -> dict[str, str]:
    return {"model": "standard", "unit_amount": amount}
