"""A form counts once, however often its button is pressed: each form shown carries a key, and each key is taken once.

The key is taken in a transaction of its own before the work begins, so it also holds for work that calls a gateway
and therefore cannot stand in one transaction. It lies beside the API's idempotency keys and is forgotten with them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.dialects.postgresql import insert

from app.crypto import secret_hash
from app.db import current_tenant_id, session
from app.domain.errors import InvalidInput
from app.models import IdempotencyKey

LEASE = timedelta(minutes=2)  # a server that died meanwhile does not block the form for longer
LONGEST_KEY = 64


@dataclass(frozen=True, slots=True)
class Taken:
    """The key was taken before. `location` is where the first submission led, None while it is still being done."""

    location: str | None


def take(user_id: str, key: str, purpose: str, at: datetime) -> Taken | None:
    """Take a form's key for this user and purpose (the page); None when it is ours now, otherwise what became of it.

    Raises InvalidInput for a form without a key, or with one that was given to another page.
    """
    if not 16 <= len(key) <= LONGEST_KEY:
        raise InvalidInput("This form has no submission key: load the page again.", code="no_submission_key")
    if _inserted(user_id, key, purpose, at):
        return None
    row = session().scalar(select(IdempotencyKey).where(*_is(user_id, key)).with_for_update())
    if row is None or row.fingerprint != secret_hash(purpose):
        raise InvalidInput("This form belongs to another page: load the page again.", code="foreign_submission_key")
    if row.status is None and row.locked_until and row.locked_until <= at:
        row.locked_until = at + LEASE
        return None
    return Taken(row.headers.get("location"))


def finish(user_id: str, key: str, location: str) -> None:
    """Remember where a good submission led, for its doubles."""
    row = session().scalar(select(IdempotencyKey).where(*_is(user_id, key)))
    if row:
        row.status, row.locked_until, row.headers = 303, None, {"location": location}


def release(user_id: str, key: str) -> None:
    """Give the key back: the form was refused and may be sent again."""
    session().execute(delete(IdempotencyKey).where(*_is(user_id, key), IdempotencyKey.status.is_(None)))


def _inserted(user_id: str, key: str, purpose: str, at: datetime) -> bool:
    added = (
        insert(IdempotencyKey)
        .values(
            tenant_id=current_tenant_id(),
            application=user_id,
            key=key,
            fingerprint=secret_hash(purpose),
            locked_until=at + LEASE,
            headers={},
            created_at=at,
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    return session().scalar(added) is not None


def _is(user_id: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return IdempotencyKey.application == user_id, IdempotencyKey.key == key
