"""The examination behind `quittance doctor`: one table of checks, each of which names what is missing."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import heartbeats, schema
from app.config import Settings
from app.db import APP_ROLE, SWEEP_ROLE
from app.extensions import redis_client
from app.startup import CannotStart, require_version

CONNECT_SECONDS = 5
HTMX = Path(__file__).parent / "static" / "vendor" / "htmx.min.js"
MAIL_PORTS = {"smtp": 587, "smtps": 465}


class Missing(Exception):
    """What is missing, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    ok: bool
    text: str


def examine(settings: Settings) -> list[Finding]:
    """Run all checks, in the order of the table."""
    return [_finding(name, check, settings) for name, check in CHECKS.items()]


def _finding(name: str, check: "Check", settings: Settings) -> Finding:
    try:
        return Finding(name, True, check(settings))
    except (Missing, CannotStart, psycopg.Error, SQLAlchemyError, RedisError, OSError) as error:
        return Finding(name, False, " ".join(str(getattr(error, "orig", error)).split()))


def _data_directory(settings: Settings) -> str:
    path = settings.quittance_data_dir.absolute()
    if not os.access(path, os.W_OK | os.X_OK):
        raise Missing(f"{path} is not there or cannot be written: make it, or set QUITTANCE_DATA_DIR")
    return str(path)


def _database(settings: Settings) -> str:
    with _connection(settings) as connection:
        require_version(connection.info.server_version)
        return f"PostgreSQL {connection.info.server_version // 10_000}"


def _schema(settings: Settings) -> str:
    current, head = schema.current(settings.database_url), schema.head()
    if current != head:
        raise Missing(f"it is at {current or 'nothing'}, this version needs {head}: run `quittance migrate`")
    return f"at {head}"


def _roles(settings: Settings) -> str:
    with _connection(settings) as connection:
        require_roles(connection)
    return f"{APP_ROLE}, {SWEEP_ROLE}"


def require_roles(connection: psycopg.Connection) -> None:
    """Raises Missing unless both roles are there, obey row level security, and may be taken by us."""
    query = """
        SELECT wanted, rolsuper OR rolbypassrls, pg_has_role(current_user, oid, 'MEMBER')
        FROM unnest(%s::name[]) wanted LEFT JOIN pg_roles ON rolname = wanted"""
    for role, above_the_law, ours in connection.execute(query, [[APP_ROLE, SWEEP_ROLE]]):
        if not ours:
            raise Missing(f"{role} is not there or not granted to the user of DATABASE_URL: run `quittance migrate`")
        if above_the_law:
            raise Missing(f"{role} could pass the walls between tenants: ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS")


def _walls(settings: Settings) -> str:
    """Every table with rows of a tenant forces row level security."""
    query = """
        SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND (relname = 'tenants' OR EXISTS (
          SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'tenant_id' AND NOT attisdropped))"""
    with _connection(settings) as connection:
        tables = connection.execute(query).fetchall()
    open_tables = sorted(name for name, walled in tables if not walled)
    if open_tables or not tables:
        raise Missing(f"row level security is not forced on {', '.join(open_tables) or 'any table'}")
    return f"forced on {len(tables)} tables"


def _encryption_keys(settings: Settings) -> str:
    """Every key that something was sealed with is configured."""
    with _connection(settings) as connection:
        connection.execute(f"SET LOCAL ROLE {SWEEP_ROLE}")
        used = {key_id for (key_id,) in connection.execute("SELECT DISTINCT key_id FROM gateway_accounts")}
    if lost := sorted(used - settings.keyring.keys()):
        raise Missing(f"ENCRYPTION_KEYS lacks {', '.join(lost)}, which gateway credentials are sealed with")
    return f"{', '.join(settings.keyring)}; the first one seals"


def _redis(settings: Settings) -> str:
    _client(settings).ping()
    return "answers"


def _worker(settings: Settings) -> str:
    alive = heartbeats.workers(_client(settings))
    if not alive:
        raise Missing("nobody does jobs: run `quittance up`, or `quittance worker`")
    return f"{alive} alive"


def _scheduler(settings: Settings) -> str:
    if not heartbeats.scheduler(_client(settings)):
        raise Missing("nobody rings for periodic work: run `quittance up`, or `quittance scheduler`")
    return "alive"


def _mail(settings: Settings) -> str:
    url = urlsplit(settings.mail_url)
    if url.scheme == "file":
        return f"written to {settings.quittance_data_dir / 'mails'}"
    if url.scheme not in MAIL_PORTS or not url.hostname:
        raise Missing("MAIL_URL must be file:, smtp://user:password@host:587 or smtps://…")
    socket.create_connection((url.hostname, url.port or MAIL_PORTS[url.scheme]), CONNECT_SECONDS).close()
    return f"{url.hostname} answers"


def _htmx(_: Settings) -> str:
    if not HTMX.exists():
        raise Missing("app/static/vendor/htmx.min.js is not there: the build makes it, run `make install`")
    return "there"


def _connection(settings: Settings) -> psycopg.Connection:
    return psycopg.connect(settings.database_url, connect_timeout=CONNECT_SECONDS)


def _client(settings: Settings) -> Redis:
    return redis_client(settings.redis_url)


Check = Callable[[Settings], str]

CHECKS: dict[str, Check] = {
    "data directory": _data_directory,
    "database": _database,
    "schema": _schema,
    "roles": _roles,
    "walls between tenants": _walls,
    "encryption keys": _encryption_keys,
    "redis": _redis,
    "worker": _worker,
    "scheduler": _scheduler,
    "mail": _mail,
    "htmx": _htmx,
}
