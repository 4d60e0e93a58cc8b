"""What comes in and what goes out: one HTTP request, its answer, and a refusal."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from simulators.faults import Fault, FaultKind

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: header names in lower case, `parts` what the route's braces matched."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    parts: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None

    def at(self, parts: Mapping[str, str]) -> "Call":
        """The same request with the parts of its path that the route named."""
        return replace(self, parts=parts)

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def fingerprint(self) -> str:
        """Tells two requests apart; the same request sent again has the same one."""
        return hashlib.sha256(f"{self.line}?{self.query}\n".encode() + self.body).hexdigest()

    @property
    def decline(self) -> str | None:
        """The decline code that was asked for as this call's fault."""
        return self.fault.code if self.fault and self.fault.kind is FaultKind.DECLINE else None

    @property
    def asked(self) -> dict[str, str]:
        """The query parameters, the last one of each name."""
        return dict(parse_qsl(self.query))

    @property
    def form(self) -> dict[str, str]:
        """The body as a form, the last value of each name."""
        return dict(parse_qsl(self.body.decode()))

    @property
    def json(self) -> Any:
        """The body as JSON; an empty object when there is none. Raises ValueError when it is something else."""
        return json.loads(self.body) if self.body else {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a JSON body or text, which is a page unless `kind` says otherwise."""

    body: Json | list[Json] | str = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "text/html"

    @property
    def content_type(self) -> str:
        return f"{self.kind}; charset=utf-8" if isinstance(self.body, str) else "application/json"

    @property
    def content(self) -> bytes:
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


class Refusal(Exception):
    """The gateway says no, in its own words."""

    def __init__(self, status: int, body: Json | list[Json]) -> None:
        super().__init__(json.dumps(body))
        self.answer = Answer(body, status)
