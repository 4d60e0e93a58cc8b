"""What must be true before anything starts, and the one line for each thing that is not."""

import socket

import pytest

from app.startup import CannotStart, require_database, require_free_port, require_redis, require_version
from tests.commands import free_port


@pytest.mark.parametrize("server_version", [150000, 150004, 160001, 180004, 200000])
def test_fifteen_and_newer_are_new_enough(server_version: int) -> None:
    require_version(server_version)


@pytest.mark.parametrize(
    ("server_version", "said"),
    [(140012, "14.12"), (130000, "13.0"), (120022, "12.22"), (100001, "10.1")],
)
def test_an_older_postgresql_is_refused_by_name(server_version: int, said: str) -> None:
    with pytest.raises(CannotStart) as refused:
        require_version(server_version)
    assert str(refused.value) == f"The database is PostgreSQL {said}; version 15 or newer is needed."
    assert refused.value.code == "database_too_old"


def test_a_free_port_is_fine_also_for_the_address_that_means_all() -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        require_free_port(host, free_port())


@pytest.mark.parametrize(
    ("host", "reason"), [("127.0.0.1", "Address already in use"), ("203.0.113.7", "Cannot assign")]
)
def test_a_port_that_cannot_be_had_is_refused_with_the_reason(host: str, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ear, pytest.raises(CannotStart, match=reason) as refused:
        require_free_port(host, ear.getsockname()[1])
    assert refused.value.code == "port_unavailable"


def test_a_host_that_is_no_address_is_refused() -> None:
    with pytest.raises(CannotStart, match=r"no\.such\.host\.invalid"):
        require_free_port("no.such.host.invalid", free_port())


@pytest.mark.parametrize(
    "url", ["postgresql://nobody@127.0.0.1:{port}/none", "postgresql://[", "postgresql:///x?host=/nowhere"]
)
def test_a_database_that_does_not_answer_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(CannotStart) as refused:
        require_database(url.format(port=free_port()))
    assert str(refused.value).startswith("The database of DATABASE_URL does not answer: ")
    assert "\n" not in str(refused.value)
    assert refused.value.code == "database_unreachable"


@pytest.mark.parametrize("url", ["redis://127.0.0.1:{port}/0", "unix:///nowhere/redis.sock", "nonsense"])
def test_a_redis_that_does_not_answer_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(CannotStart) as refused:
        require_redis(url.format(port=free_port()))
    assert str(refused.value).startswith("The Redis of REDIS_URL does not answer: ")
    assert refused.value.code == "redis_unreachable"
