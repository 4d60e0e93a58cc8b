"""Keeping what webhooks brought: for good before they are answered, and that of several requests by one commit."""

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from flask import current_app

from app.one_trip import line
from app.services import inbox
from app.webhooks.gathering import Gathering


class Brought(NamedTuple):
    """The notices of one webhook, sealed."""

    tenant_id: str
    rows: Sequence[inbox.Row]


class Tray:
    """Where requests of this process lay what they brought. `ring` calls whoever works on it."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._gathering = Gathering(_write)

    def keep(self, brought: Brought) -> None:
        """Returns once everything is kept. Raises when it could not be."""
        if self._gathering.keep(brought):
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
