"""The crash test itself, short: the long one is `make crashtest`."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from app.config import Settings
from bench.lab import Lab
from crashtest.__main__ import told
from crashtest.rounds import CrashTest
from crashtest.town import Town, town

KILLS = 8
ACTS = 6  # of each kind
LAST_LINE = rf"{KILLS} kills, \d+ faults, 0 charged twice, 0 lost, 0 unresolved"


@pytest.fixture
def place(app: Flask, settings: Settings) -> Iterator[Town]:
    """A town on the servers of the tests."""
    variables = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "QUITTANCE_DATA_DIR": str(settings.quittance_data_dir),
        "API_WRITE_LIMIT": "1000/hour",
    }
    with town(Lab(variables, app)) as found:
        yield found


def test_processes_are_killed_at_work_and_the_books_agree(place: Town) -> None:
    test = CrashTest(place, KILLS, seed=7, most=ACTS, workers=1)
    *lines, last = told(test, test.run([].append), 0)
    assert re.fullmatch(LAST_LINE, last), lines
    assert {act for _, act, _ in test.steps} >= {"quittance web", "collect"}
