"""Taking usage events in: batches of 1000 over HTTP, against bare rows into the same table in the same run.

The floor inserts ready-made rows with `unnest … ON CONFLICT DO NOTHING` and commits each batch. Both take turns, so
that the table is as large and the machine as busy for the one as for the other. The first rounds do not count for
either: a connection to the database learns its tables and statements once in its life.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from uuid import UUID, uuid4

from app.db import transaction
from app.ids import to_uuid
from app.services import customers, meters
from bench.figures import Figure
from bench.lab import Lab, lab

BATCH, BATCHES, WARM_UP, ROUNDS, CUSTOMERS = 1000, 10, 3, 6, 100
NAMES = {1: "usage_intake", 2: "usage_intake_by_two"}
_BARE = """
INSERT INTO usage_events
  (tenant_id, transaction_id, customer_id, meter_id, at, number, label, position, properties, created_at)
SELECT %b, u.*, now() FROM unnest(
  %b::text[], %b::uuid[], %b::uuid[], %b::timestamptz[], %b::numeric[], %b::text[], %b::smallint[], %b::jsonb[]) u
ON CONFLICT DO NOTHING
"""
Sender = Callable[[Any], None]


def run() -> Sequence[Figure]:
    """One client against one connection, and two against two; events in a second."""
    with lab() as place, place.served() as port:
        shop = _Shop(place)
        return [_figure(place, shop, port, clients) for clients in NAMES]


class _Shop:
    """A meter and its customers, and events of theirs."""

    def __init__(self, place: Lab) -> None:
        at = datetime.now(UTC)
        self.tenant, self.key = place.tenant_uuid, place.api_key()
        with place.in_tenant(), transaction():
            tokens = {"code": "tokens", "name": "Tokens", "aggregation": "sum", "property_name": "n"}
            self.meter = to_uuid("mtr", meters.create(tokens, at).id)
            self.customers = [self._customer(f"crm-{i}", at) for i in range(CUSTOMERS)]
        self.first = at - timedelta(days=1)

    def _customer(self, external_id: str, at: datetime) -> tuple[str, UUID]:
        given = {"name": external_id, "email": f"{external_id}@example.com", "external_id": external_id}
        return external_id, to_uuid("cus", customers.create(given, at).id)

    def bodies(self) -> Iterator[bytes]:
        """Batches as applications send them."""
        for _ in range(BATCHES):
            events = [
                {
                    "transaction_id": str(uuid4()),
                    "customer": self.customers[i % CUSTOMERS][0],
                    "meter": "tokens",
                    "at": (self.first + timedelta(seconds=i)).isoformat(),
                    "properties": {"n": str(i), "model": "small"},
                }
                for i in range(BATCH)
            ]
            yield json.dumps({"events": events}).encode()

    def rows(self) -> Iterator[list[Any]]:
        """The same as columns of ready-made rows."""
        for _ in range(BATCHES):
            yield [
                self.tenant,
                [str(uuid4()) for _ in range(BATCH)],
                [self.customers[i % CUSTOMERS][1] for i in range(BATCH)],
                [self.meter] * BATCH,
                [self.first + timedelta(seconds=i) for i in range(BATCH)],
                list(range(BATCH)),
                [""] * BATCH,
                list(range(BATCH)),
                [json.dumps({"n": str(i), "model": "small"}) for i in range(BATCH)],
            ]


def _figure(place: Lab, shop: _Shop, port: int, clients: int) -> Figure:
    ours = floor = 0.0
    with ExitStack() as open_lines:
        http = [open_lines.enter_context(_over_http(port, shop.key)) for _ in range(clients)]
        bare = [open_lines.enter_context(_bare(place)) for _ in range(clients)]
        for turn in range(WARM_UP + ROUNDS):
            by_floor = _seconds([(send, list(shop.rows())) for send in bare])
            by_us = _seconds([(send, list(shop.bodies())) for send in http])
            if turn >= WARM_UP:
                floor, ours = floor + by_floor, ours + by_us
    events = clients * ROUNDS * BATCHES * BATCH
    return Figure(NAMES[clients], events / ours, events / floor, "events/s")


@contextmanager
def _over_http(port: int, key: str) -> Iterator[Sender]:
    line = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def send(body: bytes) -> None:
        line.request("POST", "/v1/usage-events", body, headers)
        answer = line.getresponse()
        found = json.loads(answer.read())
        if found.get("taken") != BATCH:
            raise RuntimeError(f"a batch was not taken: {answer.status} {found}")

    yield send
    line.close()


@contextmanager
def _bare(place: Lab) -> Iterator[Sender]:
    with place.bare() as connection:

        def send(columns: list[Any]) -> None:
            connection.execute(_BARE, columns)
            connection.commit()

        yield send


def _seconds(work: Sequence[tuple[Sender, Sequence[Any]]]) -> float:
    """How long it takes to send all that there is, each sender on a thread of its own."""
    with ThreadPoolExecutor(len(work)) as pool:
        started = time.perf_counter()
        for sent in [pool.submit(_send_all, send, batches) for send, batches in work]:
            sent.result()
        return time.perf_counter() - started


def _send_all(send: Sender, batches: Sequence[Any]) -> None:
    for batch in batches:
        send(batch)
