"""Writing many rows with one statement: arrays in, rows out. Used where thousands are billed at once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

from app.db import session
from app.models.base import TenantRow

_KEY = ("tenant_id", "id")
_WAITING = "inserts"  # where a session keeps inserts that are to be written together
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def insert_rows(model: type[TenantRow], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, given as value sequences in the order of `columns` (names of database columns).

    Values travel in PostgreSQL's binary format: ids as UUIDs, JSON as text. Runs in the caller's transaction.
    """
    if not rows:
        return
    statement, arrays = _statement(model.__table__, tuple(columns)), _arrays(rows)
    waiting = session().info.get(_WAITING)
    if waiting is None:
        _cursor().execute(statement, arrays)
    else:
        waiting.append((statement, arrays))


@contextmanager
def together() -> Iterator[None]:
    """Have the inserts of this block written by one statement at its end, in which they may point at each other.

    Whatever else this module writes inside the block writes first what waits, because it may depend on it.
    """
    info = session().info
    info[_WAITING] = []
    try:
        yield
        _write_waiting()
    finally:
        info.pop(_WAITING)


def _write_waiting() -> None:
    waiting = session().info.get(_WAITING)
    if waiting:
        parts = ", ".join(f"w{place} AS ({statement})" for place, (statement, _) in enumerate(waiting))
        _cursor().execute(f"WITH {parts} SELECT", [array for _, arrays in waiting for array in arrays])
        waiting.clear()


def insert_new(model: type[TenantRow], columns: Sequence[str], rows: Sequence[Sequence[Any]], key: str) -> set[Any]:
    """Insert the rows whose key is not there yet, and give the values of the column `key` of these.

    Waits for others who are inserting the same. Rows in the order of their keys keep two from waiting for each other.
    """
    if not rows:
        return set()
    _write_waiting()
    statement = f'{_statement(model.__table__, tuple(columns))} ON CONFLICT DO NOTHING RETURNING "{key}"'
    return {value for (value,) in _cursor().execute(statement, _arrays(rows))}


def put_rows(model: type[TenantRow], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, or set these columns of the rows that are there already, by tenant and id."""
    if rows:
        _write_waiting()
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in _KEY)
        statement = f"{_statement(model.__table__, tuple(columns))} ON CONFLICT (tenant_id, id) DO UPDATE SET {changes}"
        _cursor().execute(statement, _arrays(rows))


def change_rows(model: type[TenantRow], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Set columns of rows that are there; `columns` begins with `id`. Runs in the caller's transaction."""
    _change(model, columns, rows, ", ".join(f'"{name}" = {_value(model.__table__, name)}' for name in columns[1:]))


def add_to_rows(model: type[TenantRow], column: str, amounts: Iterable[tuple[UUID, int]]) -> None:
    """Add amounts to a column of the rows with these ids; several for one row are added up."""
    sums: Counter[UUID] = Counter()
    for row_id, amount in amounts:
        sums[row_id] += amount
    _change(model, ("id", column), list(sums.items()), f'"{column}" = t."{column}" + u."{column}"')


def _change(model: type[TenantRow], columns: Sequence[str], rows: Sequence[Sequence[Any]], changes: str) -> None:
    if not rows:
        return
    _write_waiting()
    table: Any = model.__table__
    names = ", ".join(f'"{name}"' for name in columns)
    arrays = ", ".join(f"%b::{_array_type(table, name)}[]" for name in columns)
    statement = f'UPDATE "{table.name}" t SET {changes} FROM unnest({arrays}) AS u ({names}) WHERE t.id = u.id'  # noqa: S608
    _cursor().execute(statement, _arrays(rows))


def _arrays(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _cursor() -> Any:
    return session().connection().connection.cursor()


@lru_cache(maxsize=64)
def _statement(table: Table, columns: tuple[str, ...]) -> str:
    """`INSERT INTO t (a, b) SELECT u.a, u.b::jsonb FROM unnest(%b::uuid[], %b::text[]) AS u (a, b)`."""
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(_value(table, name) for name in columns)
    arrays = ", ".join(f"%b::{_array_type(table, name)}[]" for name in columns)
    return f'INSERT INTO "{table.name}" ({names}) SELECT {values} FROM unnest({arrays}) AS u ({names})'  # noqa: S608


def _value(table: Any, name: str) -> str:
    return f'u."{name}"' + ("::jsonb" if _is_json(table, name) else "")


def _is_json(table: Table, name: str) -> bool:
    return isinstance(table.c[name].type, JSONB)


def _array_type(table: Table, name: str) -> str:
    return "text" if _is_json(table, name) else table.c[name].type.dialect_impl(_DIALECT).compile(dialect=_DIALECT)
