"""The points at which a process can be killed: before and after each commit that writes, and each call to a gateway."""

from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Any

import httpx
import requests
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.extensions import db
from app.gateways.sandbox_bank import SandboxBank
from app.one_trip import Line


class Points:
    """Counts the points that a process reaches. At the `last` of them, counted from 1, it says where it is, and dies;
    at none for 0."""

    def __init__(self, last: int, tell: Callable[[str], None], die: Callable[[], None]) -> None:
        self._last, self._tell, self._die = last, tell, die
        self._reached = count(1)

    def reach(self, step: str) -> None:
        """One more."""
        if next(self._reached) == self._last:
            self._tell(step)
            self._die()

    def around(self, verb: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        """The same verb, with a point before and one after it."""

        @wraps(verb)
        def watched(*words: Any, **options: Any) -> Any:
            step = name(*words, **options)
            self.reach(f"before {step}")
            result = verb(*words, **options)
            self.reach(f"after {step}")
            return result

        return watched


def watch(points: Points) -> None:
    """Put the points into this process."""
    _watch_commits(points)
    for owner, verb, name in _CALLS:
        setattr(owner, verb, points.around(getattr(owner, verb), name))


def _watch_commits(points: Points) -> None:
    def before(session: Session) -> None:
        if session.info.get("writing"):
            points.reach("before a commit")

    def after(session: Session) -> None:
        if session.info.get("writing"):
            points.reach("after a commit")

    event.listen(db.session, "before_commit", before)
    event.listen(db.session, "after_commit", after)


def _sent(_adapter: Any, request: requests.PreparedRequest, **_options: Any) -> str:
    return f"a {request.method} to the gateway"


def _sent_by_httpx(_transport: Any, request: httpx.Request) -> str:
    return f"a {request.method} to the gateway"


def _booked(*_words: Any, **_options: Any) -> str:
    return "the sandbox bank's booking"


def _kept(*_words: Any, **_options: Any) -> str:
    return "the keeping of a webhook"


# Every SDK ends in one of these, and webhooks are kept past the session.
_CALLS: tuple[tuple[Any, str, Callable[..., str]], ...] = (
    (requests.adapters.HTTPAdapter, "send", _sent),
    (httpx.HTTPTransport, "handle_request", _sent_by_httpx),
    (SandboxBank, "charge", _booked),
    (SandboxBank, "refund", _booked),
    (Line, "write", _kept),
)
