"""The claim of the request at work: what it asks for carries the claim's id, so that asking again finds it."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer an Idempotency-Key, until `locked_until` (UTC, by the database's clock)."""

    id: str
    application: str
    key: str
    locked_until: datetime


current_claim: ContextVar[Claim | None] = ContextVar("claim", default=None)


def claim_id() -> str | None:
    """The id of the claim at work; None for all that no Idempotency-Key asked for."""
    claim = current_claim.get()
    return claim.id if claim else None
