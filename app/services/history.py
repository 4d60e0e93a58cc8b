"""Status moves that leave a trace, and the audit log of who did what."""

from datetime import datetime
from typing import Any, Protocol

from uuid_utils.compat import uuid7

from app.actors import current_actor
from app.db import current_tenant_id, session
from app.ids import to_uuid
from app.logs import request_id
from app.models import AuditEntry, StatusChange
from app.services.bulk import insert_rows, is_together, json_text

_COLUMNS = "tenant_id id subject_id old new at reason".split()
_AUDIT_COLUMNS = "tenant_id id at actor_kind actor_id action subject_id changes ip request_id".split()


class Moving(Protocol):
    """A row with a status that obeys the lifecycle."""

    id: Any
    status: Any

    def transition_to(self, new: str) -> bool: ...


def move(row: Moving, new: str, at: datetime, reason: str | None = None) -> bool:
    """Move a row's status and remember where it was. False when it is there already; raises IllegalTransition."""
    old = row.status
    if not row.transition_to(new):
        return False
    note_move(row.id, old, new, at, reason)
    return True


def note_move(subject_id: str, old: str, new: str, at: datetime, reason: str | None = None) -> None:
    """Remember a move that the lifecycle allows and that was written otherwise."""
    if is_together():
        row = (to_uuid("ten", current_tenant_id()), uuid7(), subject_id, old, new, at, reason)
        insert_rows(StatusChange, _COLUMNS, [row])
        return
    session().add(StatusChange(subject_id=subject_id, old=old, new=new, at=at, reason=reason))


def audit(action: str, subject_id: str | None, at: datetime, **changes: Any) -> None:
    """Write down that the current actor did something (`invoice.void`) to a row."""
    actor = current_actor.get()
    if is_together():
        who = (actor.kind, actor.id, action, subject_id, json_text(changes), actor.ip, request_id())
        insert_rows(AuditEntry, _AUDIT_COLUMNS, [(to_uuid("ten", current_tenant_id()), uuid7(), at, *who)])
        return
    session().add(
        AuditEntry(
            at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
            action=action,
            subject_id=subject_id,
            changes=changes,
            ip=actor.ip,
            request_id=request_id(),
        )
    )
