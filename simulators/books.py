"""A gateway's own books: every object it holds, what it answered under which idempotency key, and what it took."""

import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from simulators.calls import Answer, Json


@dataclass(frozen=True, slots=True)
class Taken:
    """Money the gateway took or holds: `key` is the merchant's, `units` the gateway's own, before refunds."""

    key: str
    ref: str
    units: int
    currency: str
    status: str
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer kept under an idempotency key, the request it was given to, and when (seconds since 1970)."""

    fingerprint: str
    answer: Answer
    at: float = field(default_factory=time.time)


class Books:
    """Tables of JSON objects by id. With a path they are kept there, so that a restart forgets nothing."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.tables: dict[str, dict[str, Json]] = defaultdict(dict)
        self.answers: dict[str, Remembered] = {}
        if path and path.exists():
            self._load(json.loads(path.read_text()))

    def put(self, table: str, row: Json) -> Json:
        """Keep an object under its id; gives it back."""
        self.tables[table][row["id"]] = row
        return row

    def rows(self, table: str, **values: Any) -> list[Json]:
        """The objects with these values, oldest first."""
        return [row for row in self.tables[table].values() if all(row.get(name) == v for name, v in values.items())]

    def save(self) -> None:
        """Write everything down; nothing happens to books without a path."""
        if self.path:
            answers = {
                key: [kept.fingerprint, kept.answer.body, kept.answer.status, kept.at]
                for key, kept in self.answers.items()
            }
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps({"tables": self.tables, "answers": answers}))

    def _load(self, kept: Json) -> None:
        self.tables.update(kept["tables"])
        for key, (fingerprint, body, status, at) in kept["answers"].items():
            self.answers[key] = Remembered(fingerprint, Answer(body, status), at)


def new_ref(prefix: str = "") -> str:
    """A fresh id in the style of gateways."""
    return f"{prefix}{uuid4().hex[:24]}"
