"""A database of one's own, as docs/operations.md has it made, whose owner is nobody special."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from app import doctor, schema
from app.config import Settings
from app.embedded import Postgres


@pytest.fixture(scope="module")
def database_url(place: Callable[[], Path]) -> Iterator[str]:
    """A migrated database on a server of its own, since roles belong to the server."""
    server = Postgres(place(), {"fsync": "off"})
    server.start()
    with psycopg.connect(server.url("postgres"), autocommit=True) as superuser:
        superuser.execute("CREATE ROLE quittance LOGIN CREATEROLE PASSWORD 'x'")
        superuser.execute("CREATE DATABASE quittance OWNER quittance")
    url = server.url("quittance").replace("postgres@", "quittance:x@")
    schema.upgrade(url)
    yield url
    server.stop()


@pytest.mark.parametrize("name", ["schema", "roles", "walls between tenants", "encryption keys"])
def test_the_doctor_finds_nothing_wrong(database_url: str, settings: Settings, name: str) -> None:
    findings = doctor.examine(settings.model_copy(update={"database_url": database_url}))
    assert [found for found in findings if found.name == name and not found.ok] == []


def test_whether_anybody_sells_is_seen_through_the_walls(database_url: str) -> None:
    assert not schema.has_tenants(database_url)
    with psycopg.connect(database_url) as owner:
        owner.execute("SET LOCAL ROLE quittance_app")
        owner.execute("SELECT set_config('app.tenant', '018f0000-0000-7000-8000-000000000001', true)")
        owner.execute(
            "INSERT INTO tenants (id, slug, name, legal_name, email, mode, currency, timezone, locale, invoice_prefix)"
            " VALUES ('018f0000-0000-7000-8000-000000000001', 'a', 'A', 'A', 'a@a.example', 'test', 'CAD', 'UTC',"
            " 'en_CA', 'INV-')"
        )
    assert schema.has_tenants(database_url)
