"""docs/gateways.md says what the code says."""

import pytest

from app.gateways.base import Capability
from tests.gateways.overview import CAN, PAGE, TABLES, written


@pytest.mark.parametrize("name", TABLES)
def test_the_page_has_each_table_as_the_code_has_it(name: str) -> None:
    page = PAGE.read_text()
    assert f"<!-- {name} -->\n{TABLES[name]()}<!-- end of {name} -->" in page, "run python -m tests.gateways.overview"


def test_every_capability_has_its_row() -> None:
    assert set(CAN) == set(Capability)


def test_writing_the_page_again_changes_nothing() -> None:
    assert written(PAGE.read_text()) == PAGE.read_text()
