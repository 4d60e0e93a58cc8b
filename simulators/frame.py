"""What every simulator is: routes over its books, one call at a time, with faults and idempotency in between.

A simulator is a subclass with `@route` methods that take a `Call` and give an `Answer` or raise a `Refusal`, and a few
words about its protocol: how it knows its merchant, where the idempotency key stands, how it says that something is
wrong, how it signs a webhook, and what it has taken.
"""

import re
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from simulators.books import Books, Remembered, Taken
from simulators.calls import Answer, Call, Refusal
from simulators.faults import NO_EFFECT, Faults, Wire
from simulators.post import Delivery, Event, Post, Route

RETRY_SECONDS = 7  # how long we want to be left alone after too many requests
REMEMBERED = 10_000  # events and exchanges; books forget nothing
Verb = TypeVar("Verb", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Entrance:
    """Which requests a method answers. `public` ones come from payers, who have no key."""

    method: str
    path: re.Pattern[str]
    public: bool


def route(method: str, path: str, *, public: bool = False) -> Callable[[Verb], Verb]:
    """Answer these requests with this method: `{id}` matches one part of a path; `public` ones need no key."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

    def mark(verb: Verb) -> Verb:
        verb.__dict__["entrance"] = Entrance(method, pattern, public)
        return verb

    return mark


def action(verb: Verb) -> Verb:
    """Let tests and the control endpoint make this happen: something that payers, banks or time would do."""
    verb.__dict__["action"] = True
    return verb


class Simulator(ABC):
    """One gateway. `url` is where it is served, known once it is."""

    name: ClassVar[str]
    # Whether an error is kept under its idempotency key and comes again with it, or the work can be asked for anew.
    keeps_errors: ClassVar[bool] = False

    def __init__(self, books: Path | None = None) -> None:
        self.url = ""
        self.books = Books(books)
        self.faults = Faults()
        self.events: deque[Event] = deque(maxlen=REMEMBERED)
        self.journal: deque[tuple[Call, Answer]] = deque(maxlen=REMEMBERED)
        self.post = Post(self.sign)
        self._entrances: list[tuple[Entrance, Callable[[Call], Answer]]] = self._marked("entrance")
        self.lock = threading.RLock()

    @abstractmethod
    def account(self) -> dict[str, str]:
        """What a merchant enters to use this simulator: the credentials of its adapter, by their names."""

    @abstractmethod
    def authenticate(self, call: Call) -> None:
        """Raises Refusal when the merchant's key is missing or wrong."""

    @abstractmethod
    def idempotency_key(self, call: Call) -> str | None:
        """The key under which the answer is kept; None when the request has none."""

    @abstractmethod
    def trouble(self, status: int, code: str) -> Refusal:
        """How this gateway says that something is wrong: its error document for a status and one of the codes
        rate_limited, server_error, not_found, key_reused."""

    @abstractmethod
    def sign(self, event: Event, route: Route) -> Delivery:
        """A delivery of an event, signed now with the route's secret or else our own."""

    @abstractmethod
    def taken(self) -> list[Taken]:
        """Every payment that took money or holds it, oldest first."""

    def key_lifetime(self, call: Call) -> float:
        """For how many seconds an answer is kept under the key of such a request."""
        return inf

    @action
    def age_keys(self, seconds: float) -> None:
        """Time passes for what is kept under idempotency keys."""
        kept = self.books.answers
        kept.update({key: replace(found, at=found.at - seconds) for key, found in kept.items()})

    def answer(self, call: Call) -> tuple[Answer, Wire]:
        """Do what a request asks, as far as its fault lets it; gives the answer and what becomes of it on the wire."""
        effect = call.fault.effect if call.fault else NO_EFFECT
        answer = self._work(call) if effect.executes else Answer()
        if effect.status:
            code = "rate_limited" if effect.status == 429 else "server_error"
            answer = self.trouble(effect.status, code).answer
            if effect.status == 429:
                answer = replace(answer, headers={**answer.headers, "Retry-After": str(RETRY_SECONDS)})
            self._keep_error(call, answer, executed=effect.executes)
        return answer, effect.wire

    def announce(self, event: Event) -> None:
        """Something happened: keep it, and tell the merchant."""
        self.events.append(event)
        self.post.send(event)

    def actions(self) -> dict[str, Callable[..., Any]]:
        """What can be made to happen, by name."""
        return {verb.__name__: verb for _, verb in self._marked("action")}

    def _work(self, call: Call) -> Answer:
        with self.lock:
            try:
                answer = self._once(call)
            except Refusal as refusal:
                answer = refusal.answer
            self.journal.append((call, answer))
            if call.method != "GET":
                self.books.save()
            return answer

    def _once(self, call: Call) -> Answer:
        """The answer kept under the call's idempotency key, or a new one. What was refused unexecuted is not kept."""
        entrance, verb, call = self._find(call)
        if not entrance.public:
            self.authenticate(call)
        key = self.idempotency_key(call)
        kept = self.books.answers.get(key) if key else None
        if kept and kept.at > time.time() - self.key_lifetime(call):
            if kept.fingerprint != call.fingerprint:
                raise self.trouble(400, "key_reused")
            return kept.answer
        answer = deepcopy(verb(call))  # what was answered does not change when the books do
        if key:
            self.books.answers[key] = Remembered(call.fingerprint, answer)
        return answer

    def _keep_error(self, call: Call, answer: Answer, *, executed: bool) -> None:
        key = self.idempotency_key(call)
        if executed and key and self.keeps_errors:
            self.books.answers[key] = Remembered(call.fingerprint, answer)

    def _find(self, call: Call) -> tuple[Entrance, Callable[[Call], Answer], Call]:
        for entrance, verb in self._entrances:
            match = entrance.path.fullmatch(call.path) if entrance.method == call.method else None
            if match:
                return entrance, verb, call.at(match.groupdict())
        raise self.trouble(404, "not_found")

    def _marked(self, mark: str) -> list[tuple[Any, Any]]:
        """The methods with a mark, each after what it was marked with."""
        marked = ((getattr(getattr(type(self), name), mark, None), name) for name in dir(type(self)))
        return [(value, getattr(self, name)) for value, name in marked if value]
