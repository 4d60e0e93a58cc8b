"""The sandbox's bank: one book, in which each account sees its own charges, as at any gateway."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.gateways import open_gateway
from app.gateways.sandbox_bank import SandboxBank
from app.gateways.types import PaymentRequest
from tests.gateways.contract import a_payment
from tests.gateways.worlds.sandbox import TheWorld

HOUR = timedelta(hours=1)
BEFORE = """
CREATE TABLE charges (key TEXT PRIMARY KEY, ref TEXT UNIQUE NOT NULL, token TEXT NOT NULL, minor INTEGER NOT NULL,
  currency TEXT NOT NULL, status TEXT NOT NULL, decline TEXT, return_url TEXT NOT NULL, created_at INTEGER NOT NULL);
INSERT INTO charges VALUES ('pay_1', 'sbx_1', 'tok_ok', 1130, 'CAD', 'succeeded', NULL, '', 1790000000);
"""


def test_an_account_lists_what_was_charged_through_it_alone(tmp_path: Path) -> None:
    world, now = TheWorld(tmp_path), datetime.now(UTC)
    charged: dict[str, PaymentRequest] = {}
    accounts = {
        name: open_gateway("sandbox", world.account(), timeout=1, workspace=tmp_path / name) for name in ("a", "b")
    }
    for name, gateway in accounts.items():
        charged[name] = a_payment(world)
        gateway.create_payment(charged[name])
    for name, gateway in accounts.items():
        assert [row.key for row in gateway.list_transactions(now - HOUR, now + HOUR)] == [charged[name].key]
    assert len(SandboxBank(tmp_path / "sandbox-bank.sqlite3").charges()) == 2


def test_a_book_from_before_accounts_were_told_apart_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "bank.sqlite3"
    with sqlite3.connect(path) as book:
        book.executescript(BEFORE)
    bank = SandboxBank(path, "a")
    bank.charge("pay_2", "tok_ok", 500, "CAD", "succeeded", None, "")
    assert [charge.key for charge in bank.charges()] == ["pay_2"]
    found = bank.find("pay_1")
    assert found
    assert (found.ref, found.account) == ("sbx_1", "")
