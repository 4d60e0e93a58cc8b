"""Identifiers: UUIDv7 in the database, TypeIDs (`inv_01h…`) everywhere else, through one column type."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.types import TypeDecorator
from typeid import TypeID

from app.domain.errors import NotFound


class NoSuchId(NotFound, DontWrapMixin):
    """A text that cannot be the id of anything. It comes out of a query as it is, for edges to answer 404."""


# Crockford's alphabet of TypeIDs, and Python's own for base 32: a batch of renewals converts ten thousand ids, and the
# library takes ten times as long for it. tests/house/test_ids.py holds both to the same answers.
_OURS = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _OURS for second in _OURS]  # ten bits each, and 13 of them hold a UUID
_SHIFTS = range(120, -1, -10)
_TO_PYTHON = str.maketrans(_OURS, "0123456789abcdefghijklmnopqrstuv")
_SUFFIX = re.compile(f"[0-7][{_OURS}]{{25}}")


def new_id(prefix: str) -> str:
    """A fresh TypeID of that kind; later ones sort after earlier ones."""
    return str(TypeID(prefix=prefix))


def is_id(prefix: str, text: str) -> bool:
    """Whether the text is a well-formed TypeID of that kind."""
    kind, _, suffix = text.rpartition("_")
    return kind == prefix and _SUFFIX.fullmatch(suffix) is not None


@lru_cache(maxsize=8192)
def to_uuid(prefix: str, text: str) -> UUID:
    """The UUID inside a TypeID. Raises NoSuchId when the text is not an id of that kind: nothing can have it.

    The latest are remembered, because a batch writes the same few ids into row after row.
    """
    if not is_id(prefix, text):
        raise NoSuchId(f"“{text}” is not an id that begins with {prefix}_.", field="id")
    return UUID(int=int(text[-26:].translate(_TO_PYTHON), 32))


def as_id(prefix: str, value: UUID) -> str:
    """The TypeID of a UUID."""
    number = value.int
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])}"


def made_at(text: str) -> datetime:
    """When an id was made, in real time (UTC, to the millisecond): a UUIDv7 begins with it (RFC 9562, 5.7)."""
    milliseconds = int(text[-26:].translate(_TO_PYTHON), 32) >> 80
    return datetime.fromtimestamp(milliseconds // 1000, UTC) + timedelta(milliseconds=milliseconds % 1000)


class TypeId(TypeDecorator[str]):
    """A `uuid` column that reads and writes TypeID strings of one prefix."""

    impl = PgUuid(as_uuid=True)
    cache_ok = True

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix

    def process_bind_param(self, value: str | None, dialect: Dialect) -> UUID | None:
        return None if value is None else to_uuid(self.prefix, value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else as_id(self.prefix, value)
