"""Whose time passes: a tenant's real time, or the simulated time of one of its test clocks."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from app.db import tenant_scope


@dataclass(frozen=True, slots=True)
class Timeline:
    """The customers of a tenant who live by one test clock, or those who live by none, and their present (UTC).

    `moving`: the clock is being moved, and whoever moves it does all there is to do.
    """

    tenant_id: str
    at: datetime
    clock_id: str | None = None
    moving: bool = False


_current: ContextVar[Timeline | None] = ContextVar("timeline", default=None)


@contextmanager
def lived(timeline: Timeline) -> Iterator[None]:
    """Only what falls due on this timeline falls due inside the block; outside of any, that is real time."""
    with tenant_scope(timeline.tenant_id):
        token = _current.set(timeline)
        try:
            yield
        finally:
            _current.reset(token)


def current_timeline() -> Timeline | None:
    """The timeline in scope."""
    return _current.get()


def current_clock_id() -> str | None:
    """The test clock in scope; None in real time."""
    timeline = _current.get()
    return timeline.clock_id if timeline else None
