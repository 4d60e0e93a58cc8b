"""Rings after each commit that wrote something to be worked on. A lost ring costs seconds: a sweep follows."""

from collections.abc import Mapping

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.extensions import db
from app.jobs import queues

# What a service notes in the session, and what then has to be looked after.
RINGS: Mapping[str, str] = {
    "has_events": "app.jobs.sweeps.relay",
    "has_clocks": "app.jobs.clocks.advance_all",
}


def notices_came() -> None:
    """Ring for whoever works on notices."""
    queues.enqueue("app.jobs.sweeps.follow_notices")


def install() -> None:
    """Listen to the commits of this process."""
    if not event.contains(db.session, "after_commit", _ring):
        event.listen(db.session, "after_commit", _ring)
        event.listen(db.session, "after_rollback", _forget)


def _ring(session: Session) -> None:
    for note, job in RINGS.items():
        if session.info.pop(note, False):
            queues.enqueue(job)


def _forget(session: Session) -> None:
    for note in RINGS:
        session.info.pop(note, None)
