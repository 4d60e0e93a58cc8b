"""`quittance up`, for real: started, looked at, knocked about, stopped, started again on the same data."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

from app.processes import wait_until
from simulators import SIMULATORS
from tests.commands import Up, all_gone, command_line, free_port, quittance

pytestmark = pytest.mark.slow
SIMULATORS_AT = 28100 + os.getpid() % 5000


@pytest.fixture(scope="module")
def up(place: Callable[[], Path]) -> Iterator[Up]:
    """One that runs, with demo data. Whichever test ends it starts it again, the last of them excepted."""
    running = Up(place() / "data", "--simulators", "--simulators-port", str(SIMULATORS_AT))
    yield running
    running.end()


def test_it_greets_with_the_address_the_logins_and_a_key_once_it_is_ready(up: Up) -> None:
    assert up.answers()
    for part in (up.address, "admin@maple.example", "viewer@maple.example", "pay@aurora.example", "qk_test_"):
        assert part in up.greeting


def test_every_simulated_gateway_is_there_and_knows_the_demos_address(up: Up) -> None:
    assert f"Simulated gateways ({', '.join(SIMULATORS)}) at 127.0.0.1:{SIMULATORS_AT}" in up.greeting
    for port in range(SIMULATORS_AT, SIMULATORS_AT + len(SIMULATORS)):
        assert requests.get(f"http://127.0.0.1:{port}/_control/account", timeout=5).json()


def test_another_one_on_the_same_data_says_where_the_first_runs(up: Up) -> None:
    second = quittance("up", "--data-dir", str(up.data_dir), "--port", str(free_port()))
    assert second.returncode == 2
    assert second.stderr == f"quittance: quittance up runs on {up.data_dir} already, at {up.address}.\n"
    assert up.answers()


def test_commands_find_the_servers_of_the_one_that_runs(up: Up) -> None:
    made = quittance("apikey", "create", "--name", "Shop", "--scopes", "read,write", "--data-dir", str(up.data_dir))
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith("qk_test_")
    assert made.stdout.count("\n") == 1


def test_the_doctor_finds_nothing_missing(up: Up) -> None:
    assert wait_until(lambda: quittance("doctor", "--data-dir", str(up.data_dir)).returncode == 0, 30)


@pytest.mark.parametrize(
    "pattern",
    ["app.cli worker", "app.cli scheduler", "app.cli web", "redis-server", "bin/postgres -D", "-m simulators"],
)
def test_whatever_is_killed_is_started_again(up: Up, pattern: str) -> None:
    victim, before = up.child(pattern), up.errors()
    assert victim is not None
    victim.kill()
    assert wait_until(lambda: up.child(pattern) not in (None, victim), 30)
    assert wait_until(up.answers, 30)
    assert "service fell over" in up.errors().removeprefix(before)


def test_a_killed_parent_blocks_nothing_and_the_data_are_there_the_next_time(up: Up) -> None:
    family = up.family()
    up.end(signal.SIGKILL)
    assert up.start() == up.greeting  # the same logins, the same key
    assert all_gone(family)


def test_ctrl_c_ends_everything_and_the_data_stay(up: Up) -> None:
    family = up.family()
    assert up.end(signal.SIGINT) == 0
    assert all_gone(family)
    assert not (up.data_dir / "running.env").exists()
    again = quittance("seed", "--data-dir", str(up.data_dir))
    assert again == (0, "", "")  # it finds the demo, and makes none


def test_a_busy_port_is_one_clear_line(place: Callable[[], Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ear:
        port = ear.getsockname()[1]
        refused = quittance("up", "--data-dir", str(place() / "data"), "--port", str(port))
    assert refused.returncode == 2
    assert refused.stderr == (
        f"quittance: Cannot listen on 127.0.0.1:{port} (Address already in use). "
        "Free it, or choose another with --port.\n"
    )


def test_a_database_that_does_not_answer_is_one_clear_line_and_nothing_stays(place: Callable[[], Path]) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    data_dir = place() / "data"
    refused = quittance("up", "--data-dir", str(data_dir), "--port", str(free_port()), DATABASE_URL=url)
    assert refused.returncode == 2
    assert refused.stderr.startswith("quittance: The database of DATABASE_URL does not answer: ")
    assert refused.stderr.count("\n") == 1
    assert not [p for p in psutil.process_iter() if str(data_dir) in command_line(p)]


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("SECRET_KEY", "short", "SECRET_KEY: Value error, must have at least 32 characters"),
        ("REDIS_URL", "unix:///nowhere/redis.sock", "The Redis of REDIS_URL does not answer"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    place: Callable[[], Path], variable: str, value: str, complaint: str
) -> None:
    words = ("up", "--data-dir", str(place() / "data"), "--port", str(free_port()))
    refused = quittance(*words, **{variable: value})
    assert refused.returncode == 2
    assert complaint in refused.stderr
    assert "Traceback" not in refused.stderr
