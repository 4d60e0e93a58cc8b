"""The crash test itself, short: the long one is `make crashtest`."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from app.config import Settings
from crashtest.__main__ import told
from crashtest.rounds import CrashTest
from crashtest.town import Town, town
from tests.lent import lab
from tests.shop import empty_bank

KILLS = 8
ACTS = 6  # of each kind
LAST_LINE = rf"{KILLS} kills, \d+ faults, 0 charged twice, 0 lost, 0 unresolved"


@pytest.fixture
def place(app: Flask, settings: Settings) -> Iterator[Town]:
    """A town on the servers of the tests, whose bank has forgotten the charges of other tests."""
    empty_bank(settings)
    with town(lab(app, settings)) as found:
        yield found


def test_processes_are_killed_at_work_and_the_books_agree(place: Town) -> None:
    test = CrashTest(place, KILLS, seed=7, most=ACTS, workers=1)
    *lines, last = told(test, test.run([].append), 0)
    assert re.fullmatch(LAST_LINE, last), lines
    assert {act for _, act, _ in test.steps} >= {"quittance web", "charge"}
