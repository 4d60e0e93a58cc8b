"""Writing many rows with one statement: arrays in, rows out. Used where thousands are billed at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import ARRAY, ClauseElement, Column, String, Table, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import make_transient_to_detached

from app.db import session
from app.ids import TypeId, to_uuid
from app.models.base import TenantRow

_KEY = ("tenant_id", "id")
_WAITING = "bulk"  # where a session keeps what is to be written together
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

Names = Sequence[str]
Rows = Sequence[Sequence[Any]]


class Statement(NamedTuple):
    """An SQL statement with `%b` for each of its values."""

    text: str
    values: list[Any]


@dataclass(slots=True)
class _Waiting:
    """What is to be written by one statement: rows by how and where they are written, and statements by name; and what
    is to be executed after that."""

    rows: dict[tuple[Any, ...], list[Sequence[Any]]] = field(default_factory=dict)
    statements: dict[str, tuple[Any, Statement]] = field(default_factory=dict)
    last: list[Statement] = field(default_factory=list)

    def make_way(self, make: Any, table: Any, columns: Any) -> None:
        """Write what waits for this table in another way: one statement cannot write a row twice."""
        others = [where for where in self.rows if where != (make, table, columns)]
        if any(table is where[1] for where in others) or any(table is one for one, _ in self.statements.values()):
            self.write()

    def take_changes(self) -> None:
        """Take over what was changed of loaded rows, as far as it can be written so: the session writes the rest, and
        everything when it has new rows, which changes may point at."""
        for row in () if session().new else session().dirty:
            if changed := _changed(row):
                change_rows(type(row), ("id", *changed), [(_sent_as(row.__table__.c.id)(row.id), *changed.values())])
                inspect(row)._commit_all(row.__dict__, session().identity_map)  # as if the session had written it

    def write(self) -> None:
        parts = {name: statement for name, (_, statement) in self.statements.items()}
        parts |= {f"w{n}": make(*where, rows) for n, ((make, *where), rows) in enumerate(self.rows.items())}
        self.rows, self.statements = {}, {}
        if parts:
            texts = ", ".join(f"{name} AS ({part.text})" for name, part in parts.items())
            _execute(Statement(f"WITH {texts} SELECT", [value for part in parts.values() for value in part.values]))


@contextmanager
def together() -> Iterator[None]:
    """Have what is inserted and changed in this block, or in the one around it, written by one statement at its end,
    together with what is changed of rows that the session has loaded.

    Rows may point at each other, and a change is about rows that were there before. One about a table for which
    something else waits already is written after that.
    """
    info = session().info
    if _WAITING in info:
        yield
        return
    waiting = info[_WAITING] = _Waiting()
    try:
        yield
        waiting.take_changes()
        waiting.write()
        for statement in waiting.last:
            _execute(statement)
    finally:
        info.pop(_WAITING)


def is_together() -> bool:
    """Whether what is written now waits for the end of a block `together`."""
    return _WAITING in session().info


def write_last(statement: Statement) -> None:
    """Have something executed at the end of the block `together`, when all else is written: others wait for the rows
    that it locks, and only until the commit."""
    waiting: _Waiting = session().info[_WAITING]
    waiting.last.append(statement)


def insert_rows(model: type[TenantRow], columns: Names, rows: Rows) -> None:
    """Insert rows, given as value sequences in the order of `columns` (names of database columns).

    Values travel in PostgreSQL's binary format: ids as UUIDs, JSON as text. Runs in the caller's transaction.
    """
    _write(_insert, model, columns, rows)


def insert(row: TenantRow) -> None:
    """Insert a row with the defaults of its columns. It belongs to the session, as if it had been loaded.

    In a block `together` others find it in the database only after that.
    """
    columns = _columns(type(row))
    for name, column in columns.items():
        if name not in row.__dict__ and (column.default is not None or column.server_default is None):
            setattr(row, name, _default(column))
    # Nulls come by themselves.
    given = {name: value for name in columns if (value := row.__dict__.get(name)) is not None}
    values = [_sent_as(columns[name])(value) for name, value in given.items()]
    insert_rows(type(row), [columns[name].name for name in given], [values])
    make_transient_to_detached(row)
    session().add(row)


def json_text(value: Any) -> str:
    """A value as a JSON column takes it, in a sixth of the time that Python's own writer needs."""
    return to_json(value).decode()


