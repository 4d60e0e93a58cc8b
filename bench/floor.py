"""What the database alone could do: rows that were written are taken back and written again with COPY, in batches."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.string import TextLoader

from bench.lab import Lab

# Tables a renewal adds rows to, in the order their keys want, and the column that puts a row into the batch of an id.
INVOICES, ENTRIES = "invoices", "journal_entries"
FOLLOWS = {"invoice_lines": ("invoice_id", INVOICES), "metered_periods": ("invoice_id", INVOICES)}
WRITTEN = (INVOICES, "invoice_lines", "metered_periods", ENTRIES, "postings", "events")
TURNED = "id, current_period_start, current_period_end, next_billing_at"
_TURN = """
UPDATE subscriptions s SET current_period_start = t.current_period_start,
  current_period_end = t.current_period_end, next_billing_at = t.next_billing_at FROM turned t WHERE s.id = t.id
"""


class Floor:
    """Remembers how subscriptions stood that are due by an instant, so that what is then done to them can be undone and
    written again."""

    def __init__(self, place: Lab, due_by: datetime) -> None:
        self.place = place
        with place.bare() as bare:
            due = "next_billing_at <= %s"
            bare.execute(f"CREATE TABLE kept_before AS SELECT {TURNED} FROM subscriptions WHERE {due}", [due_by])

    def seconds(self, batch: int) -> Iterator[float]:
        """How long writing everything again takes, batch by batch of so many invoices, each with a commit. Reading is
        not counted."""
        with self.place.bare() as bare:
            _take_back(bare)
        with self.place.bare() as bare:
            bare.autocommit = True
            bare.execute("VACUUM ANALYZE")
            bare.execute("CHECKPOINT")
        with self.place.bare() as reader, self.place.bare() as writer:
            reader.adapters.register_loader("jsonb", TextLoader)  # JSON is written as it was read
            writer.execute(f"CREATE TEMP TABLE turned AS SELECT {TURNED} FROM subscriptions LIMIT 0")
            writer.commit()
            for rows in _batches(reader, batch):
                yield _write(writer, rows)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one batch, ready to be written: columns and values by table, and what becomes of subscriptions."""

    turned: Sequence[Any]
    tables: dict[str, tuple[Sequence[str], Sequence[Any]]]


def _take_back(bare: psycopg.Connection) -> None:
    """Keep what was written elsewhere, and put everything back as it was."""
    due = "id IN (SELECT id FROM kept_before)"
    bare.execute(f"CREATE TABLE kept_after AS SELECT {TURNED} FROM subscriptions WHERE {due}")
    bare.execute("CREATE INDEX ON kept_after (id)")
    for table in WRITTEN:
        bare.execute(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}")
    bare.execute(f"TRUNCATE {', '.join(WRITTEN)} CASCADE")
    bare.execute("CREATE TEMP TABLE turned AS SELECT * FROM kept_before")
    bare.execute(_TURN)
    bare.execute("DROP TABLE turned")


def _batches(reader: psycopg.Connection, batch: int) -> Iterator[Rows]:
    columns = {table: _columns(reader, table) for table in WRITTEN}
    keys = {INVOICES: _ids(reader, INVOICES), ENTRIES: _ids(reader, ENTRIES), "events": _ids(reader, "events")}
    for place in range(0, len(keys[INVOICES]), batch):
        spans = {table: ids[place : place + batch] for table, ids in keys.items()}
        found = {table: _rows(reader, table, columns[table], *_span(table, spans)) for table in WRITTEN}
        turned = reader.execute(
            "SELECT a.* FROM kept_after a JOIN kept_invoices i ON i.subscription_id = a.id WHERE i.id = ANY(%s)",
            [spans[INVOICES]],
        ).fetchall()
        yield Rows(turned, {table: (columns[table], rows) for table, rows in found.items()})


def _span(table: str, spans: dict[str, list[UUID]]) -> tuple[str, list[UUID]]:
    """By which column, and for which ids, a table's rows belong to a batch."""
    if table == "postings":
        return "entry_id", spans[ENTRIES]
    column, of = FOLLOWS.get(table, ("id", table))
    return column, spans[of]


def _rows(reader: psycopg.Connection, table: str, columns: Sequence[str], by: str, ids: list[UUID]) -> list[Any]:
    wanted = ", ".join(columns)
    return reader.execute(f"SELECT {wanted} FROM kept_{table} WHERE {by} = ANY(%s)", [ids]).fetchall()


def _ids(reader: psycopg.Connection, table: str) -> list[UUID]:
    """In the order of writing: ids begin with the time."""
    for column in {"invoice_lines": "invoice_id", "postings": "entry_id"}.items():
        reader.execute(f"CREATE INDEX IF NOT EXISTS kept_{column[0]}_by ON kept_{column[0]} ({column[1]})")
    reader.execute(f"CREATE INDEX ON kept_{table} (id)")
    return [row[0] for row in reader.execute(f"SELECT id FROM kept_{table} ORDER BY id").fetchall()]


def _columns(reader: psycopg.Connection, table: str) -> list[str]:
    """Columns that are written; JSON travels as text."""
    found = reader.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'"
        " AND identity_generation IS NULL ORDER BY ordinal_position",
        [table],
    ).fetchall()
    return [f'"{name}"' for (name,) in found]


def _write(writer: psycopg.Connection, rows: Rows) -> float:
    """Seconds for one batch: an update of each subscription, its new rows, and a commit."""
    started = time.perf_counter()
    cursor = writer.cursor()
    cursor.execute("TRUNCATE turned")
    _copy(cursor, f"COPY turned ({TURNED}) FROM STDIN", rows.turned)
    cursor.execute(_TURN)
    for table, (columns, values) in rows.tables.items():
        if values:
            _copy(cursor, f"COPY {table} ({', '.join(columns)}) FROM STDIN", values)
    writer.commit()
    return time.perf_counter() - started


def _copy(cursor: psycopg.Cursor, statement: str, rows: Sequence[Any]) -> None:
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
