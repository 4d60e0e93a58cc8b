"""What lists have in common: narrowing by what was asked for, newest first, page by page, and counting them all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select

from app.db import session
from app.domain.errors import InvalidInput
from app.domain.zones import instant
from app.ids import is_id
from app.queries.base import Item, Page, page

Filters = Mapping[str, str | None]
COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Listed(Page[Item]):
    """A page of a list, which can tell how long the whole list is."""

    rows: Select[Any]

    def count(self) -> int:
        """How many rows the filters leave. Counting ends at COUNTED, because nobody reads on that far."""
        return session().scalar(select(func.count()).select_from(self.rows.limit(COUNTED).subquery())) or 0


def newest(query: Select[Any], model: Any, cursor: str | None, limit: int, *options: Any) -> Listed[Any]:
    """Newest first: ids are made in the order of time. `options` say what is loaded along."""
    found = page(query.options(*options), [model.id], cursor=cursor, limit=limit)
    return Listed(found.items, found.next_cursor, query.with_only_columns(model.id))


def matching(query: Select[Any], text: str | None, *columns: Any, own: tuple[str, Any] | None = None) -> Select[Any]:
    """Rows in which one of the columns contains the text; an id finds its row."""
    if not text or not text.strip():
        return query
    text = text.strip()
    if own and is_id(own[0], text):
        return query.where(own[1].id == text)
    return query.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))


def equal(query: Select[Any], filters: Filters, **columns: Any) -> Select[Any]:
    """Rows whose columns equal the filters of the same names."""
    for name, column in columns.items():
        if value := filters.get(name):
            query = query.where(column == value)
    return query


def one_of(query: Select[Any], value: str | None, column: Any) -> Select[Any]:
    """One status, or several joined by commas."""
    return query.where(column.in_(value.split(","))) if value else query


def flagged(query: Select[Any], filters: Filters, **conditions: ColumnElement[bool]) -> Select[Any]:
    """Rows for which a condition holds, if the filter of that name is set to anything."""
    return query.where(*(condition for name, condition in conditions.items() if filters.get(name)))


def between(query: Select[Any], filters: Filters, column: Any) -> Select[Any]:
    """Rows whose instant lies in [`since`, `before`), both ISO 8601. Raises InvalidInput for something else."""
    for name, compare in (("since", column.__ge__), ("before", column.__lt__)):
        if value := filters.get(name):
            query = query.where(compare(instant_of(name, value)))
    return query


def reference(query: Select[Any], filters: Filters, name: str, prefix: str, column: Any) -> Select[Any]:
    """Rows that point at an id; something that is no such id points at nothing."""
    value = filters.get(name)
    if not value:
        return query
    return query.where(column == value) if is_id(prefix, value) else query.where(false())


def same(column: Any, model: Any) -> ColumnElement[bool]:
    """The join condition along a reference, inside the tenant."""
    return and_(column.class_.tenant_id == model.tenant_id, column == model.id)


def instant_of(name: str, value: str) -> datetime:
    """The instant that a filter holds, written in ISO 8601 with its offset. Raises InvalidInput for something else."""
    try:
        return instant(datetime.fromisoformat(value), name)
    except ValueError:
        raise InvalidInput(f"“{value}” is not an instant.", code="invalid_instant", field=name) from None
