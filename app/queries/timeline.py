"""What happened to something, newest first: the facts, who caused them, and why."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.db import session
from app.models import ApiKey, AuditEntry, Event, StatusChange, User

LIMIT = 50


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. `name` is an event's type, an audited action, or `status` for a bare move.

    `actor` is the name of whoever did it, None when the system did or nobody wrote it down; `why` is the reason given.
    """

    at: datetime
    order: str
    name: str
    subject_id: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    actor: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class _Traces:
    """What was written down about the same subjects in three places."""

    events: Sequence[Event]
    audits: Sequence[AuditEntry]
    moves: Sequence[StatusChange]


def of_subjects(subject_ids: Collection[str], *, customer_id: str | None = None, limit: int = LIMIT) -> list[Moment]:
    """The latest moments of these rows. `customer_id` is whose they are; None for what belongs to no customer."""
    events = select(Event).where(Event.customer_id == customer_id, Event.subject_id.in_(subject_ids))
    found = session().scalars(events.order_by(Event.id.desc()).limit(limit)).all()
    return _told(_traces(found, subject_ids, limit))[:limit]


def of_customer(customer_id: str, *, limit: int = LIMIT) -> list[Moment]:
    """The latest moments of a customer and of all that is theirs."""
    events = select(Event).where(Event.customer_id == customer_id).order_by(Event.id.desc()).limit(limit)
    found = session().scalars(events).all()
    return _told(_traces(found, {customer_id, *(event.subject_id for event in found)}, limit))[:limit]


def names_of(actor_ids: Iterable[str | None]) -> Mapping[str, str]:
    """The names of people and API keys, by id."""
    ids = {one for one in actor_ids if one}
    people = {one for one in ids if one.startswith("usr_")}
    keys = {one for one in ids if one.startswith("key_")}
    found = {}
    for model, wanted in ((User, people), (ApiKey, keys)):
        if wanted:
            rows = session().execute(select(model.id, model.name).where(model.id.in_(wanted)))
            found.update({row.id: row.name for row in rows})
    return found


def _traces(events: Sequence[Event], subject_ids: Collection[str], limit: int) -> _Traces:
    audits = select(AuditEntry).where(AuditEntry.subject_id.in_(subject_ids)).order_by(AuditEntry.id.desc())
    moves = select(StatusChange).where(StatusChange.subject_id.in_(subject_ids)).order_by(StatusChange.id.desc())
    return _Traces(events, session().scalars(audits.limit(limit)).all(), session().scalars(moves.limit(limit)).all())


def _told(traces: _Traces) -> list[Moment]:
    """An event tells what happened; an audit entry or a move of the same row at the same instant tells who and why.

    Of several events at one instant, the first is what somebody did and the last is what the row moved to. What has no
    event stands for itself.
    """
    names = names_of(entry.actor_id for entry in traces.audits)
    events = sorted(traces.events, key=lambda event: event.id)
    first = {(e.subject_id, e.at): e.id for e in reversed(events)}
    last = {(e.subject_id, e.at): e.id for e in events}
    who = {first.get((a.subject_id or "", a.at), a.id): names.get(a.actor_id or "") for a in traces.audits}
    why = {last.get((m.subject_id, m.at), m.id): m.reason for m in traces.moves}
    moments = [
        *(_moment(e.id, e.at, e.type, e.subject_id, e.payload, who, why) for e in events),
        *(_moment(a.id, a.at, a.action, a.subject_id, a.changes, who, why) for a in traces.audits if a.id in who),
        *(_moment(m.id, m.at, "status", m.subject_id, {"new": m.new}, who, why) for m in traces.moves if m.id in why),
    ]
    return sorted(moments, key=lambda moment: (moment.at, moment.order), reverse=True)


def _moment(
    row_id: str,
    at: datetime,
    name: str,
    subject_id: str | None,
    facts: Mapping[str, Any],
    who: Mapping[str, str | None],
    why: Mapping[str, str | None],
) -> Moment:
    """Ids hold the time at which they were made, behind a prefix of the same length."""
    reason = facts.get("reason") or why.get(row_id)
    return Moment(at, row_id[4:], name, subject_id or "", facts, who.get(row_id), reason)
