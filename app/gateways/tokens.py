"""Access tokens that gateways give for some minutes: obtained when needed, and used until shortly before their end."""

import threading
import time
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple, TypeVar

from app.gateways.plain_http import Refusal

Answer = TypeVar("Answer")


class Token(NamedTuple):
    """A token, and for how many seconds it may be used."""

    text: str
    seconds: int


class Tokens:
    """The tokens of a gateway's accounts in this process. Two threads may obtain one at once, which does no harm."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[str, int]] = {}

    def calling(self, account: str, obtain: Callable[[], Token], call: Callable[[str], Answer]) -> Answer:
        """Make a call with the account's token. One that the gateway has ended early (401) is replaced once: what it
        refuses for that was not executed."""
        kept = self._good(account)
        if kept is None:
            return call(self._renew(account, obtain))
        try:
            return call(kept)
        except Refusal as refusal:
            if refusal.status != 401:
                raise
        return call(self._renew(account, obtain))

    def _good(self, account: str) -> str | None:
        with self._lock:
            text, until = self._kept.get(account, ("", 0))
        return text if time.monotonic() < until else None

    def _renew(self, account: str, obtain: Callable[[], Token]) -> str:
        token = obtain()
        with self._lock:
            self._kept[account] = (token.text, int(time.monotonic()) + token.seconds)
        return token.text


def name_of(*credentials: str) -> str:
    """A name for an account: another one for other credentials, and nothing that could be read in memory or a log."""
    return sha256("\n".join(credentials).encode()).hexdigest()
