"""Where benches are run: servers of their own in a temporary directory, a tenant, and the application on them."""

import base64
import shutil
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from flask import Flask

from app import create_app, schema
from app.config import load_settings
from app.db import tenant_scope, transaction
from app.domain.tax_tables.canada import RATES
from app.embedded import Postgres, RedisServer
from app.ids import to_uuid
from app.processes import Child, Program, wait_until
from app.services import api_keys, renewals, tenants

START_SECONDS = 60.0
SELLER = {
    "slug": "bench",
    "name": "Bench",
    "legal_name": "Bench Inc.",
    "email": "bench@example.com",
    "currency": "CAD",
    "timezone": "America/Toronto",
    "address": {"city": "Toronto", "region": "ON", "country": "CA"},
}


@dataclass
class Lab:
    """A migrated database with one tenant. `variables` are what a process of the application needs; `made` is the
    application on them, if this process has it already."""

    variables: dict[str, str]
    made: Flask | None = None

    @cached_property
    def app(self) -> Flask:
        return self.made or create_app(load_settings(**{name.lower(): value for name, value in self.variables.items()}))

    @cached_property
    def tenant_id(self) -> str:
        with self.app.app_context():
            return tenants.create(SELLER, RATES, datetime.now(UTC))

    @property
    def tenant_uuid(self) -> UUID:
        return to_uuid("ten", self.tenant_id)

    @contextmanager
    def in_tenant(self) -> Iterator[None]:
        """The application's own code runs inside the tenant."""
        tenant_id = self.tenant_id
        with self.app.app_context(), tenant_scope(tenant_id):
            yield

    def bare(self) -> psycopg.Connection:
        """A connection that has nothing to do with the application, and no wall in its way."""
        return psycopg.connect(self.variables["DATABASE_URL"])

    def api_key(self) -> str:
        """The secret of a key that may write."""
        with self.in_tenant(), transaction():
            return api_keys.create("Bench", ["read", "write"], datetime.now(UTC))[1]

    @contextmanager
    def served(self, *program: str) -> Iterator[int]:
        """The real web server in processes of its own, or another program; gives its port on 127.0.0.1."""
        with socket.create_server(("127.0.0.1", 0)) as ear:
            port = ear.getsockname()[1]
        module = program or ("app.cli", "web")
        words = (sys.executable, "-m", *module, "--host", "127.0.0.1", "--port", str(port))
        web = Child("web", Program(words, self.variables))
        try:
            web.start()
            if not wait_until(lambda: _answers(port), START_SECONDS):
                raise RuntimeError("the web server does not answer")
            yield port
        finally:
            web.stop()


@contextmanager
def lab() -> Iterator[Lab]:
    """Servers that live as long as the block."""
    directory = Path(tempfile.mkdtemp(prefix="quittance-bench-"))
    postgres, redis = Postgres(directory), RedisServer(directory)
    try:
        postgres.start()
        redis.start()
        postgres.create_database()
        schema.upgrade(postgres.url())
        yield Lab(_variables(postgres, redis, directory))
    finally:
        redis.stop()
        postgres.stop()
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def watched(on_statement: Callable[[str, float], None], on_batch: Callable[[float], None]) -> Iterator[None]:
    """In this process, tell of each SQL statement (its text, and how many seconds its answer took) and, after its
    statements, of each batch of renewals (its seconds)."""
    execute, batch = psycopg.Cursor.execute, renewals._renew_batch

    def watched_execute(self: psycopg.Cursor, statement: Any, *args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        done = execute(self, statement, *args, **kwargs)
        if statement:  # the pool asks with an empty one whether its connection is there
            on_statement(str(statement), time.perf_counter() - started)
        return done

    def watched_batch(*args: Any) -> int:
        started = time.perf_counter()
        turned = batch(*args)
        on_batch(time.perf_counter() - started)
        return turned

    psycopg.Cursor.execute, renewals._renew_batch = watched_execute, watched_batch  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        psycopg.Cursor.execute, renewals._renew_batch = execute, batch  # type: ignore[method-assign]


def _variables(postgres: Postgres, redis: RedisServer, directory: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": postgres.url(),
        "REDIS_URL": redis.url(),
        "SECRET_KEY": "a secret of the bench, long enough to sign with",
        "ENCRYPTION_KEYS": f"k1:{base64.b64encode(bytes(32)).decode()}",
        "QUITTANCE_DATA_DIR": str(directory),
        "API_WRITE_LIMIT": "1000000/hour",
        "WEBHOOK_LIMIT": "1000000/hour",
        "LOG_LEVEL": "WARNING",
    }


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=5).close()
    except OSError:
        return False
    return True
