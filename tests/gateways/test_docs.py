"""docs/gateways.md says what the code says."""

from pathlib import Path

import pytest

from app.gateways.base import Capability
from tests.gateways.overview import CAN, PAGE, README, TABLES, capabilities, written


@pytest.mark.parametrize("name", TABLES)
def test_the_page_has_each_table_as_the_code_has_it(name: str) -> None:
    page = PAGE.read_text()
    assert f"<!-- {name} -->\n{TABLES[name]()}<!-- end of {name} -->" in page, "run python -m tests.gateways.overview"


def test_the_readme_says_what_each_gateway_can_do() -> None:
    assert f"<!-- capabilities -->\n{capabilities()}" in README.read_text(), "run python -m tests.gateways.overview"


def test_every_capability_has_its_row() -> None:
    assert set(CAN) == set(Capability)


@pytest.mark.parametrize("file", [PAGE, README])
def test_writing_the_page_again_changes_nothing(file: Path) -> None:
    assert written(file.read_text()) == file.read_text()
