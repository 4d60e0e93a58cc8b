"""The first answer to a POST, kept for its Idempotency-Key. A key is claimed, its work done, its answer remembered.

A claim that is not answered (the process died) ends with its lock, and the next request with that key takes it over
under the same id. What the dead one had already asked for carries that id (`requested_by`) and is found, not repeated.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import CursorResult, delete, func, or_, update
from sqlalchemy.dialects.postgresql import insert

from app.claims import Claim
from app.db import current_tenant_id, session
from app.domain.errors import Conflict
from app.models import IdempotencyKey
from app.models.api_keys import IDEMPOTENCY_KEPT

LOCK = timedelta(seconds=90)


class KeyInUse(Conflict):
    """The first request with this key is still at work. Ask again after `retry_after` seconds."""

    default_code = "idempotency_key_in_use"
    retry_after = 2

    def __init__(self) -> None:
        super().__init__("The first request with this Idempotency-Key is still at work: ask again in a moment.")


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer given before: status, body and content type."""

    status: int
    body: bytes
    content_type: str


def claim(application: str, key: str, fingerprint: str) -> Claim | Answered:
    """Take a key for one application of the tenant in scope, or give the answer that it got before.

    `fingerprint` tells one request from another. Raises KeyInUse while another holds the key, and Conflict
    (`idempotency_key_reused`) when the key belongs to another request.
    """
    row = IdempotencyKey
    taken = (
        insert(row)
        .values(
            tenant_id=current_tenant_id(),
            application=application,
            key=key,
            fingerprint=fingerprint,
            locked_until=func.now() + LOCK,
        )
        .on_conflict_do_update(
            index_elements=["tenant_id", "application", "key"],
            set_={"locked_until": func.now() + LOCK},
            where=(row.fingerprint == fingerprint)
            & row.status.is_(None)
            & or_(row.locked_until.is_(None), row.locked_until < func.now()),
        )
        .returning(row.id, row.locked_until)
    )
    found = session().execute(taken).first()
    return Claim(found.id, application, key, found.locked_until) if found else _given(application, key, fingerprint)


def remember(claim: Claim, answer: Answered) -> None:
    """Keep the answer of a claim; in the transaction of its effect, both come true together.

    Raises Conflict (`claim_lost`) when the claim ran out and another took it over: the effect must not be kept then.
    """
    kept = _touch(claim, status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type})
    if not kept:
        raise Conflict(
            "This request took too long, and another one with its Idempotency-Key went ahead.", code="claim_lost"
        )


def release(claim: Claim) -> None:
    """Let a key be tried again at once, after a request that was refused or broke off."""
    _touch(claim)


def purge(at: datetime) -> int:
    """Forget the keys of the tenant in scope that are older than thirty days at `at`; gives how many."""
    gone = session().execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < at - IDEMPOTENCY_KEPT))
    return cast(CursorResult[tuple[()]], gone).rowcount


def _touch(claim: Claim, **values: object) -> bool:
    """Change the claim's row and unlock it, if the claim still holds."""
    changed = session().execute(
        update(IdempotencyKey)
        .where(
            IdempotencyKey.application == claim.application,
            IdempotencyKey.key == claim.key,
            IdempotencyKey.locked_until == claim.locked_until,
        )
        .values(locked_until=None, **values)
    )
    return cast(CursorResult[tuple[()]], changed).rowcount == 1


def _given(application: str, key: str, fingerprint: str) -> Answered:
    row = session().get_one(IdempotencyKey, (current_tenant_id(), application, key), populate_existing=True)
    if row.fingerprint != fingerprint:
        raise Conflict(
            "This Idempotency-Key was used for another request: send a new key with a new request.",
            code="idempotency_key_reused",
        )
    if row.status is None:
        raise KeyInUse
    return Answered(row.status, row.body or b"", row.headers["Content-Type"])
