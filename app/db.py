"""Session, transactions and the wall between tenants.

Every database transaction begins by taking a role and naming a tenant, both for that transaction only, so nothing
leaks through a pooled connection: `quittance_app` sees one tenant's rows, or none at all without a tenant, and
`quittance_sweep` reads over all tenants for sign-in, key look-up and periodic work.
"""

import atexit
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, LiteralString

import psycopg
from flask import Flask
from psycopg.adapt import AdaptersMap
from psycopg.errors import UniqueViolation
from psycopg.pq import TransactionStatus
from psycopg.sql import SQL
from psycopg.types.json import set_json_loads
from psycopg_pool import ConnectionPool
from pydantic_core import from_json
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from app.domain.errors import Conflict
from app.extensions import db
from app.ids import to_uuid

APP_ROLE = "quittance_app"
SWEEP_ROLE = "quittance_sweep"


@dataclass(frozen=True, slots=True)
class Scope:
    """Who the database thinks is asking: a role, and the tenant whose rows exist for it."""

    role: str
    tenant_id: str | None


NO_TENANT = Scope(APP_ROLE, None)
ALL_TENANTS = Scope(SWEEP_ROLE, None)

_scope: ContextVar[Scope] = ContextVar("scope", default=NO_TENANT)


class _Connection(psycopg.Connection):
    """A connection that knows in which scope its transaction began, and when."""

    scope: Scope | None = None
    began_at: datetime


class _Columns(Sequence[Any]):
    """The columns of a result, listed when somebody looks at them."""

    def __init__(self, cursor: "_Cursor") -> None:
        self._cursor = cursor

    @cached_property
    def _listed(self) -> Sequence[Any]:
        return psycopg.Cursor.description.fget(self._cursor) or ()  # type: ignore[attr-defined]

    def __getitem__(self, place: Any) -> Any:
        return self._listed[place]

    def __len__(self) -> int:
        return len(self._listed)


class _Cursor(psycopg.Cursor[Any]):
    """SQLAlchemy asks for the columns of each result, and needs them only once for a statement: listing forty takes a
    fifth of the time in which a row is read."""

    @property
    def description(self) -> Any:
        """None for what gives no rows."""
        gives_rows = self.pgresult and self.pgresult.nfields
        return _Columns(self) if gives_rows else super().description


class ScopeError(RuntimeError):
    """A programming error: a scope or transaction begun inside a transaction."""


def session() -> Session:
    """The session of this request or job."""
    return db.session()


def current_tenant_id() -> str:
    """The tenant in scope. Raises ScopeError when there is none."""
    tenant_id = _scope.get().tenant_id
    if tenant_id is None:
        raise ScopeError("no tenant in scope: enter tenant_scope() first")
    return tenant_id


def transaction_time() -> datetime:
    """When the transaction of this session began, by the database's clock: what `now()` is in all its statements."""
    raw: _Connection = session().connection().connection.driver_connection  # type: ignore[assignment]
    return raw.began_at


@contextmanager
def tenant_scope(tenant_id: str) -> Iterator[None]:
    """Rows of this tenant, and no others, exist inside the block."""
    with _scoped(Scope(APP_ROLE, tenant_id)):
        yield


@contextmanager
def all_tenants() -> Iterator[None]:
    """Rows of all tenants can be read inside the block (sign-in, key look-up, sweeps)."""
    with _scoped(ALL_TENANTS):
        yield


@contextmanager
def _scoped(scope: Scope) -> Iterator[None]:
    _end_reads()
    token = _scope.set(scope)
    try:
        yield
    finally:
        _end_reads()
        _scope.reset(token)


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: commits at the end, rolls back on any exception. Never nested; never round a gateway call.

    Raises Conflict when somebody else has added the same thing (a code, an address) at the same moment.
    """
    current = session()
    _end_reads()
    current.info["writing"] = True
    try:
        yield current
        current.commit()
    except BaseException as error:
        current.rollback()
        if isinstance(getattr(error, "orig", error), UniqueViolation):
            raise Conflict("Somebody has just added the same: look again.", code="added_already") from error
        raise
    finally:
        current.info.pop("writing", None)


def fetch(statement: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
    """The rows that a statement with `%b` for each of its values finds, in the session's transaction.

    For those who ask so often that what SQLAlchemy adds to a statement counts. Ids come and go as UUIDs.
    """
    found: list[tuple[Any, ...]] = session().connection().connection.cursor().execute(statement, values).fetchall()
    return found


def let_go() -> None:
    """Give the connection back before waiting for somebody else, such as a gateway. Raises ScopeError in a transaction:
    rows would stay locked meanwhile."""
    _end_reads()


def _end_reads() -> None:
    """Close the read-only transaction that an earlier query began, so the next one takes the scope of now."""
    current = session()
    if current.info.get("writing"):
        raise ScopeError("a scope, a transaction or a gateway call cannot begin inside a transaction")
    if current.in_transaction():
        current.commit()


def engine_options(url: str, size: int, kwargs: dict[str, object] | None = None) -> dict[str, object]:
    """Options that let SQLAlchemy draw its connections from a psycopg pool.

    One message to the server finds out whether a connection is still alive, begins the transaction and takes the scope:
    psycopg, which would send three for that, is told to begin none by itself.
    """
    pool = ConnectionPool(
        url,
        connection_class=_Connection,
        min_size=1,
        max_size=size,
        open=True,
        close_returns=True,
        check=_begin_if_alive,
        timeout=10,
        kwargs={"autocommit": True, "cursor_factory": _Cursor, "context": _adapters(), **(kwargs or {})},
    )
    atexit.register(pool.close)  # while its threads still can: later each of them holds up the end for five seconds
    # Values of statements stay out of error messages, which end in logs.
    return {"creator": pool.getconn, "poolclass": NullPool, "hide_parameters": True}


def _adapters() -> AdaptersMap:
    """Those of psycopg, but JSON is read in a fifth of the time that Python's own reader needs."""
    adapters = AdaptersMap(psycopg.adapters)
    set_json_loads(from_json, adapters)
    return adapters


def init_app(app: Flask) -> None:
    """Bind the session to the application and make every transaction begin in the scope of the moment."""
    db.init_app(app)
    with app.app_context():
        event.listen(db.engine, "begin", _take_scope)


def _take_scope(connection: Connection) -> None:
    """Begin what the pool has not: a further transaction of the same connection, or one that could not begin there."""
    raw: _Connection = connection.connection.driver_connection  # type: ignore[assignment]
    if raw.info.transaction_status != TransactionStatus.INTRANS or raw.scope != _scope.get():
        raw.rollback()
        _begin(raw)


def _begin_if_alive(connection: _Connection) -> None:
    """What is wrong with the scope itself is said by `_take_scope`: the pool would try until its time is over."""
    with suppress(psycopg.DataError, psycopg.ProgrammingError):
        _begin(connection)


def _begin(connection: _Connection) -> None:
    connection.scope = _scope.get()
    began = connection.execute(_beginning(connection.scope), prepare=False)
    began.nextset()
    connection.began_at = began.fetchone()[0]  # type: ignore[index]


@lru_cache(maxsize=1024)
def _beginning(scope: Scope) -> bytes:
    tenant = str(to_uuid("ten", scope.tenant_id)) if scope.tenant_id else ""
    return _BEGIN.format(scope.role, tenant).as_bytes()


_BEGIN = SQL("BEGIN; SELECT now(), set_config('role', {}, true), set_config('app.tenant', {}, true)")
