"""Taking usage events in: a batch is one transaction and a handful of statements, and nothing is counted twice.

Nearly all batches are in order, and that is found out for all events at once. Only when it cannot be, each event is
looked at by itself, which takes several times as long and tells what is wrong.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import count, repeat
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from app.db import current_tenant_id
from app.domain.errors import BillingError, Conflict, InvalidInput
from app.domain.usage import Value, check_timely, find_meter, is_timely, place
from app.ids import to_uuid
from app.models import UsageEvent
from app.queries import usage_intake as known
from app.queries.usage_intake import Content, KnownMeter, Pair
from app.services import recounts, usage_alerts
from app.services.bulk import insert_new, json_text

MAX_BATCH = 1000


class NewEvent(NamedTuple):
    """Something a customer used, as an application tells it. `customer` is our id or their external id, `meter` a
    code."""

    transaction_id: str
    customer: str
    meter: str
    at: datetime
    properties: Mapping[str, Any]


class Recorded(NamedTuple):
    """What became of a batch: events that are new, and events that were there already."""

    taken: int
    duplicates: int


class _Row(NamedTuple):
    """An event that can be taken, as far as it can be told without knowing those that are there."""

    transaction_id: str
    tenant_id: UUID
    customer_id: UUID
    meter_id: UUID
    at: datetime
    number: str
    label: str
    position: int
    properties: str
    created_at: datetime


_BY_ID = attrgetter("transaction_id")


class _Batch:
    """Events, and what is known of the customers and meters they name. `field` is where they stand in the request."""

    def __init__(self, events: Sequence[NewEvent], received_at: datetime, field: str) -> None:
        self.events, self._received_at, self._field = events, received_at, field
        self.customers = known.customers({event.customer for event in events})
        self.meters = known.meters({event.meter for event in events})
        self.rules = {code: meter.rules for code, meter in self.meters.items()}

    def present(self, customer: str) -> datetime:
        """When events of a customer were received: when it is what their test clock shows, if they have one."""
        return self.customers[customer].now_at or self._received_at

    def content(self, row: _Row) -> Content:
        return Content(row.customer_id, row.meter_id, row.at, self.events[row.position].properties)

    def meter(self, row: _Row) -> KnownMeter:
        return self.meters[self.events[row.position].meter]

    def refused(self, position: int, refusal: BillingError) -> BillingError:
        """The refusal of an event, naming where it stands. What it names but does not exist is a wrong field."""
        kind = Conflict if isinstance(refusal, Conflict) else InvalidInput
        steps = (self._field, self._field and str(position), refusal.field)
        return kind(refusal.message, code=refusal.code, field=".".join(filter(None, steps)))


def record(events: Sequence[NewEvent], received_at: datetime, field: str = "events") -> Recorded:
    """Take up to 1000 events, all of them or none. Runs in the caller's transaction. Of customers on a test clock they
    are received when it is what the clock shows. `field` is where the list of them stands in the request, for refusals:
    the fourth is `events.3`; it is empty for a single event that stands nowhere else.

    An event that comes again under its `transaction_id` counts as a duplicate and changes nothing, so that whoever is
    not sure sends again; another event under the same id is refused, because one of the two would be lost. Late events
    go by the policy of their meter (issue 3). Raises InvalidInput for an unknown customer or meter, a property that is
    missing or cannot be read, or a time that is still to come or long past; Conflict for an id used for something else
    (`transaction_id_reused`) and for late events of a meter that refuses them (`usage_too_late`); all name the event.
    """
    if len(events) > MAX_BATCH:
        raise InvalidInput(f"Send at most {MAX_BATCH} events at once.", code="too_many", field="events")
    if not events:
        return Recorded(0, 0)
    batch = _Batch(events, received_at, field)
    rows = _distinct(batch, _rows(batch, _read_at_once(batch) or _read_each(batch)))
    taken = insert_new(UsageEvent, _Row._fields, sorted(rows, key=_BY_ID), "transaction_id")
    _refuse_reused(batch, [row for row in rows if row.transaction_id not in taken])
    _note(batch, [row for row in rows if row.transaction_id in taken])
    return Recorded(len(taken), len(events) - len(taken))


def _read_at_once(batch: _Batch) -> Sequence[Value] | None:
    """The values of all events; None when one of them may have to be refused, or is written in a rarer way."""
    _, customers, meters, ats, properties = zip(*batch.events, strict=True)
    if not (batch.customers.keys() >= set(customers) and batch.meters.keys() >= set(meters)):
        return None
    presents = {batch.present(customer) for customer in set(customers)}
    if not all(is_timely(at, present) for at in (min(ats), max(ats)) for present in presents):
        return None
    values: dict[int, Value] = {}
    for meter, positions in _positions(meters).items():
        found = batch.rules[meter].read_plain([properties[position] for position in positions])
        if found is None:
            return None
        values.update(zip(positions, found, strict=True))
    return [values[position] for position in range(len(values))]


def _positions(meters: Sequence[str]) -> Mapping[str, Sequence[int]]:
    """Where each meter is named."""
    found: dict[str, list[int]] = {meter: [] for meter in set(meters)}
    for position, meter in enumerate(meters):
        found[meter].append(position)
    return found


def _read_each(batch: _Batch) -> Sequence[Value]:
    """The values of all events, one by one. Raises for the first thing that is wrong with one of them."""
    values = []
    for position, event in enumerate(batch.events):
        try:
            _refuse_unknown(event.customer, batch.customers)
            rules = find_meter(batch.rules, event.meter)
            check_timely(event.at, batch.present(event.customer))
            values.append(rules.read(event.properties))
        except BillingError as refusal:
            raise batch.refused(position, refusal) from None
    return values


def _refuse_unknown(reference: str, customers: Collection[str]) -> None:
    if reference not in customers:
        raise InvalidInput(
            f"There is no customer “{reference}”: add them before sending usage.",
            code="unknown_customer",
            field="customer",
        )


def _rows(batch: _Batch, values: Sequence[Value]) -> list[_Row]:
    """Column by column, because that is several times as fast."""
    ids, customers, meters, ats, properties = zip(*batch.events, strict=True)
    numbers, labels = zip(*values, strict=True)
    columns = (
        ids,
        repeat(to_uuid("ten", current_tenant_id())),
        [batch.customers[customer].id for customer in customers],
        [batch.meters[meter].id for meter in meters],
        ats,
        map(str, numbers),  # psycopg takes three times as long over decimals
        labels,
        count(),
        map(json_text, properties),
        [batch.present(customer) for customer in customers],
    )
    return list(map(_Row._make, zip(*columns, strict=False)))


def _distinct(batch: _Batch, rows: Sequence[_Row]) -> Sequence[_Row]:
    """One row for each transaction id."""
    first = {row.transaction_id: row for row in reversed(rows)}
    if len(first) == len(rows):
        return rows
    for row in rows:
        _refuse_other(batch, row, batch.content(first[row.transaction_id]))
    return list(first.values())


def _refuse_reused(batch: _Batch, rows: Sequence[_Row]) -> None:
    """Refuse events whose transaction id was there, unless they are what is there."""
    if rows:
        there = known.contents([row.transaction_id for row in rows])
        for row in rows:
            _refuse_other(batch, row, there[row.transaction_id])


def _refuse_other(batch: _Batch, row: _Row, content: Content) -> None:
    if batch.content(row) != content:
        refusal = Conflict(
            f"The transaction_id “{row.transaction_id}” belongs to another event: give each its own.",
            code="transaction_id_reused",
            field="transaction_id",
        )
        raise batch.refused(row.position, refusal)


def _note(batch: _Batch, rows: Sequence[_Row]) -> None:
    """See to what follows from new events, at the instants when they came."""
    if not rows:
        return
    watched = {meter.id for meter in batch.meters.values() if meter.watched}
    until = known.invoiced_until(
        [customer.id for customer in batch.customers.values()], [meter.id for meter in batch.meters.values()]
    )
    for at in {row.created_at for row in rows} if watched or until else ():
        then = [row for row in rows if row.created_at == at]
        _note_late(batch, then, until, at)
        usage_alerts.note_growth({(row.customer_id, row.meter_id) for row in then if row.meter_id in watched}, at)


def _note_late(batch: _Batch, rows: Sequence[_Row], until: Mapping[Pair, datetime], received_at: datetime) -> None:
    """Have periods counted again that were invoiced without these events. Raises Conflict for a meter that refuses."""
    late = []
    for row in rows:
        try:
            placed = place(row.at, until.get((row.customer_id, row.meter_id)), batch.meter(row).rules.late_policy)
        except BillingError as refusal:
            raise batch.refused(row.position, refusal) from None
        if placed != "current":
            late.append((row.customer_id, row.meter_id, row.at))
    recounts.order(late, received_at)