def insert_new(model: type[TenantRow], columns: Mapping[str, Sequence[Any]], key: str) -> set[Any]:
    """Insert the rows whose key is not there yet, given column by column, and give the values of the column `key` of
    these.

    Waits for others who are inserting the same. Rows in the order of their keys keep two from waiting for each other.
    """
    keys = columns[key]
    if not keys:
        return set()
    text, values = _insert_columns(model.__table__, tuple(columns), list(columns.values()))
    # The keys come back only when some were there: a thousand of them take as long as a statement.
    asked = (
        f'WITH new AS ({text} ON CONFLICT DO NOTHING RETURNING "{key}")'  # noqa: S608
        f' SELECT count(*), CASE WHEN count(*) < %b THEN array_agg("{key}") END FROM new'
    )
    [(count, new)] = _execute(Statement(asked, [*values, len(keys)]))
    return set(keys if count == len(keys) else new or ())


def insertion(model: type[TenantRow], columns: Names, rows: Rows) -> Statement:
    """What inserts the rows whose key is not there yet."""
    text, values = _insert(model.__table__, tuple(columns), rows)
    return Statement(f"{text} ON CONFLICT DO NOTHING", values)


def put_rows(model: type[TenantRow], columns: Names, rows: Rows) -> None:
    """Insert rows, or set these columns of the rows that are there already, by tenant and id."""
    _write(_put, model, columns, rows)


def change_rows(model: type[TenantRow], columns: Names, rows: Rows, *, at_once: bool = False) -> None:
    """Set columns of rows that are there, each named once; `columns` begins with `id`. In the caller's transaction, and
    `at_once` even in a block `together`."""
    if at_once and rows:
        _execute(_set(model.__table__, tuple(columns), rows))
    else:
        _write(_set, model, columns, rows)


def add_to_rows(model: type[TenantRow], column: str, amounts: Iterable[tuple[UUID, int]]) -> None:
    """Add amounts to a column of the rows with these ids; several for one row are added up."""
    sums: Counter[UUID] = Counter()
    for row_id, amount in amounts:
        sums[row_id] += amount
    _write(_add, model, ("id", column), list(sums.items()))


def change(model: type[TenantRow], statement: Statement, *, name: str) -> None:
    """Have a statement write to a table. Others of the same block `together` know what it returns by its name."""
    waiting: _Waiting | None = session().info.get(_WAITING)
    if waiting is None:
        _execute(statement)
    else:
        waiting.make_way(None, model.__table__, None)
        waiting.statements[name] = model.__table__, statement


def _write(make: Callable[[Any, Any, Rows], Statement], model: type[TenantRow], columns: Names, rows: Rows) -> None:
    if not rows:
        return
    where = (make, model.__table__, tuple(columns))
    waiting: _Waiting | None = session().info.get(_WAITING)
    if waiting is None:
        _execute(make(*where[1:], rows))
        return
    if make is not _insert:
        waiting.make_way(*where)
    waiting.rows.setdefault(where, []).extend(rows)


class _Source(NamedTuple):
    """Where the values of rows come from, in SQL: how each column is called there, and what stands after FROM."""

    column: dict[str, str]
    text: str


def _insert(table: Any, columns: tuple[str, ...], rows: Rows) -> Statement:
    return _insert_columns(table, columns, list(zip(*rows, strict=True)))


def _insert_columns(table: Any, columns: tuple[str, ...], found: Sequence[Sequence[Any]]) -> Statement:
    """`INSERT INTO t (a, b, c) SELECT %b::uuid, u.b, u.c::jsonb FROM unnest(%b::bigint[], %b::text[]) AS u (b, c)`."""
    source, values = _source(table, columns, found)
    names = ", ".join(f'"{name}"' for name in columns)
    return Statement(
        f'INSERT INTO "{table.name}" ({names}) SELECT {", ".join(source.column.values())} FROM {source.text}',  # noqa: S608
        values,
    )


def _put(table: Any, columns: tuple[str, ...], rows: Rows) -> Statement:
    text, values = _insert(table, columns, rows)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in _KEY)
    return Statement(f"{text} ON CONFLICT (tenant_id, id) DO UPDATE SET {changes}", values)


