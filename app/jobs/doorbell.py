"""Rings for the relay after each commit that wrote events. A lost ring costs seconds: a sweep follows."""

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.extensions import db
from app.jobs import queues


def install() -> None:
    """Listen to the commits of this process."""
    if not event.contains(db.session, "after_commit", _ring):
        event.listen(db.session, "after_commit", _ring)
        event.listen(db.session, "after_rollback", _forget)


def _ring(session: Session) -> None:
    if session.info.pop("has_events", False):
        queues.enqueue("app.jobs.sweeps.relay")


def _forget(session: Session) -> None:
    session.info.pop("has_events", None)
