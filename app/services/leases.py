"""Work that stands in rows: leased by one worker, tried again with back-off, laid aside for a person in the end.

Such a row has `state` (due, done, dead), `due_at`, `leased_until`, `attempts` and `last_error`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, func, or_, select

from app.db import session
from app.models import InboxNotice, Reconciliation, Task
from app.queries.due import rows

LEASE = timedelta(minutes=5)
BATCH = 200

Leased = TypeVar("Leased", Task, InboxNotice, Reconciliation)


def due(model: type[Leased], kind: str, at: datetime) -> list[str]:
    """Ids of the rows of the tenant in scope that are due (`queries.due` knows the kind of work), oldest first."""
    waiting = select(model.id).where(rows(kind, at), _free(model))
    return list(session().scalars(waiting.order_by(model.due_at, model.id).limit(BATCH)))


def take(model: type[Leased], row_id: str, tries: int) -> Leased | None:
    """Lease a row in the caller's transaction; None when it is not there to take. One whose worker died each of its
    `tries` is laid aside."""
    row = session().scalar(
        select(model).where(model.id == row_id, model.state == "due", _free(model)).with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    if row.attempts >= tries:
        row.state, row.last_error = "dead", "Its worker died each time."
        return None
    row.leased_until = func.now() + LEASE
    row.attempts += 1
    return row


def done(row: Leased) -> None:
    """The work on a leased row is finished."""
    row.state, row.leased_until, row.last_error = "done", None, None


def failed(row: Leased, error: Exception, at: datetime, back_off: Sequence[timedelta]) -> None:
    """Try again after the next pause of `back_off`; after the last one the row is laid aside."""
    row.leased_until, row.last_error = None, f"{type(error).__name__}: {error}"[:500]
    if row.attempts > len(back_off):
        row.state = "dead"
    else:
        row.due_at = at + back_off[row.attempts - 1]


def again(row: Leased, at: datetime) -> None:
    """Take up afresh a row that was laid aside."""
    row.state, row.due_at, row.attempts = "due", at, 0


def _free(model: type[Leased]) -> ColumnElement[bool]:
    return or_(model.leased_until.is_(None), model.leased_until < func.now())
