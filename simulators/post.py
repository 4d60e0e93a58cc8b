"""Webhooks on their way out: delivered in the background, tried again, and on request doubled, late or lost."""

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests

from simulators.calls import Json

TRIES = 6
FIRST_WAIT_SECONDS = 0.5  # doubles with each try


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, unsigned: `body` is the document that every delivery of it carries."""

    id: str
    type: str
    body: Json


@dataclass(frozen=True, slots=True)
class Delivery:
    """A signed webhook, ready to be sent."""

    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Route:
    """Where webhooks go, signed with `secret` or else the simulator's own, and how badly: each of `copies` is lost with
    probability `lose`, or comes up to `late` seconds later, which puts them out of order."""

    url: str
    secret: str = ""
    copies: int = 1
    late: float = 0
    lose: float = 0


class Post:
    """Sends events along the route, once there is one. `sign` makes a delivery of an event for a route."""

    def __init__(self, sign: Callable[[Event, Route], Delivery]) -> None:
        self.route: Route | None = None
        self._sign = sign
        self._random = random.Random(0)  # noqa: S311 (chance, no secret)
        self._closed = False

    def send(self, event: Event) -> None:
        """Put an event on its way and return at once; without a route nobody is told."""
        route = self.route or Route("", copies=0)
        for _ in range(route.copies):
            if self._random.random() >= route.lose:
                self._later(self._random.uniform(0, route.late), event, 1)

    def close(self) -> None:
        """Deliver nothing any more."""
        self._closed = True

    def _later(self, seconds: float, event: Event, attempt: int) -> None:
        timer = threading.Timer(seconds, self._deliver, (event, attempt))
        timer.daemon = True
        timer.start()

    def _deliver(self, event: Event, attempt: int) -> None:
        if self._closed or not self.route:
            return
        if not self._accepted(self.route, self._sign(event, self.route)) and attempt < TRIES:
            self._later(FIRST_WAIT_SECONDS * 2 ** (attempt - 1), event, attempt + 1)

    @staticmethod
    def _accepted(route: Route, delivery: Delivery) -> bool:
        try:
            answer = requests.post(
                route.url, data=delivery.content, headers=dict(delivery.headers), timeout=10, allow_redirects=False
            )
        except requests.RequestException:
            return False
        return 200 <= answer.status_code < 300
