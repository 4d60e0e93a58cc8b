"""What every table keeps to: how money, ids and time are stored, and what the database itself refuses."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, DateTime, Float, Numeric, Table, select, text
from sqlalchemy.exc import IntegrityError

import app.models  # noqa: F401  (fills the metadata)
from app.db import session, transaction
from app.extensions import Base
from app.ids import TypeId, new_id
from app.models import Invoice, JournalEntry, LedgerAccount, Payment, Posting
from app.services import charging
from tests.house.tables import TENANT_TABLES
from tests.shop import Shop, fresh

COLUMNS: list[tuple[Table, Column[Any]]] = [(t, c) for t in Base.metadata.sorted_tables for c in t.columns]


def named(ending: str) -> Iterator[tuple[str, Column[Any]]]:
    return ((f"{table.name}.{column.name}", column) for table, column in COLUMNS if column.name.endswith(ending))


def test_minor_units_are_whole_numbers_of_64_bits() -> None:
    """Amounts on a chain have more digits than that, and are whole numbers all the same."""
    wrong = [
        name
        for name, column in named("_minor")
        if not isinstance(column.type, BigInteger) and not (isinstance(column.type, Numeric) and column.type.scale == 0)
    ]
    assert wrong == []


def test_nothing_is_kept_as_a_float() -> None:
    assert [f"{table.name}.{column.name}" for table, column in COLUMNS if isinstance(column.type, Float)] == []


def test_instants_know_their_zone() -> None:
    wrong = [name for name, column in named("_at") if not (isinstance(column.type, DateTime) and column.type.timezone)]
    assert wrong == []


def test_ids_are_typed_and_no_two_tables_share_a_prefix() -> None:
    own = {t.name: t.c.id.type for t in Base.metadata.sorted_tables if "id" in t.primary_key.columns}
    assert [name for name, kind in own.items() if not isinstance(kind, TypeId)] == []
    prefixes = [kind.prefix for kind in own.values() if isinstance(kind, TypeId)]
    assert sorted(prefixes) == sorted(set(prefixes))


def test_every_key_and_every_reference_carries_the_tenant() -> None:
    wrong = []
    for table in TENANT_TABLES:
        if "tenant_id" not in table.primary_key.columns:
            wrong.append(table.name)
        for reference in table.foreign_key_constraints:
            names = [element.parent.name for element in reference.elements]
            if reference.referred_table.name != "tenants" and "tenant_id" not in names:
                wrong.append(f"{table.name}: {names}")
    assert wrong == []


class TestTheDatabaseRefuses:
    """Guards that hold even when our own code is wrong."""

    def test_an_entry_that_does_not_balance(self, shop: Shop, at: datetime) -> None:
        entry = JournalEntry(id=new_id("jnl"), fact="gift", source_id="x", at=at)
        accounts = session().scalars(select(LedgerAccount.id).limit(2)).all()
        sides = [
            Posting(entry_id=entry.id, position=n, account_id=account, currency="CAD", amount_minor=minor)
            for n, (account, minor) in enumerate(zip(accounts, (101, -100), strict=True))
        ]
        with transaction() as current:
            current.add(entry)
        with pytest.raises(IntegrityError, match="off balance by 1 CAD"), transaction() as current:
            current.add_all(sides)

    @pytest.mark.parametrize("column", ["paid_minor = total_minor + 1", "paid_minor = -1", "total_minor = -1"])
    def test_an_invoice_paid_beyond_its_total(self, shop: Shop, column: str) -> None:
        shop.debt()
        with pytest.raises(IntegrityError), transaction() as current:
            current.execute(text(f"UPDATE invoices SET {column}"))

    def test_two_open_attempts_on_one_invoice(self, shop: Shop, at: datetime) -> None:
        payment = charging.collect(shop.debt("tok_delayed"), at)
        twin = {c.name: getattr(payment, c.key) for c in Payment.__table__.columns if c.name not in ("id", "metadata")}
        with pytest.raises(Exception, match="just added the same"), transaction() as current:
            current.add(Payment(id=new_id("pay"), **twin))

    def test_a_period_billed_twice(self, shop: Shop) -> None:
        invoice = fresh(Invoice, shop.debt())
        same = {
            c.key: getattr(invoice, c.key) for c in Invoice.__mapper__.column_attrs if c.key not in ("id", "number")
        }
        with pytest.raises(Exception, match="just added the same"), transaction() as current:
            current.add(Invoice(id=new_id("inv"), number="INV-9", **same))

    def test_more_refunded_than_paid(self, shop: Shop, at: datetime) -> None:
        charging.collect(shop.debt(), at)
        with pytest.raises(IntegrityError), transaction() as current:
            current.execute(text("UPDATE payments SET refunded_minor = amount_minor + 1"))

    @pytest.mark.parametrize("table", ["invoices", "payments", "subscriptions"])
    def test_a_status_that_the_lifecycle_does_not_know(self, shop: Shop, at: datetime, table: str) -> None:
        charging.collect(shop.debt(), at)
        with pytest.raises(IntegrityError), transaction() as current:
            current.execute(text(f"UPDATE {table} SET status = 'whatever'"))
