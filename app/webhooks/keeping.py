"""Keeping what webhooks brought: for good before they are answered, and that of several requests by one commit."""

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from time import monotonic
from typing import NamedTuple

from flask import current_app

from app.one_trip import line
from app.services import inbox
from app.webhooks.gathering import Gathering, Part

SILENT_SECONDS = 0.1  # of a crowd that does not end


class Brought(NamedTuple):
    """The notices of one webhook, sealed."""

    tenant_id: str
    rows: Sequence[inbox.Row]


class Tray:
    """Where requests of this process lay what they brought. `ring` calls whoever works on it: once for a crowd of them,
    and again and again as long as it does not end."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring, self._rung_at = ring, 0.0
        self._gathering = Gathering(_write)

    def keep(self, brought: Brought) -> None:
        """Returns once everything is kept. Raises when it could not be."""
        part = self._gathering.keep(brought)
        if part is Part.WROTE_LAST or (part is Part.WROTE and monotonic() > self._rung_at + SILENT_SECONDS):
            self._rung_at = monotonic()
            self._ring()


def tray() -> Tray:
    """The tray of the running application."""
    found: Tray = current_app.extensions["tray"]
    return found


def _write(brought: Sequence[Brought]) -> None:
    """One transaction for each tenant."""
    tenant = attrgetter("tenant_id")
    for tenant_id, its in groupby(sorted(brought, key=tenant), tenant):
        line().write(tenant_id, *inbox.insertion([row for one in its for row in one.rows]))
