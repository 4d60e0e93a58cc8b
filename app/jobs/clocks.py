"""Moving test clocks: a ring, and a sweep for the clocks whose ring was lost or whose worker died."""

import time

from app.db import tenant_scope
from app.domain.errors import Conflict
from app.jobs.queues import enqueue
from app.jobs.schedule import run_due
from app.models import TestClock
from app.queries import test_clocks as query
from app.services import test_clocks
from app.services.test_clocks import Hold

TURN_SECONDS = 60  # then others have a turn, before this clock goes on
PATIENCE_SECONDS = 5  # with what another worker is just doing; then a sweep comes back to it
PAUSE_SECONDS = 0.1


def advance(tenant_id: str, clock_id: str) -> None:
    """Move one clock on, for one turn."""
    with tenant_scope(tenant_id):
        if not move(clock_id, TURN_SECONDS):
            enqueue("app.jobs.clocks.advance", tenant_id, clock_id)


def advance_all() -> int:
    """Move every clock that is advancing while nobody moves it; gives how many there were."""
    waiting = query.to_be_moved()
    for tenant_id, clock_id in waiting:
        advance(tenant_id, clock_id)
    return len(waiting)


def move(clock_id: str, seconds: float) -> bool:
    """Move a clock of the tenant in scope for so long at most; whether that was long enough for what can be done."""
    end = time.monotonic() + seconds
    held = test_clocks.hold(clock_id)
    while held:
        if not _step(held):
            test_clocks.let_go(held)
            return True
        if time.monotonic() > end:
            test_clocks.let_go(held)
            return False
        held = test_clocks.hold(clock_id, held)
    return True


def arrive(clock_id: str) -> TestClock:
    """Move a clock of the tenant in scope to its target, waiting for whatever is on its way; gives the clock.

    Raises Conflict (`clock_failed`) when it does not get there.
    """
    move(clock_id, TURN_SECONDS)
    while (row := query.as_it_is(clock_id)).status == "advancing":
        time.sleep(PAUSE_SECONDS)
        move(clock_id, TURN_SECONDS)
    if row.status == "failed":
        raise Conflict(str(row.failure), code="clock_failed")
    return row


def _step(held: Hold) -> bool:
    end = time.monotonic() + PATIENCE_SECONDS
    while not (moved := test_clocks.step(held, run_due)) and time.monotonic() < end:
        time.sleep(PAUSE_SECONDS)
    return moved
