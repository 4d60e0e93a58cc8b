"""Periodic work is rung for in time, by a table that names jobs which exist."""

import pytest
from rq.utils import import_attribute

from app.jobs.schedule import PERIODIC, Periodic
from app.jobs.scheduler import Scheduler

OFTEN, SELDOM = Periodic("often", 5, "tests.jobs.seen.look"), Periodic("seldom", 60, "tests.jobs.seen.fail")


def test_everything_is_due_at_the_start_and_then_each_in_its_own_time() -> None:
    scheduler = Scheduler((OFTEN, SELDOM))
    rung = {now: [row.name for row in scheduler.due(now)] for now in (100.0, 104.9, 105.0, 109.9, 110.0, 160.0)}
    assert rung == {
        100.0: ["often", "seldom"],
        104.9: [],
        105.0: ["often"],
        109.9: [],
        110.0: ["often"],
        160.0: ["often", "seldom"],
    }


def test_what_was_missed_while_it_slept_is_rung_once() -> None:
    scheduler = Scheduler((OFTEN,))
    scheduler.due(100.0)
    assert scheduler.due(1000.0) == [OFTEN]
    assert scheduler.due(1000.0) == []


@pytest.mark.parametrize(("now", "pause"), [(100.0, 5.0), (103.0, 2.0), (105.0, 0.0), (200.0, 0.0)])
def test_it_sleeps_until_something_is_due(now: float, pause: float) -> None:
    scheduler = Scheduler((OFTEN, SELDOM))
    scheduler.due(100.0)
    assert scheduler.pause(now) == pause


@pytest.mark.parametrize("row", PERIODIC, ids=lambda row: row.name)
def test_every_row_names_a_job_that_exists(row: Periodic) -> None:
    assert callable(import_attribute(row.job))
    assert row.every_seconds > 0


def test_no_two_rows_have_the_same_name() -> None:
    assert len({row.name for row in PERIODIC}) == len(PERIODIC)
