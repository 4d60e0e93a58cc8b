"""The schema of the database: bring it up to date, and tell whether it is."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from app.db import SWEEP_ROLE

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
ONE_AT_A_TIME = 7_305_111_902  # advisory lock: two processes that start together migrate one after the other


def owner_engine(database_url: str) -> Engine:
    """An engine that connects as the owner of the tables and takes no tenant's role."""
    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(database_url), poolclass=NullPool)


def upgrade(database_url: str) -> None:
    """Apply the migrations that are missing. Safe to run from several processes at once."""
    with owner_engine(database_url).connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": ONE_AT_A_TIME})
        connection.execute(text("SET lock_timeout = '15s'"))
        connection.commit()
        if _current(connection) != head():
            command.upgrade(_config(connection), "head")


def current(database_url: str) -> str | None:
    """The revision the database is at; None before the first migration."""
    with owner_engine(database_url).connect() as connection:
        return _current(connection)


def head() -> str | None:
    """The newest revision that this version of the application brings."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def has_tenants(database_url: str) -> bool:
    """Whether anybody sells here yet. Asked in the sweep role: the owner of a walled table may see no rows of it."""
    with owner_engine(database_url).connect() as connection:
        connection.execute(text(f"SET LOCAL ROLE {SWEEP_ROLE}"))
        return bool(connection.scalar(text("SELECT EXISTS (SELECT FROM tenants)")))


def _current(connection: Connection) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    return revision


def _config(connection: Connection | None = None) -> Config:
    config = Config(MIGRATIONS / "alembic.ini")
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
