"""The wall between tenants, tried on every table that has a tenant, whichever tables there are."""

from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID, uuid4

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from app.config import Settings
from app.db import (
    APP_ROLE,
    SWEEP_ROLE,
    Scope,
    ScopeError,
    _scoped,
    all_tenants,
    current_tenant_id,
    session,
    tenant_scope,
    transaction,
)
from app.domain.errors import NotFound
from app.extensions import db
from app.ids import new_id
from app.models import Customer, Tenant
from app.queries.base import get
from tests.house.tables import NAMES, TENANT_TABLES, fill, row_of
from tests.shop import Shop

A, B = uuid4(), uuid4()
APPEND_ONLY = {"journal_entries", "postings", "audit_log", "status_changes"}
CHANGES = {"update": "UPDATE {} SET created_at = now()", "delete": "DELETE FROM {}"}


def ask_as(connection: psycopg.Connection, role: str, tenant: UUID | None) -> None:
    words = (role, str(tenant) if tenant else "")
    connection.execute("SELECT set_config('role', %s, true), set_config('app.tenant', %s, true)", words)


def named(statement: str, table: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(table))  # type: ignore[arg-type]


def count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(named("SELECT count(*) FROM {}", table)).fetchone()
    return int(row[0]) if row else 0


@pytest.fixture(scope="class")
def filled(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection in whose transaction tenant B has a row in every table."""
    with psycopg.connect(settings.database_url, options="-c lock_timeout=10s") as owner:
        fill(owner, B)
        yield owner
        owner.rollback()


class TestTables:
    @pytest.fixture
    def asker(self, filled: psycopg.Connection) -> Iterator[psycopg.Connection]:
        """The connection, whose role and tenant a test chooses; whatever it does is undone."""
        with filled.transaction(force_rollback=True):
            yield filled

    @pytest.mark.parametrize("table", NAMES)
    def test_b_sees_its_row_and_a_nothing_and_nobody_nothing(self, asker: psycopg.Connection, table: str) -> None:
        seen = []
        for tenant in (B, A, None):
            ask_as(asker, APP_ROLE, tenant)
            seen.append(count(asker, table))
        assert seen == [1, 0, 0]

    @pytest.mark.parametrize("table", NAMES)
    def test_as_a_the_row_of_b_cannot_be_touched(self, asker: psycopg.Connection, table: str) -> None:
        ask_as(asker, APP_ROLE, A)
        for statement in CHANGES.values():
            with suppress(InsufficientPrivilege), asker.transaction():  # which append-only tables answer
                assert asker.execute(named(statement, table)).rowcount == 0

    @pytest.mark.parametrize("table", NAMES)
    def test_as_a_no_row_can_be_put_on_bs_side(self, asker: psycopg.Connection, table: str) -> None:
        ask_as(asker, APP_ROLE, A)
        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            asker.execute(row_of(TENANT_TABLES[NAMES.index(table)], B))

    @pytest.mark.parametrize("table", NAMES)
    def test_as_b_no_row_can_be_moved_over(self, asker: psycopg.Connection, table: str) -> None:
        ask_as(asker, APP_ROLE, B)
        with pytest.raises(InsufficientPrivilege):
            asker.execute(sql.SQL("UPDATE {} SET tenant_id = {}").format(sql.Identifier(table), A))

    @pytest.mark.parametrize("table", NAMES)
    def test_a_sweep_sees_all_and_changes_nothing(self, asker: psycopg.Connection, table: str) -> None:
        ask_as(asker, SWEEP_ROLE, None)
        assert count(asker, table) == 1
        for statement in (*CHANGES.values(), "TRUNCATE {}", "INSERT INTO {} DEFAULT VALUES"):
            with pytest.raises(InsufficientPrivilege), asker.transaction():
                asker.execute(named(statement, table))

    @pytest.mark.parametrize("table", sorted(APPEND_ONLY))
    @pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
    def test_what_is_only_added_to_is_not_changed_by_the_owner_either(
        self, asker: psycopg.Connection, table: str, statement: str
    ) -> None:
        with pytest.raises(psycopg.errors.RestrictViolation, match="never changed or deleted"):
            asker.execute(named(statement, table))


@pytest.fixture
def owner(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection of the owner of the schema."""
    with psycopg.connect(settings.database_url) as connection:
        yield connection
        connection.rollback()


def test_every_table_with_a_tenant_forces_its_policies(owner: psycopg.Connection) -> None:
    rows = owner.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        " AND relrowsecurity AND relforcerowsecurity"
    ).fetchall()
    assert {row[0] for row in rows} >= {*NAMES, "tenants"}


