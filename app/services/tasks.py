"""Work that events ask for: leased, done, tried again with back-off, or laid aside for a person to look at."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from app.db import transaction
from app.domain.errors import Conflict
from app.logs import follow_trail, logger
from app.models import Task
from app.queries.base import get
from app.services import leases
from app.services.history import audit

BACK_OFF = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))

log = logger(__name__)


def due(at: datetime) -> list[str]:
    """Tasks of the tenant in scope that wait to be done, oldest first."""
    return leases.due(Task, "tasks", at)


def run(task_id: str, workers: Mapping[str, Callable[[str, datetime], object]], at: datetime) -> bool:
    """Lease a task, do it, and record how it went. False when it was not there to take, or failed.

    `workers` maps a task's name to what does it; that opens its own transactions and may be called twice. Its log lines
    and events carry the request id of what caused the task.
    """
    with transaction():
        task = leases.take(Task, task_id, len(BACK_OFF) + 1)
        if task is None:
            return False
        name, subject_id, trail = task.name, task.subject_id, task.request_id
    try:
        with follow_trail(trail):
            workers[name](subject_id, at)
    except Exception as error:
        log.exception("task failed", task=task_id, name=name, subject=subject_id)
        with transaction():
            leases.failed(get(Task, task_id, lock=True), error, at, BACK_OFF)
        return False
    with transaction():
        leases.done(get(Task, task_id, lock=True))
    return True


def retry(task_id: str, at: datetime) -> None:
    """Take up again a task that was laid aside. Raises Conflict for any other."""
    task = get(Task, task_id, lock=True)
    if task.state != "dead":
        raise Conflict(f"This task is {task.state}: only one that was laid aside can be retried.", code="task_not_dead")
    leases.again(task, at)
    audit("task.retry", task.id, at, name=task.name)
