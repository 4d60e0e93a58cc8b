"""Taking usage events in: a batch is one transaction and a handful of statements, and nothing is counted twice."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.db import current_tenant_id
from app.domain.errors import BillingError, Conflict, InvalidInput
from app.domain.usage import Meter as Rules
from app.domain.usage import Reading, check_not_in_future, find_meter, place
from app.ids import to_uuid
from app.models import UsageEvent
from app.queries import usage_intake as known
from app.queries.usage_intake import Content, KnownMeter
from app.services import recounts, usage_alerts
from app.services.bulk import insert_new

MAX_BATCH = 1000
LONGEST_LABEL = 255  # what the column holds

_COLUMNS = "tenant_id transaction_id customer_id meter_id at number label position properties created_at".split()


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something a customer used, as an application tells it. `customer` is our id or their external id, `meter` a code,
    and `field` is where the event stands in the request, for refusals: `events.3`, or nothing."""

    transaction_id: str
    customer: str
    meter: str
    at: datetime
    properties: Mapping[str, Any]
    field: str = ""


class Recorded(NamedTuple):
    """What became of a batch: events that are new, and events that were there already."""

    taken: int
    duplicates: int


class _Draft(NamedTuple):
    """An event that can be taken, as far as it can be told without knowing those that are there."""

    position: int
    event: NewEvent
    meter: KnownMeter
    reading: Reading
    content: Content
    received_at: datetime


def record(events: Sequence[NewEvent], received_at: datetime) -> Recorded:
    """Take up to 1000 events, all of them or none. Runs in the caller's transaction. Of customers on a test clock they
    are received when it is what the clock shows.

    An event that comes again under its `transaction_id` counts as a duplicate and changes nothing, so that whoever is
    not sure sends again; another event under the same id is refused, because one of the two would be lost. Late events
    go by the policy of their meter (issue 3). Raises InvalidInput for an unknown customer or meter, a property that is
    missing or cannot be read, or a time still to come; Conflict for an id used for something else
    (`transaction_id_reused`) and for late events of a meter that refuses them (`usage_too_late`); all name the event.
    """
    if len(events) > MAX_BATCH:
        raise InvalidInput(f"Send at most {MAX_BATCH} events at once.", code="too_many", field="events")
    drafts = _distinct(_drafts(events, received_at))
    taken = _insert(drafts)
    new = [draft for draft in drafts if draft.event.transaction_id in taken]
    _refuse_reused([draft for draft in drafts if draft.event.transaction_id not in taken])
    for at in {draft.received_at for draft in new}:
        _note(at, [draft for draft in new if draft.received_at == at])
    return Recorded(len(taken), len(events) - len(taken))


def _drafts(events: Sequence[NewEvent], received_at: datetime) -> list[_Draft]:
    customers = known.customers({event.customer for event in events})
    meters = known.meters({event.meter for event in events})
    rules = {code: meter.rules for code, meter in meters.items()}
    presents = known.presents(set(customers.values()))
    drafts = []
    for position, event in enumerate(events):
        try:
            customer = _customer(event.customer, customers)
            at = presents.get(customer, received_at)
            reading = _read(find_meter(rules, event.meter), event, at)
        except BillingError as refusal:
            raise _named(refusal, event) from None
        meter = meters[event.meter]
        content = Content(customer, meter.id, event.at, event.properties)
        drafts.append(_Draft(position, event, meter, reading, content, at))
    return drafts


def _customer(reference: str, customers: Mapping[str, UUID]) -> UUID:
    customer = customers.get(reference)
    if customer is None:
        raise InvalidInput(
            f"There is no customer “{reference}”: add them before sending usage.",
            code="unknown_customer",
            field="customer",
        )
    return customer


def _read(rules: Rules, event: NewEvent, received_at: datetime) -> Reading:
    check_not_in_future(event.at, received_at)
    reading = rules.read(event.at, event.properties)
    if len(reading.text) > LONGEST_LABEL:
        field = f"properties.{rules.property}"
        raise InvalidInput(f"{field} is longer than {LONGEST_LABEL} characters.", code="too_long", field=field)
    return reading


def _named(refusal: BillingError, event: NewEvent) -> BillingError:
    """The refusal of an event, naming where it stands. What it names but does not exist is a wrong field."""
    kind = Conflict if isinstance(refusal, Conflict) else InvalidInput
    field = ".".join(filter(None, (event.field, refusal.field)))
    return kind(refusal.message, code=refusal.code, field=field)


def _distinct(drafts: Sequence[_Draft]) -> list[_Draft]:
    """One draft for each transaction id."""
    first: dict[str, _Draft] = {}
    for draft in drafts:
        _refuse_other(draft, first.setdefault(draft.event.transaction_id, draft).content)
    return list(first.values())


def _insert(drafts: Sequence[_Draft]) -> Collection[str]:
    """Insert what is new, and give the transaction ids of that."""
    tenant = to_uuid("ten", current_tenant_id())
    rows = [
        (
            tenant,
            draft.event.transaction_id,
            *draft.content[:3],
            draft.reading.number,
            draft.reading.text,
            draft.position,
            json.dumps(draft.event.properties),
            draft.received_at,
        )
        for draft in sorted(drafts, key=lambda draft: draft.event.transaction_id)
    ]
    return insert_new(UsageEvent, _COLUMNS, rows, "transaction_id")


def _refuse_reused(drafts: Sequence[_Draft]) -> None:
    if not drafts:
        return
    there = known.contents([draft.event.transaction_id for draft in drafts])
    for draft in drafts:
        _refuse_other(draft, there[draft.event.transaction_id])


def _refuse_other(draft: _Draft, content: Content) -> None:
    if draft.content != content:
        refusal = Conflict(
            f"The transaction_id “{draft.event.transaction_id}” belongs to another event: give each its own.",
            code="transaction_id_reused",
            field="transaction_id",
        )
        raise _named(refusal, draft.event)


def _note(at: datetime, drafts: Sequence[_Draft]) -> None:
    """See to what follows from new events that came at this instant."""
    _note_late(drafts, at)
    usage_alerts.note_growth({draft.content[:2] for draft in drafts if draft.meter.watched}, at)


def _note_late(drafts: Sequence[_Draft], received_at: datetime) -> None:
    """Have periods counted again that were invoiced without these events. Raises Conflict for a meter that refuses."""
    until = known.invoiced_until({draft.content[:2] for draft in drafts})
    late = []
    for draft in drafts:
        try:
            placed = place(draft.content.at, until.get(draft.content[:2]), draft.meter.rules.late_policy)
        except BillingError as refusal:
            raise _named(refusal, draft.event) from None
        if placed != "current":
            late.append(draft.content[:3])
    recounts.order(late, received_at)