def test_the_roles_can_neither_sign_in_nor_go_round_the_wall(owner: psycopg.Connection) -> None:
    rows = owner.execute(
        "SELECT rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles WHERE rolname = ANY(%s)",
        [[APP_ROLE, SWEEP_ROLE]],
    ).fetchall()
    assert rows == [(False,), (False,)]


def test_an_id_of_another_tenant_is_not_found(app: Flask, shop: Shop) -> None:
    customer_id = shop.customer()
    with tenant_scope(new_id("ten")), pytest.raises(NotFound):
        get(Customer, customer_id)
    assert get(Customer, customer_id).id == customer_id


class TestScope:
    def test_it_does_not_leak_through_the_pool(self, app: Flask, shop: Shop) -> None:
        """Once its transaction has ended, nothing of it is left on the connection: neither role nor tenant."""
        shop.customer()
        session().commit()
        pool = app.config["SQLALCHEMY_ENGINE_OPTIONS"]["creator"].__self__
        for _ in range(10):
            with pool.connection() as connection:
                connection.rollback()
                found = connection.execute("SELECT current_user, current_setting('app.tenant', true)").fetchone()
                assert found[0] != APP_ROLE
                assert not found[1]

    def test_a_second_transaction_of_the_same_connection_takes_it_too(self, app: Flask, tenant: str) -> None:
        with app.app_context(), db.engine.connect() as connection:
            for scope, seen in ((tenant_scope(tenant), [tenant]), (tenant_scope(new_id("ten")), [])):
                with scope:
                    assert connection.scalars(select(Tenant.id)).all() == seen
                    connection.rollback()

    def test_a_connection_that_has_died_in_the_pool_is_replaced(
        self, in_tenant: str, owner: psycopg.Connection
    ) -> None:
        [pid] = session().execute(text("SELECT pg_backend_pid()")).one()
        session().rollback()
        owner.execute("SELECT pg_terminate_backend(%s)", [pid])
        with transaction():
            assert session().scalars(select(Tenant.id)).all() == [in_tenant]
            assert session().execute(text("SELECT pg_backend_pid()")).one() != (pid,)

    def test_a_role_that_is_not_there_is_named(self, in_tenant: str) -> None:
        with pytest.raises(psycopg.Error, match="nobody_at_all"), _scoped(Scope("nobody_at_all", in_tenant)):
            session().scalars(select(Tenant.id)).all()

    def test_outside_it_there_is_no_tenant_and_nothing_to_see(self, app: Flask, tenant: str) -> None:
        with app.app_context():
            with pytest.raises(ScopeError):
                current_tenant_id()
            assert session().scalars(select(Tenant)).all() == []
            with all_tenants():
                assert [row.id for row in session().scalars(select(Tenant))] == [tenant]
            assert session().scalars(select(Tenant)).all() == []

    def test_it_is_given_back_after_an_error(self, app: Flask, tenant: str) -> None:
        with app.app_context():
            with pytest.raises(ZeroDivisionError), tenant_scope(tenant):
                _ = 1 / 0
            with pytest.raises(ScopeError):
                current_tenant_id()

    @pytest.mark.parametrize("begin", [transaction, all_tenants, lambda: tenant_scope(new_id("ten"))])
    def test_neither_it_nor_a_transaction_begins_inside_a_transaction(self, in_tenant: str, begin: object) -> None:
        with transaction(), pytest.raises(ScopeError):
            begin().__enter__()  # type: ignore[operator]

    def test_a_sweep_cannot_write(self, app: Flask, tenant: str) -> None:
        rename = text("UPDATE tenants SET name = 'x'")
        with app.app_context(), all_tenants(), pytest.raises(ProgrammingError, match="permission denied"):
            session().execute(rename)
