"""A world that is furnished once and put back for each test that looks at it, which takes no time."""

import shutil
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql

from tests.web.admin.desk import World

WALLED = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relforcerowsecurity AND relnamespace = 'public'::regnamespace
"""


@dataclass(frozen=True, slots=True)
class Furnished:
    """A tenant, the instant from which its story is told, and what there is."""

    tenant: str
    at: datetime
    world: World


@dataclass(frozen=True, slots=True)
class Kept:
    """What a furnished tenant left in the database and at its bank."""

    furnished: Furnished
    rows: dict[str, bytes]
    banks: Path

    def put_back(self, database_url: str, banks: Path) -> Furnished:
        """Fill the empty database and the bank again; gives a world of the test's own."""
        with psycopg.connect(database_url) as owner:
            owner.execute("SET session_replication_role = replica")
            for table, rows in self.rows.items():
                with owner.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
                    copy.write(rows)
        shutil.copytree(self.banks, banks, dirs_exist_ok=True)
        return deepcopy(self.furnished)


def rows_of(database_url: str) -> dict[str, bytes]:
    """What the tables hold, by their names, those that hold nothing left out."""
    with psycopg.connect(database_url) as owner:
        tables = [str(name) for (name,) in owner.execute(WALLED)]
        found = {table: _rows(owner, table) for table in tables}
    return {table: rows for table, rows in found.items() if rows}


def _rows(owner: psycopg.Connection, table: str) -> bytes:
    with owner.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        return b"".join(bytes(part) for part in copy)
