"""Facts for the outbox, written in the transaction that makes them true. A rollback drops both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from uuid_utils.compat import uuid7

from app.db import current_tenant_id, session
from app.ids import to_uuid
from app.logs import request_id
from app.models import Event
from app.services.bulk import insert_rows, is_together, json_text


def emit(event_type: str, subject_id: str, at: datetime, *, customer_id: str | None = None, **payload: Any) -> None:
    """Add a fact (`invoice.paid`) about a row. Who listens stands in `jobs/subscribers.py`, not here."""
    if is_together():
        emit_all([Fact(event_type, subject_id, customer_id, payload)], at)
        return
    session().add(
        Event(
            type=event_type,
            subject_id=subject_id,
            customer_id=customer_id,
            payload=payload,
            at=at,
            request_id=request_id(),
        )
    )
    session().info["has_events"] = True


@dataclass(frozen=True, slots=True)
class Fact:
    """An event to be, for writing many at once."""

    type: str
    subject_id: str
    customer_id: str | None
    payload: Mapping[str, Any]


_COLUMNS = "tenant_id id type subject_id customer_id payload at request_id".split()


def emit_all(facts: Sequence[Fact], at: datetime) -> None:
    """Add many facts with one statement."""
    tenant, trail = to_uuid("ten", current_tenant_id()), request_id()
    insert_rows(
        Event,
        _COLUMNS,
        [
            (
                tenant,
                uuid7(),
                fact.type,
                fact.subject_id,
                to_uuid("cus", fact.customer_id) if fact.customer_id else None,
                json_text(fact.payload),
                at,
                trail,
            )
            for fact in facts
        ],
    )
    if facts:
        session().info["has_events"] = True
