"""The lock files pin everything the project asks for, by hash, and name no place to get it from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-dev.lock": PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"],
}


def pinned(name: str) -> dict[str, str]:
    """Versions by package."""
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_the_project_asks_for_is_pinned_at_a_version_that_fits(lock: str) -> None:
    versions = pinned(lock)
    for wanted in map(Requirement, LOCKS[lock]):
        assert wanted.specifier.contains(versions[canonicalize_name(wanted.name)]), f"{wanted}: run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    pins = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_and_no_path_of_a_machine_is_in_it(lock: str) -> None:
    assert re.findall(r"https?://|file:|--index|--find-links|(?<![\w.-])/\w+", (ROOT / lock).read_text()) == []


def test_tests_run_on_the_versions_that_are_installed_for_use() -> None:
    use, test = (pinned(lock) for lock in LOCKS)
    assert use.items() <= test.items()
