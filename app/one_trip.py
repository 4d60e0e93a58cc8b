"""A transaction of one statement, in one round trip to the database: for what comes in small pieces, hundreds a second.

The scope is taken, the statement executed and all of it committed behind the same wall between tenants as everything
else (see app/db.py), without a session and on a line that is kept open.
"""

import atexit
from collections.abc import Sequence
from typing import Any

import psycopg
from flask import current_app
from psycopg.pq import TransactionStatus

from app.db import APP_ROLE
from app.ids import to_uuid

_TAKE_SCOPE = "SELECT set_config('role', %s, true), set_config('app.tenant', %s, true)"


class Line:
    """A connection to the database besides those of the pool. Used by one thread at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection | None = None
        atexit.register(self.close)

    def write(self, tenant_id: str, statement: str, parameters: Sequence[Any]) -> None:
        """Execute, for good, a statement that does no harm when executed twice: a line that broke is laid anew once."""
        try:
            self._write(tenant_id, statement, parameters)
        except psycopg.OperationalError:
            if self._connection and not self._connection.closed:
                raise
            self._write(tenant_id, statement, parameters)

    def close(self) -> None:
        """Hang up. The next statement lays a new line."""
        if self._connection:
            self._connection.close()

    def _write(self, tenant_id: str, statement: str, parameters: Sequence[Any]) -> None:
        connection = self._open()
        try:
            with connection.pipeline():
                connection.execute(_TAKE_SCOPE, [APP_ROLE, str(to_uuid("ten", tenant_id))])
                connection.execute(statement, parameters)
                connection.commit()
        finally:
            if connection.info.transaction_status != TransactionStatus.IDLE:
                connection.close()

    def _open(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url)
        return self._connection


def line() -> Line:
    """The line of the running application."""
    found: Line = current_app.extensions["line"]
    return found