def _set(table: Any, columns: tuple[str, ...], rows: Rows) -> Statement:
    """`UPDATE t SET a = u.a, b = %b::text FROM unnest(%b::uuid[], %b::text[]) AS u (id, a) WHERE t.id = u.id`."""
    source, values = _source(table, columns, list(zip(*rows, strict=True)))
    return _update(table, source, [f'"{name}" = {source.column[name]}' for name in columns[1:]], values)


def _add(table: Any, columns: tuple[str, ...], rows: Rows) -> Statement:
    source, values = _source(table, columns, list(zip(*rows, strict=True)))
    return _update(table, source, [f'"{name}" = t."{name}" + {source.column[name]}' for name in columns[1:]], values)


def _update(table: Any, source: _Source, changes: Sequence[str], values: list[Any]) -> Statement:
    changed = ", ".join(changes)
    return Statement(f'UPDATE "{table.name}" t SET {changed} FROM {source.text} WHERE t.id = u.id', values)  # noqa: S608


def _source(table: Any, columns: tuple[str, ...], found: Sequence[Sequence[Any]]) -> tuple[_Source, list[Any]]:
    """The values of rows, column by column. What all rows have in common travels once, and goes first."""
    first = 0 if len(found[0]) > 1 else 1  # of a single row all but its key
    shared = tuple([place >= first and _is_one(column) for place, column in enumerate(found)])
    once = [column[0] for column, is_shared in zip(found, shared, strict=True) if is_shared]
    arrays = [list(column) for column, is_shared in zip(found, shared, strict=True) if not is_shared]
    return _texts(table, columns, shared), [*once, *arrays]


def _is_one(column: Sequence[Any]) -> bool:
    return bool(column[0] == column[-1]) and column.count(column[0]) == len(column)


@lru_cache(maxsize=256)
def _texts(table: Table, columns: tuple[str, ...], shared: tuple[bool, ...]) -> _Source:
    kinds = {name: _type(table, name) for name in columns}
    own = [name for name, is_shared in zip(columns, shared, strict=True) if not is_shared]
    values = {name: f'u."{name}"' if name in own else f"%b::{kinds[name]}" for name in columns}
    arrays, names = ", ".join(f"%b::{kinds[name]}[]" for name in own), ", ".join(f'"{name}"' for name in own)
    cast = {name: value + ("::jsonb" if _is_json(table, name) else "") for name, value in values.items()}
    return _Source(cast, f"unnest({arrays}) AS u ({names})")


def _is_json(table: Table, name: str) -> bool:
    return isinstance(table.c[name].type, JSONB)


def _type(table: Table, name: str) -> str:
    """Texts have no length here: a cast would cut them without a word, where their column refuses what is too long."""
    kind = table.c[name].type
    if isinstance(kind, JSONB | String):
        return "text"
    return kind.dialect_impl(_DIALECT).compile(dialect=_DIALECT)


@lru_cache(maxsize=128)
def _columns(model: type[TenantRow]) -> dict[str, Any]:
    """The columns of a table by what they are called in Python."""
    return {attribute.key: attribute.columns[0] for attribute in inspect(model).column_attrs}


@lru_cache(maxsize=1024)
def _sent_as(column: Column[Any]) -> Callable[[Any], Any]:
    """What makes a value travel."""
    kind = column.type
    if isinstance(kind, TypeId):
        return lambda value: None if value is None else to_uuid(kind.prefix, value)
    if isinstance(kind, JSONB):
        return lambda value: None if value is None else json_text(value)
    return lambda value: value


def _changed(row: TenantRow) -> dict[str, Any]:
    """What a loaded row has to be set to, by column. Nothing where something of it cannot be written here: what the
    database is to compute, arrays, and rows that are known by something else than an id."""
    columns, before = _columns(type(row)), inspect(row).committed_state
    found = {name: getattr(row, name) for name in sorted(before)}
    if "id" not in columns or any(
        name not in columns or _is_beyond(columns[name], value) for name, value in found.items()
    ):
        return {}
    return {
        columns[name].name: _sent_as(columns[name])(value) for name, value in found.items() if value != before[name]
    }


def _is_beyond(column: Column[Any], value: Any) -> bool:
    return isinstance(value, ClauseElement) or isinstance(column.type, ARRAY)


def _default(column: Column[Any]) -> Any:
    default: Any = column.default
    return default and (default.arg(None) if default.is_callable else default.arg)


def _execute(statement: Statement) -> Any:
    return session().connection().connection.cursor().execute(*statement)
