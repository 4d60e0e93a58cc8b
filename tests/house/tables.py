"""A row for every tenant table, made from its columns alone, so that a table added later is tried too."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import Table

import app.models  # noqa: F401  (fills the metadata)
from app.extensions import Base

TENANT_TABLES: tuple[Table, ...] = tuple(t for t in Base.metadata.sorted_tables if "tenant_id" in t.c)
NAMES = [table.name for table in TENANT_TABLES]
EXAMPLES = {
    "uuid": "gen_random_uuid()",
    "text": "'x'",
    "number": "1",
    "boolean": "false",
    "timestamp": "now()",
    "date": "current_date",
    "bytea": "'x'::bytea",
    "jsonb": "'{}'::jsonb",
    "array": "'{}'",
}
_KINDS = {
    "Uuid": "uuid",
    "TypeId": "uuid",
    "DateTime": "timestamp",
    "Date": "date",
    "Boolean": "boolean",
    "LargeBinary": "bytea",
    "JSONB": "jsonb",
    "ARRAY": "array",
    "BigInteger": "number",
    "Integer": "number",
    "SmallInteger": "number",
    "Numeric": "number",
}


def fill(owner: psycopg.Connection, tenant: UUID) -> None:
    """Put one row into every tenant table, without regard to what it points at or what checks ask for.

    The checks are dropped in the transaction of the connection, which must be rolled back.
    """
    owner.execute("SET LOCAL session_replication_role = replica")
    for table in TENANT_TABLES:
        for check in _checks(owner, table.name):
            owner.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table.name), sql.Identifier(check))
            )
        owner.execute(row_of(table, tenant))
    owner.execute("SET LOCAL session_replication_role = origin")


def row_of(table: Table, tenant: UUID) -> sql.Composed:
    """The statement that adds an example row on a tenant's side."""
    values = dict(_values(table, tenant))
    return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table.name),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(values.values()),
    )


def _values(table: Table, tenant: UUID) -> Iterator[tuple[str, sql.Composable]]:
    for column in table.columns:
        if column.name == "tenant_id":
            yield column.name, sql.Literal(tenant)
        elif not column.nullable and column.server_default is None:
            kind = _KINDS.get(type(column.type).__name__, "text")
            yield column.name, sql.SQL(EXAMPLES[kind])  # type: ignore[arg-type]


def _checks(owner: psycopg.Connection, table: str) -> list[str]:
    found: list[Any] = owner.execute(
        "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass", [table]
    ).fetchall()
    return [row[0] for row in found]
