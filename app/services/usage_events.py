"""Taking usage events in: a batch is one transaction and a handful of statements, and nothing is counted twice.

Nearly all batches are in order, and that is found out for all events at once. Only when it cannot be, each event is
looked at by itself, which takes several times as long and tells what is wrong.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from app.db import current_tenant_id
from app.domain.errors import BillingError, Conflict, InvalidInput
from app.domain.usage import Values, check_timely, find_meter, is_timely, place
from app.ids import to_uuid
from app.models import UsageEvent
from app.queries import usage_intake as known
from app.queries.usage_intake import Content, Pair
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


@dataclass(frozen=True, slots=True)
class NewEvents:
    """Events column by column, because that is several times as fast as one by one."""

    transaction_ids: Sequence[str]
    customers: Sequence[str]
    meters: Sequence[str]
    ats: Sequence[datetime]
    properties: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, events: Iterable[NewEvent]) -> Self:
        """The same events, given one by one."""
        columns = list(zip(*events, strict=True))
        return cls(*(columns or [()] * len(NewEvent._fields)))

    def __len__(self) -> int:
        return len(self.transaction_ids)


class Recorded(NamedTuple):
    """What became of a batch: events that are new, and events that were there already."""

    taken: int
    duplicates: int


class _Batch:
    """Events, and what is known of the customers and meters they name. `field` is where they stand in the request."""

    def __init__(self, events: NewEvents, received_at: datetime, field: str) -> None:
        self.events, self.received_at, self._field = events, received_at, field
        self.customers = known.customers(set(events.customers))
        self.meters = known.meters(set(events.meters))
        self.rules = {code: meter.rules for code, meter in self.meters.items()}

    def present(self, customer: str) -> datetime:
        """When events of a customer were received: when it is what their test clock shows, if they have one."""
        return self.customers[customer].now_at or self.received_at

    def pair(self, position: int) -> Pair:
        """The customer and the meter of an event."""
        events = self.events
        return self.customers[events.customers[position]].id, self.meters[events.meters[position]].id

    def content(self, position: int) -> Content:
        return Content(*self.pair(position), self.events.ats[position], self.events.properties[position])

    def refused(self, position: int, refusal: BillingError) -> BillingError:
        """The refusal of an event, naming where it stands. What it names but does not exist is a wrong field."""
        kind = Conflict if isinstance(refusal, Conflict) else InvalidInput
        steps = (self._field, self._field and str(position), refusal.field)
        return kind(refusal.message, code=refusal.code, field=".".join(filter(None, steps)))


def record(events: NewEvents, received_at: datetime, field: str = "events") -> Recorded:
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
    values = _read_at_once(batch) or _read_each(batch)
    distinct = _distinct(batch)
    taken = _insert(batch, values, distinct)
    _refuse_reused(batch, [position for position in distinct if events.transaction_ids[position] not in taken])
    _note(batch, [position for position in distinct if events.transaction_ids[position] in taken])
    return Recorded(len(taken), len(events) - len(taken))


def _read_at_once(batch: _Batch) -> Values | None:
    """The values of all events; None when one of them may have to be refused, or is written in a rarer way."""
    events = batch.events
    customers, meters = set(events.customers), set(events.meters)
    if not (batch.customers.keys() >= customers and batch.meters.keys() >= meters):
        return None
    earliest, latest = min(events.ats), max(events.ats)
    if not all(is_timely(at, batch.present(customer)) for customer in customers for at in (earliest, latest)):
        return None
    numbers, texts = [""] * len(events), [""] * len(events)
    for meter, positions in _positions(events.meters).items():
        found = batch.rules[meter].read_plain([events.properties[position] for position in positions])
        if found is None:
            return None
        for position, number, text in zip(positions, *found, strict=True):
            numbers[position], texts[position] = number, text
    return Values(numbers, texts)


def _positions(meters: Sequence[str]) -> Mapping[str, Sequence[int]]:
    """Where each meter is named."""
    found: dict[str, list[int]] = {meter: [] for meter in set(meters)}
    for position, meter in enumerate(meters):
        found[meter].append(position)
    return found


def _read_each(batch: _Batch) -> Values:
    """The values of all events, one by one. Raises for the first thing that is wrong with one of them."""
    events, values = batch.events, []
    for position, customer in enumerate(events.customers):
        try:
            _refuse_unknown(customer, batch.customers)
            rules = find_meter(batch.rules, events.meters[position])
            check_timely(events.ats[position], batch.present(customer))
            values.append(rules.read(events.properties[position]))
        except BillingError as refusal:
            raise batch.refused(position, refusal) from None
    return Values.of(values)


def _refuse_unknown(reference: str, customers: Collection[str]) -> None:
    if reference not in customers:
        raise InvalidInput(
            f"There is no customer “{reference}”: add them before sending usage.",
            code="unknown_customer",
            field="customer",
        )


def _distinct(batch: _Batch) -> Sequence[int]:
    """Where the events with a transaction id of their own stand; those that come again are left out."""
    ids = batch.events.transaction_ids
    if len(set(ids)) == len(ids):
        return range(len(ids))
    first: dict[str, int] = {}
    for position, transaction_id in enumerate(ids):
        _refuse_other(batch, position, batch.content(first.setdefault(transaction_id, position)))
    return list(first.values())


def _insert(batch: _Batch, values: Values, positions: Sequence[int]) -> set[str]:
    """Insert what is new, and give the transaction ids of that."""
    events = batch.events
    ordered = sorted(positions, key=events.transaction_ids.__getitem__)
    customers = [batch.customers[events.customers[position]] for position in ordered]
    columns: dict[str, Sequence[Any]] = {
        "tenant_id": [to_uuid("ten", current_tenant_id())] * len(ordered),
        "transaction_id": [events.transaction_ids[position] for position in ordered],
        "customer_id": [customer.id for customer in customers],
        "meter_id": [batch.meters[events.meters[position]].id for position in ordered],
        "at": [events.ats[position] for position in ordered],
        "number": [values.numbers[position] for position in ordered],
        "label": [values.texts[position] for position in ordered],
        "position": ordered,
        "properties": [json_text(events.properties[position]) for position in ordered],
        "created_at": [customer.now_at or batch.received_at for customer in customers],
    }
    return insert_new(UsageEvent, columns, "transaction_id")


def _refuse_reused(batch: _Batch, positions: Sequence[int]) -> None:
    """Refuse events whose transaction id was there, unless they are what is there."""
    if positions:
        there = known.contents([batch.events.transaction_ids[position] for position in positions])
        for position in positions:
            _refuse_other(batch, position, there[batch.events.transaction_ids[position]])


def _refuse_other(batch: _Batch, position: int, content: Content) -> None:
    transaction_id = batch.events.transaction_ids[position]
    if batch.content(position) != content:
        refusal = Conflict(
            f"The transaction_id “{transaction_id}” belongs to another event: give each its own.",
            code="transaction_id_reused",
            field="transaction_id",
        )
        raise batch.refused(position, refusal)


def _note(batch: _Batch, positions: Sequence[int]) -> None:
    """See to what follows from new events, at the instants when they came."""
    if not positions:
        return
    watched = {meter.id for meter in batch.meters.values() if meter.watched}
    until = known.invoiced_until(
        [customer.id for customer in batch.customers.values()], [meter.id for meter in batch.meters.values()]
    )
    if not watched and not until:
        return
    by_instant: dict[datetime, list[int]] = defaultdict(list)
    for position in positions:
        by_instant[batch.present(batch.events.customers[position])].append(position)
    for at, then in by_instant.items():
        _note_late(batch, then, until, at)
        usage_alerts.note_growth({pair for pair in map(batch.pair, then) if pair[1] in watched}, at)


def _note_late(batch: _Batch, positions: Sequence[int], until: Mapping[Pair, datetime], received_at: datetime) -> None:
    """Have periods counted again that were invoiced without these events. Raises Conflict for a meter that refuses."""
    late = []
    for position in positions:
        pair, at = batch.pair(position), batch.events.ats[position]
        try:
            placed = place(at, until.get(pair), batch.rules[batch.events.meters[position]].late_policy)
        except BillingError as refusal:
            raise batch.refused(position, refusal) from None
        if placed != "current":
            late.append((*pair, at))
    recounts.order(late, received_at)
