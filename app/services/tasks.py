"""Work that events ask for: leased, done, tried again with back-off, or laid aside for a person to look at."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select

from app.db import session, transaction
from app.domain.errors import Conflict
from app.logs import follow_trail, logger
from app.models import Task
from app.queries.base import get
from app.services.history import audit

LEASE = timedelta(minutes=5)
BACK_OFF = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
BATCH = 200

log = logger(__name__)


def due(at: datetime) -> list[str]:
    """Tasks of the tenant in scope that wait to be done, oldest first."""
    waiting = select(Task.id).where(Task.state == "due", Task.due_at <= at, _free())
    return list(session().scalars(waiting.order_by(Task.due_at, Task.id).limit(BATCH)))


def run(task_id: str, workers: Mapping[str, Callable[[str, datetime], object]], at: datetime) -> bool:
    """Lease a task, do it, and record how it went. False when it was not there to take, or failed.

    `workers` maps a task's name to what does it; that opens its own transactions and may be called twice. Its log lines
    and events carry the request id of what caused the task.
    """
    with transaction():
        task = _lease(task_id)
        if task is None:
            return False
        name, subject_id, trail = task.name, task.subject_id, task.request_id
    try:
        with follow_trail(trail):
            workers[name](subject_id, at)
    except Exception as error:
        log.exception("task failed", task=task_id, name=name, subject=subject_id)
        with transaction():
            _failed(get(Task, task_id, lock=True), error, at)
        return False
    with transaction():
        done = get(Task, task_id, lock=True)
        done.state, done.leased_until, done.last_error = "done", None, None
    return True


def retry(task_id: str, at: datetime) -> None:
    """Take up again a task that was laid aside. Raises Conflict for any other."""
    task = get(Task, task_id, lock=True)
    if task.state != "dead":
        raise Conflict(f"This task is {task.state}: only one that was laid aside can be retried.", code="task_not_dead")
    task.state, task.due_at, task.attempts = "due", at, 0
    audit("task.retry", task.id, at, name=task.name)


def _free() -> ColumnElement[bool]:
    return or_(Task.leased_until.is_(None), Task.leased_until < func.now())


def _lease(task_id: str) -> Task | None:
    task = session().scalar(
        select(Task).where(Task.id == task_id, Task.state == "due", _free()).with_for_update(skip_locked=True)
    )
    if task is None:
        return None
    if task.attempts > len(BACK_OFF):
        task.state, task.last_error = "dead", "Its worker died each time."
        return None
    task.leased_until = func.now() + LEASE
    task.attempts += 1
    return task


def _failed(task: Task, error: Exception, at: datetime) -> None:
    task.leased_until, task.last_error = None, f"{type(error).__name__}: {error}"[:500]
    if task.attempts > len(BACK_OFF):
        task.state = "dead"
    else:
        task.due_at = at + BACK_OFF[task.attempts - 1]
