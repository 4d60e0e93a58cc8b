"""The crash test itself, short: the long one is `make crashtest`."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from app.config import Settings
from app.gateways import REGISTRY
from app.gateways.base import VERBS, Capability
from crashtest.__main__ import told
from crashtest.operations import OPERATIONS, operations_of
from crashtest.rounds import CrashTest
from crashtest.town import Town, town
from simulators import SIMULATORS
from tests.lent import lab
from tests.shop import empty_bank

# These ask and tell, or belong to an operation that another capability stands for.
SHOWS_ONLY = {
    Capability.RESUME,
    Capability.VOID,
    Capability.LIST_TRANSACTIONS,
    Capability.DISPUTES,
    Capability.SETUP,
    Capability.FORM,
    Capability.METHOD_UPDATES,
    Capability.CHOICES,
    Capability.WATCH,
}
KILLS = 8
ACTS = 6  # of each kind
LAST_LINE = rf"{KILLS} kills, \d+ faults, 0 charged twice, 0 lost, 0 unresolved"


@pytest.fixture
def place(app: Flask, settings: Settings) -> Iterator[Town]:
    """A town on the servers of the tests, whose bank has forgotten the charges of other tests."""
    empty_bank(settings)
    with town(lab(app, settings)) as found:
        yield found


def test_whatever_moves_money_at_a_gateway_is_an_operation() -> None:
    assert {*SIMULATORS, "sandbox"} == set(REGISTRY)
    moves_money = {*VERBS, Capability.HOSTED} - SHOWS_ONLY
    assert moves_money == set(OPERATIONS)
    assert {name: sorted(operations_of(name)) for name in ("adyen", "jenga", "web3")} == {
        "adyen": ["capture", "charge", "come_back", "give_up", "refund", "reserve", "show", "take", "void"],
        "jenga": ["come_back", "give_up", "show", "take"],
        "web3": ["come_back", "give_up", "refund", "show", "tell_payout"],
    }


def test_processes_are_killed_at_work_and_the_books_agree(place: Town) -> None:
    test = CrashTest(place, KILLS, seed=7, most=ACTS, workers=1)
    *lines, last = told(test, test.run([].append), 0)
    assert re.fullmatch(LAST_LINE, last), lines
    assert {act for _, act, _ in test.steps} >= {"quittance web", "charge"}
