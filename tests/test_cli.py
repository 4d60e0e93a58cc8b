"""The other commands, as processes: on servers of their own meanwhile, and on those that variables name."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from app.config import Settings
from tests.commands import Running, command_line, free_port, quittance, quittance_variables

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data_dir(place: Callable[[], Path]) -> Path:
    """A data directory on which nothing runs, migrated and with the demo in it."""
    path = place() / "data"
    for words in (("migrate",), ("seed",)):
        done = quittance(*words, "--data-dir", str(path))
        assert done.returncode == 0, done.stderr
    return path


def test_commands_start_servers_for_themselves_and_end_them(data_dir: Path) -> None:
    made = quittance("apikey", "create", "--name", "Shop", QUITTANCE_DATA_DIR=str(data_dir))
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith("qk_test_")
    assert made.stdout.count("\n") == 1
    assert not [process for process in psutil.process_iter() if str(data_dir) in command_line(process)]


def test_two_commands_at_once_wait_for_each_other(data_dir: Path) -> None:
    both = [Running("migrate", "--data-dir", str(data_dir)) for _ in range(2)]
    assert [command.wait().returncode for command in both] == [0, 0]


def test_seeding_again_makes_nothing(data_dir: Path) -> None:
    again = quittance("seed", "--data-dir", str(data_dir))
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_renew_does_what_is_due_at_an_instant_and_nothing_twice(data_dir: Path) -> None:
    next_month = (datetime.now(UTC) + timedelta(days=32)).isoformat()
    words = ("renew", "--at", next_month, "--data-dir", str(data_dir))
    first, second = quittance(*words), quittance(*words)
    assert (first.returncode, second.returncode) == (0, 0)
    assert int(first.stdout.split()[0]) > 0
    assert second.stdout == "0 things done.\n"


def test_reconcile_compares_with_the_gateways_list_and_finds_the_same_twice(data_dir: Path) -> None:
    first, second = [quittance("reconcile", "--data-dir", str(data_dir)) for _ in range(2)]
    assert (first.returncode, first.stdout) == (0, second.stdout)
    assert re.search(r"^.*: [1-9]\d* listed, 0 differed, 0 left\.$", first.stdout, re.M), first.stdout


def test_the_doctor_names_what_does_not_run_and_fails(data_dir: Path) -> None:
    examined = quittance("doctor", "--data-dir", str(data_dir))
    assert examined.returncode == 1
    assert "MISSING  worker: nobody does jobs" in examined.stdout
    assert "ok       database: PostgreSQL 18" in examined.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("apikey", "create", "--name", "x", "--scopes", "everything"), "Scopes are read, write, admin"),
        (("apikey", "create", "--name", " "), "Give the key a name."),
        (("apikey", "create", "--name", "x", "--tenant", "nobody"), "There is no tenant nobody."),
        (("reconcile", "--account", "nobody"), "There is no gateway account nobody."),
        (("reconcile", "--from", "yesterday"), "“yesterday” is not an instant"),
        (("renew", "--at", "tomorrow"), "“tomorrow” is not an instant such as 2026-02-01T00:00:00Z"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_and_nothing_is_printed(
    tenant: str, settings: Settings, words: tuple[str, ...], complaint: str
) -> None:
    refused = quittance(*words, **quittance_variables(settings))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert complaint in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_database_that_nobody_migrated_is_refused_with_the_command_to_run(place: Callable[[], Path]) -> None:
    refused = quittance("seed", "--data-dir", str(place() / "new"))
    assert refused.returncode == 2
    assert refused.stderr == ("quittance: The schema of the database is not up to date: run `quittance migrate`.\n")


def test_variables_lead_to_other_servers_and_their_secrets_are_not_made_up(
    settings: Settings, place: Callable[[], Path]
) -> None:
    variables, data_dir = quittance_variables(settings), place() / "data"
    assert quittance("migrate", "--data-dir", str(data_dir), **variables).returncode == 0
    del variables["ENCRYPTION_KEYS"]
    refused = quittance("migrate", "--data-dir", str(data_dir), **variables)
    assert refused.returncode == 2
    assert "ENCRYPTION_KEYS: Field required" in refused.stderr
    assert not (data_dir / "secrets.env").exists()


def test_the_doctor_names_a_database_that_does_not_answer(place: Callable[[], Path]) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    examined = quittance("doctor", "--data-dir", str(place() / "data"), DATABASE_URL=url)
    assert examined.returncode == 1
    assert "ENCRYPTION_KEYS: Field required" in examined.stdout
