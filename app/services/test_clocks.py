"""Test clocks: simulated time for customers of a tenant in test mode, moved from one due instant to the next."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from app.db import current_tenant_id, session, transaction
from app.domain.errors import Conflict, InvalidInput
from app.domain.guards import refuse_backwards
from app.domain.zones import instant
from app.models import Tenant, TestClock
from app.queries.base import get
from app.queries.due import next_instant, waits_for_gateway
from app.services.events import emit
from app.services.history import audit
from app.timelines import Timeline, lived

FARTHEST = timedelta(days=5 * 366)  # at once: with daily billing that is a step for each of 1,830 days
LEASE = timedelta(minutes=2)
STUCK_AFTER = timedelta(minutes=15)  # longer than any lease that may have to run out first
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Hold:
    """The right to move a clock from where it stands, until `leased_until` by the database's clock."""

    timeline: Timeline
    leased_until: datetime


def create(name: str, now: datetime | None, at: datetime) -> TestClock:
    """Set up a clock that shows `now` (an instant; `at` unless given).

    Raises Conflict in live mode (`test_mode_only`), InvalidInput for a name that is empty or too long.
    """
    _refuse_live_mode()
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidInput(
            f"A clock needs a name of 1 to {LONGEST_NAME} characters.", code="invalid_name", field="name"
        )
    shown = instant(now or at, "now")
    row = TestClock(name=name, now_at=shown, target_at=shown, created_at=at)
    session().add(row)
    session().flush()
    audit("test_clock.create", row.id, at, now=shown.isoformat())
    return row


def advance(clock_id: str, to: datetime, at: datetime) -> TestClock:
    """Let the clock go on to an instant: whoever listens moves it there, and it is `advancing` until it has arrived.

    One that failed goes on from where it stands. Raises InvalidInput for an instant before the one it shows
    (`clock_backwards`) or more than five years after it (`clock_too_far`), Conflict for a clock that is advancing
    already (`clock_advancing`) or was deleted, and in live mode (`test_mode_only`).
    """
    _refuse_live_mode()
    row = _at_rest(clock_id)
    target = instant(to, "to")
    refuse_backwards(row.now_at, target, "to")
    if target > row.now_at + FARTHEST:
        raise InvalidInput(
            "A clock goes on by at most five years at once: advance it in several steps.",
            code="clock_too_far",
            field="to",
        )
    row.target_at, row.status, row.failure = target, "advancing", None
    row.leased_until, row.moved_at = None, func.now()
    audit("test_clock.advance", row.id, at, to=target.isoformat())
    emit("test_clock.advancing", row.id, at, to=target.isoformat())
    session().flush()
    session().info["has_clocks"] = True
    return row


def delete(clock_id: str, at: datetime) -> None:
    """Take a clock away. For the customers on it time has stopped: nothing of theirs falls due any more.

    Raises Conflict while it is advancing.
    """
    row = _at_rest(clock_id)
    row.deleted_at = at
    audit("test_clock.delete", row.id, at)


def usable(clock_id: str) -> TestClock:
    """The clock, for a customer who is to live by it. Raises NotFound, or Conflict for one that was deleted or in live
    mode."""
    _refuse_live_mode()
    return _existing(get(TestClock, clock_id))


def hold(clock_id: str, held: Hold | None = None) -> Hold | None:
    """Take the lease on a clock that is advancing, or keep the one that is `held`; None when it is not ours to move.

    Opens a transaction of its own.
    """
    free = or_(TestClock.leased_until.is_(None), TestClock.leased_until < func.now())
    ours = TestClock.leased_until == held.leased_until if held else free
    query = select(TestClock).where(TestClock.id == clock_id, TestClock.status == "advancing", or_(free, ours))
    with transaction():
        row = session().scalar(query.with_for_update(skip_locked=True).execution_options(populate_existing=True))
        if row is None:
            return None
        until = session().scalars(select(func.now() + LEASE)).one()
        row.leased_until = until
        return Hold(Timeline(current_tenant_id(), row.now_at, row.id, moving=True), until)


def let_go(held: Hold) -> None:
    """Give the lease back; whoever finds the clock next goes on. Opens a transaction of its own."""
    with transaction():
        if row := _ours(held):
            row.leased_until = None


def step(held: Hold, settle: Callable[[datetime], object]) -> bool:
    """Do all that is due at the clock's present (`settle`), and move it to the next instant at which something is, or
    to its target, where it is ready. False when it cannot go on yet: something is still on its way.

    Opens transactions of its own; `settle` is called outside of any, on the clock's timeline.
    """
    with lived(held.timeline):
        settle(held.timeline.at)
        with transaction():
            return _move(held)


def _move(held: Hold) -> bool:
    row, here = _ours(held), held.timeline.at
    if row is None:
        return False
    following = next_instant(row.target_at)
    if waits_for_gateway() or (following and following <= here):
        _note_if_stuck(row)
        return False
    row.now_at, row.moved_at = following or row.target_at, func.now()
    if following is None:
        row.status, row.leased_until = "ready", None
        emit("test_clock.ready", row.id, row.target_at, now=row.target_at.isoformat())
    return True


def _note_if_stuck(row: TestClock) -> None:
    too_long = select(TestClock.moved_at < func.now() - STUCK_AFTER).where(TestClock.id == row.id)
    if session().scalar(too_long):
        row.status, row.leased_until = "failed", None
        row.failure = (
            f"Something that was due at {row.now_at:%Y-%m-%d %H:%M:%S} UTC could not be done: look at the failed tasks"
            " and open payments of the customers on this clock, and advance it again."
        )
        emit("test_clock.failed", row.id, row.now_at, reason=row.failure)


def _ours(held: Hold) -> TestClock | None:
    """The clock, locked, if nobody has taken it over meanwhile."""
    query = select(TestClock).where(
        TestClock.id == held.timeline.clock_id,
        TestClock.status == "advancing",
        TestClock.leased_until == held.leased_until,
        TestClock.now_at == held.timeline.at,
    )
    return session().scalar(query.with_for_update().execution_options(populate_existing=True))


def _at_rest(clock_id: str) -> TestClock:
    row = _existing(get(TestClock, clock_id, lock=True))
    if row.status == "advancing":
        raise Conflict("This clock is advancing: wait until it is ready.", code="clock_advancing")
    return row


def _existing(row: TestClock) -> TestClock:
    if row.deleted_at:
        raise Conflict("This clock was deleted.", code="clock_deleted")
    return row


def _refuse_live_mode() -> None:
    if session().get_one(Tenant, current_tenant_id()).mode != "test":
        raise Conflict(
            "Test clocks exist in test mode only: here real money moves in real time.", code="test_mode_only"
        )
