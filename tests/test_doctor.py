"""The doctor names what is missing and what to do about it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from redis import Redis

from app import doctor, heartbeats
from app.config import Settings


def finding(settings: Settings, name: str, **changes: object) -> doctor.Finding:
    """What one check says of these settings with some changed."""
    changed = settings.model_copy(update=changes)
    return next(found for found in doctor.examine(changed) if found.name == name)


@pytest.fixture
def owner(app: Flask, settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection as the owner of the tables, who takes back what a test did to them."""
    with psycopg.connect(settings.database_url) as connection:
        yield connection


def test_on_a_sound_installation_only_those_are_missing_that_do_not_run(app: Flask, settings: Settings) -> None:
    assert {found.name for found in doctor.examine(settings) if not found.ok} <= {"worker", "scheduler", "htmx"}


def test_a_worker_and_a_scheduler_that_do_not_run_are_named_with_the_command(app: Flask, settings: Settings) -> None:
    assert finding(settings, "worker").text == "nobody does jobs: run `quittance up`, or `quittance worker`"
    assert "quittance scheduler" in finding(settings, "scheduler").text
    heartbeats.stamp_scheduler(Redis.from_url(settings.redis_url))
    assert finding(settings, "scheduler").ok


@pytest.mark.parametrize(
    ("name", "changes", "complaint"),
    [
        ("data directory", {"quittance_data_dir": Path("/nowhere")}, "/nowhere is not there"),
        ("database", {"database_url": "postgresql://nobody@127.0.0.1:1/none"}, "connection to server"),
        ("schema", {"database_url": "postgresql://nobody@127.0.0.1:1/none"}, "connection to server"),
        ("redis", {"redis_url": "unix:///nowhere/redis.sock"}, "No such file"),
        ("mail", {"mail_url": "pigeon://coop"}, "MAIL_URL must be file:, smtp://"),
        ("mail", {"mail_url": "smtp://127.0.0.1:1"}, "Connection refused"),
    ],
)
def test_what_does_not_answer_is_named(
    app: Flask, settings: Settings, name: str, changes: dict[str, object], complaint: str
) -> None:
    found = finding(settings, name, **changes)
    assert not found.ok
    assert complaint in found.text
    assert "\n" not in found.text


def test_a_mail_server_that_answers_is_fine(app: Flask, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"smtp://user:secret@127.0.0.1:{server.getsockname()[1]}"
        assert finding(settings, "mail", mail_url=url) == doctor.Finding("mail", True, "127.0.0.1 answers")


def test_an_empty_database_lacks_schema_roles_and_walls(app: Flask, settings: Settings) -> None:
    empty = settings.database_url.replace("/worker_", "/empty_")
    with psycopg.connect(settings.database_url, autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {psycopg.conninfo.conninfo_to_dict(empty)['dbname']}")  # type: ignore[arg-type]
    schema = finding(settings, "schema", database_url=empty)
    assert (schema.ok, schema.text.startswith("it is at nothing, this version needs ")) == (False, True)
    assert finding(settings, "walls between tenants", database_url=empty).text.endswith("not forced on any table")


def test_a_table_without_a_wall_is_named(app: Flask, settings: Settings, owner: psycopg.Connection) -> None:
    owner.execute("CREATE TABLE leaks (tenant_id uuid)")
    owner.commit()
    try:
        found = finding(settings, "walls between tenants")
        assert found == doctor.Finding("walls between tenants", False, "row level security is not forced on leaks")
    finally:
        owner.execute("DROP TABLE leaks")


def test_a_role_that_could_pass_the_walls_is_named(settings: Settings, owner: psycopg.Connection) -> None:
    """Roles belong to the server, which other tests use: the change is never committed."""
    owner.execute("ALTER ROLE quittance_app BYPASSRLS")
    with pytest.raises(doctor.Missing, match="quittance_app could pass the walls"):
        doctor.require_roles(owner)
    owner.rollback()
    doctor.require_roles(owner)


def test_a_lost_encryption_key_is_named(app: Flask, settings: Settings, tenant: str, owner: psycopg.Connection) -> None:
    owner.execute(
        "INSERT INTO gateway_accounts (id, tenant_id, name, gateway, mode, credentials, key_id, webhook_key)"
        " SELECT gen_random_uuid(), id, 'Old', 'sandbox', 'test', '', 'k0', 'w0' FROM tenants"
    )
    owner.commit()
    assert finding(settings, "encryption keys").text == (
        "ENCRYPTION_KEYS lacks k0, which gateway credentials are sealed with"
    )
