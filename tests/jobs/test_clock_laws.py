"""However a clock is moved, the same happens: in one jump, in small steps, and in real time."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.jobs import schedule
from app.queries.due import next_instant
from tests.jobs.lives import Life, begin, go_on, plans_of
from tests.jobs.test_clocks import advance, set_up
from tests.laws import THOROUGH, tried_on_servers
from tests.shop import Shop

DAY = timedelta(days=1)
HALF = 20 * DAY  # then somebody who was declined brings another card, and somebody pauses
MONTHS = 12 if THOROUGH else 2
LONG = MONTHS * 30 * DAY + 5 * DAY  # a year, or long enough for renewals, reminders and the last try of a charge
WEEKS = (40 if THOROUGH else 25) * DAY


def in_real_time(shop: Shop, at: datetime, days: timedelta) -> None:
    """The schedule runs every few days, and whenever something is due."""
    for today in range(0, days.days, 5):
        until = at + (today + 5) * DAY
        while (due := next_instant(until)) and due < until:
            schedule.run_due(due)
        schedule.run_due(until)


@pytest.fixture
def plans(shop: Shop) -> dict[str, str]:
    """What is sold, once for all examples of a law."""
    return plans_of(shop)


def test_a_long_time_in_one_jump_is_the_same_in_small_steps_and_in_real_time(
    shop: Shop, plans: dict[str, str], at: datetime
) -> None:
    jump, steps = set_up(at, "Jump"), set_up(at, "Steps")
    lives = [begin(shop, plans, jump), begin(shop, plans, steps), begin(shop, plans)]
    advance(jump, at + HALF)
    for day in range(0, HALF.days, 4):
        advance(steps, at + (day + 4) * DAY)
    in_real_time(shop, at, HALF)
    for life in lives:
        go_on(life, shop, at + HALF)
    advance(jump, at + LONG)
    for day in range(HALF.days, LONG.days, 23):
        advance(steps, at + min(day + 23, LONG.days) * DAY)
    in_real_time(shop, at + HALF, LONG - HALF)
    jumped, stepped, real = (life.story() for life in lives)
    assert jumped == stepped == real
    assert {invoice[0] for story in jumped.values() for invoice in story["invoices"]} >= {"paid", "open"}
    assert {row[0] for story in jumped.values() for row in story["subscriptions"]} >= {"active", "canceled"}
    assert len(jumped["pays"]["invoices"]) == 1 + MONTHS
    assert len(jumped["uses it"]["credit notes"]) == 1


def stops() -> st.SearchStrategy[list[timedelta]]:
    """Some instants of the first weeks, to the minute."""
    return st.lists(st.integers(0, WEEKS.days * 24 * 60), max_size=6).map(
        lambda minutes: [timedelta(minutes=m) for m in sorted(minutes)]
    )


@tried_on_servers(1)
@given(stops=stops())
def test_where_a_clock_stops_on_its_way_makes_no_difference(
    shop: Shop, plans: dict[str, str], at: datetime, stops: list[timedelta]
) -> None:
    jump, steps = set_up(at, "Jump"), set_up(at, "Steps")
    lives: tuple[Life, Life] = begin(shop, plans, jump), begin(shop, plans, steps)
    advance(jump, at + WEEKS)
    for stop in [*stops, WEEKS]:
        advance(steps, at + stop)
    assert lives[0].story() == lives[1].story()
