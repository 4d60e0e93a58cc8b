"""Finding one row, and paging through many by keyset."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import ARRAY, ColumnElement, Select, any_, bindparam, func, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, joinedload
from sqlalchemy.types import TypeEngine

from app.db import current_tenant_id, session
from app.domain.errors import InvalidInput, NotFound
from app.ids import TypeId, is_id
from app.models.base import TenantRow

Row = TypeVar("Row", bound=TenantRow)
_INNER_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
Item = TypeVar("Item")


def among(column: InstrumentedAttribute[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a column has one of the values, given as one array: the statement is the same for any number of them."""
    return column == any_(bindparam(None, list(values), ARRAY(column.type)))


def noun_of(model: type[TenantRow]) -> str:
    """What people call a row of it: a `PaymentMethod` is a payment method."""
    return _INNER_CAPITAL.sub(" ", model.__name__).lower()


def get(model: type[Row], row_id: str, *, lock: bool = False, fresh: bool = False, along: tuple[Any, ...] = ()) -> Row:
    """The row with that id in this tenant, locked against others until commit if asked. Raises NotFound.

    Others may still point at a locked row: keys never change, so the lock is the one that lets foreign keys through.
    `fresh` reads again what the session knows already, as a lock always does; `along` are relationships read with it
    then.
    """
    known_as = noun_of(model)
    if not is_id(model.__table__.c.id.type.prefix, row_id):  # type: ignore[attr-defined]
        raise NotFound(f"“{row_id}” is not the id of a {known_as}.", field="id")
    key = {"tenant_id": current_tenant_id(), "id": row_id}
    if lock or fresh:
        row: Row | None = session().scalars(_reading(model, lock, along), key).one_or_none()
    else:
        row = session().get(model, key)
    if row is None:
        raise NotFound(f"There is no {known_as} {row_id}.", field="id")
    return row


@lru_cache(maxsize=256)
def _reading(model: type[Row], lock: bool, along: tuple[Any, ...]) -> Select[Row]:
    """What reads a row by its key. Put together once: that takes as long as reading."""
    key = model.tenant_id == bindparam("tenant_id"), model.id == bindparam("id")  # type: ignore[attr-defined]
    query = select(model).where(*key).options(*map(joinedload, along)).execution_options(populate_existing=True)
    return query.with_for_update(key_share=True, of=model) if lock else query


def server_clock() -> datetime:
    """The instant by the database's clock, which all processes share: tells which of two questions came first."""
    now: datetime = session().scalars(select(func.clock_timestamp())).one()
    return now


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list. `next_cursor` is None on the last one."""

    items: Sequence[Item]
    next_cursor: str | None


DEFAULT_LIMIT, MAX_LIMIT = 100, 1000


def page(
    query: Select[Any], keys: Sequence[Any], *, cursor: str | None, limit: int = DEFAULT_LIMIT, descending: bool = True
) -> Page[Any]:
    """One page of a query in the order of `keys`, which must be unique together and not null.

    Keyset paging: the cursor holds the keys of the last row, so a page costs the same however deep it is and rows that
    are added meanwhile shift nothing. Raises InvalidInput for a cursor that we did not give out.
    """
    limit = max(1, min(limit, MAX_LIMIT))
    order = [key.desc() if descending else key.asc() for key in keys]
    if cursor:
        here = tuple_(*keys)
        there = tuple_(*_decode(cursor, keys))
        query = query.where(here < there if descending else here > there)
    rows = session().execute(query.add_columns(*keys).order_by(None).order_by(*order).limit(limit + 1)).unique().all()
    items = [row[0] for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items, _encode(rows[limit - 1][-len(keys) :]) if more else None)


def _encode(values: Sequence[Any]) -> str:
    text = json.dumps([value.isoformat() if isinstance(value, datetime) else value for value in values])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str, keys: Sequence[Any]) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(keys):
            raise ValueError("wrong number of keys")
        return [literal(_typed(value, key.type), key.type) for key, value in zip(keys, values, strict=True)]
    except (ValueError, TypeError, binascii.Error):
        raise InvalidInput("That cursor is not one of ours: begin again without it.", field="cursor") from None


def _typed(value: Any, kind: TypeEngine[Any]) -> Any:
    """The value as its column wants it. Raises ValueError for another type, or an id of another kind."""
    if isinstance(kind, TypeId):
        fits = isinstance(value, str) and is_id(kind.prefix, value)
    elif kind.python_type is datetime:
        value, fits = datetime.fromisoformat(value), True
    else:
        fits = isinstance(value, kind.python_type)
    if not fits:
        raise ValueError(f"{value!r} is not of the type {kind}")
    return value
