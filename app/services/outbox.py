"""The relay: numbers new events without a gap, and writes down the work that each of them asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.db import current_tenant_id, session
from app.ids import new_id
from app.models import Event, Task
from app.queries import due
from app.services import numbers

BATCH = 500


@dataclass(frozen=True, slots=True)
class Relayed:
    """How many events were numbered, and the ids of the tasks they ask for."""

    events: int
    task_ids: tuple[str, ...] = ()


def relay(subscribers: Mapping[str, Sequence[str]], at: datetime) -> Relayed:
    """Number up to a batch of new events of the tenant in scope, and write down the tasks they ask for.

    `subscribers` maps an event type to names of work. Runs in the caller's transaction, so an event is numbered and its
    work is written down together or not at all. Only one relay works per tenant at a time: it holds the counter.
    """
    first = numbers.take("events", 0)
    events = session().scalars(select(Event).where(due.rows("events", at)).order_by(Event.id).limit(BATCH)).all()
    if not events:
        return Relayed(0)
    numbers.take("events", len(events))
    for seq, event in enumerate(events, first):
        event.seq = seq
    work = [_task(event, name, at) for event in events for name in subscribers.get(event.type, ())]
    if work:
        session().execute(insert(Task).on_conflict_do_nothing(), work)
    return Relayed(len(events), tuple(task["id"] for task in work))


def _task(event: Event, name: str, at: datetime) -> dict[str, Any]:
    return {
        "id": new_id("tsk"),
        "tenant_id": current_tenant_id(),
        "event_id": event.id,
        "name": name,
        "subject_id": event.subject_id,
        "due_at": at,
        "request_id": event.request_id,
        "created_at": at,
    }
