"""The sandbox's bank: a file of its own that remembers what it charged and refunded, by idempotency key.

It stands for the outside world. Tests compare our books with it; nothing but the sandbox gateway writes to it.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

SETTLES_AFTER_SECONDS = 10

_TABLES = """
CREATE TABLE IF NOT EXISTS charges (
  key TEXT PRIMARY KEY, ref TEXT UNIQUE NOT NULL, token TEXT NOT NULL, minor INTEGER NOT NULL, currency TEXT NOT NULL,
  status TEXT NOT NULL, decline TEXT, return_url TEXT NOT NULL, created_at INTEGER NOT NULL,
  account TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS refunds (
  key TEXT PRIMARY KEY, ref TEXT UNIQUE NOT NULL, charge_ref TEXT NOT NULL REFERENCES charges(ref),
  minor INTEGER NOT NULL, created_at INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Charge:
    """One row of the bank's book. `status` is succeeded, failed, pending, requires_action or canceled."""

    key: str
    ref: str
    token: str
    minor: int
    currency: str
    status: str
    decline: str | None
    return_url: str
    created_at: int
    account: str


class SandboxBank:
    """Opens the book for each operation, so that it may be shared by processes and survives `kill -9`.

    One book holds all accounts. Whoever opens it for one `account` books for that one, and lists its charges alone.
    """

    def __init__(self, path: Path, account: str = "") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.account = path, account

    @contextmanager
    def _book(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        try:
            connection.executescript(_TABLES)
            connection.execute("BEGIN IMMEDIATE")
            _tell_accounts_apart(connection)
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()

    def charge(
        self, key: str, token: str, minor: int, currency: str, status: str, decline: str | None, return_url: str
    ) -> Charge:
        """Book a charge once. A key seen before gives the first charge again, whatever else is asked."""
        with self._book() as book:
            book.execute(
                "INSERT INTO charges VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                (
                    key,
                    f"sbx_{uuid4().hex}",
                    token,
                    minor,
                    currency,
                    status,
                    decline,
                    return_url,
                    int(time.time()),
                    self.account,
                ),
            )
            return self._find(book, key)

    def find(self, key: str, ref: str | None = None) -> Charge | None:
        """The charge with that key or reference. Delayed ones settle when their time has come."""
        with self._book() as book:
            book.execute(
                "UPDATE charges SET status = 'succeeded' WHERE status = 'pending' AND created_at <= ?",
                (int(time.time()) - SETTLES_AFTER_SECONDS,),
            )
            row = book.execute("SELECT * FROM charges WHERE key = ? OR ref = ?", (key, ref)).fetchone()
            return Charge(*row) if row else None

    def answer(self, ref: str, *, approved: bool) -> Charge | None:
        """The payer approved or refused on the bank's page; only a charge that waits for it changes."""
        status, decline = ("succeeded", None) if approved else ("failed", "authentication_required")
        with self._book() as book:
            book.execute(
                "UPDATE charges SET status = ?, decline = ? WHERE ref = ? AND status = 'requires_action'",
                (status, decline, ref),
            )
            row = book.execute("SELECT * FROM charges WHERE ref = ?", (ref,)).fetchone()
            return Charge(*row) if row else None

    def settle(self, ref: str) -> None:
        """Let a delayed charge settle now."""
        with self._book() as book:
            book.execute("UPDATE charges SET status = 'succeeded' WHERE ref = ? AND status = 'pending'", (ref,))

    def cancel(self, ref: str) -> None:
        """Give up a charge that waits for the payer."""
        with self._book() as book:
            book.execute("UPDATE charges SET status = 'canceled' WHERE ref = ? AND status = 'requires_action'", (ref,))

    def refund(self, key: str, charge_ref: str, minor: int) -> str | None:
        """Book a refund once; gives its reference, or None when that is more than what is left of the charge."""
        with self._book() as book:
            known = book.execute("SELECT ref FROM refunds WHERE key = ?", (key,)).fetchone()
            if known:
                return str(known[0])
            left = book.execute(
                "SELECT minor - (SELECT coalesce(sum(minor), 0) FROM refunds WHERE charge_ref = charges.ref)"
                " FROM charges WHERE ref = ? AND status = 'succeeded'",
                (charge_ref,),
            ).fetchone()
            if left is None or minor > left[0]:
                return None
            ref = f"sbr_{uuid4().hex}"
            book.execute("INSERT INTO refunds VALUES (?, ?, ?, ?, ?)", (key, ref, charge_ref, minor, int(time.time())))
            return ref

    def find_refund(self, key: str) -> str | None:
        """The reference of the refund with that key."""
        with self._book() as book:
            row = book.execute("SELECT ref FROM refunds WHERE key = ?", (key,)).fetchone()
            return str(row[0]) if row else None

    def charges(self) -> list[Charge]:
        """The charges of the account, or all there are without one, oldest first."""
        with self._book() as book:
            rows = book.execute("SELECT * FROM charges WHERE ? IN ('', account) ORDER BY rowid", (self.account,))
            return [Charge(*row) for row in rows]

    def refunds(self) -> list[tuple[str, str, int]]:
        """The whole book of refunds, oldest first: (key, charge reference, minor units)."""
        with self._book() as book:
            return list(book.execute("SELECT key, charge_ref, minor FROM refunds ORDER BY rowid"))

    @staticmethod
    def _find(book: sqlite3.Connection, key: str) -> Charge:
        return Charge(*book.execute("SELECT * FROM charges WHERE key = ?", (key,)).fetchone())


def _tell_accounts_apart(book: sqlite3.Connection) -> None:
    """Books from before accounts were told apart learn it. What they hold is nobody's in particular."""
    if "account" not in [column[1] for column in book.execute("PRAGMA table_info(charges)")]:
        book.execute("ALTER TABLE charges ADD COLUMN account TEXT NOT NULL DEFAULT ''")
