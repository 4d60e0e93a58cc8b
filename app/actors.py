"""Who is acting: set at the edges, read by the audit log."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, an API key, or the system itself.

    `ip` is where they ask from. An application asks for payers elsewhere, and may say where they are (`payer_ip`).
    """

    kind: str
    id: str | None = None
    ip: str | None = None
    payer_ip: str | None = None

    @property
    def pays_from(self) -> str | None:
        """Where the payer is, as far as that is known."""
        return self.payer_ip if self.kind == "api_key" else self.ip


SYSTEM = Actor("system")

current_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


@contextmanager
def paying_from(ip: str | None) -> Iterator[None]:
    """Inside the block the actor asks for a payer who is there."""
    token = current_actor.set(replace(current_actor.get(), payer_ip=ip))
    try:
        yield
    finally:
        current_actor.reset(token)
