"""Who is acting: set at the edges, read by the audit log."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, an API key, or the system itself."""

    kind: str
    id: str | None = None
    ip: str | None = None


SYSTEM = Actor("system")

current_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)
