"""Workers that are killed, as by `kill -9`, while they move a clock: whoever goes on brings the same about."""

import signal
from datetime import datetime, timedelta

from sqlalchemy import text

from app.config import Settings
from app.db import current_tenant_id, session, transaction
from app.jobs import clocks
from app.models import TestClock
from app.services import test_clocks
from tests.jobs.lives import begin, plans_of
from tests.jobs.test_clocks import advance, set_up
from tests.services.dying import jump, killed_while
from tests.shop import Shop, assert_books_agree, fresh, let_check_fall_due

DAYS = timedelta(days=9)
# One worker after the other: early and late in its turn, before and after what it did is kept and the bank has booked.
STEPS = (
    "before the record is committed",
    "after the bank has booked",
    "before the bank has booked",
    "after the write 45 is committed",
    "before the write 90 is committed",
)


def let_leases_run_out() -> None:
    """Let the database's clock pass what dead workers have leased."""
    let_check_fall_due()
    with transaction():
        for table in ("test_clocks", "tasks", "mails"):
            session().execute(text(f"UPDATE {table} SET leased_until = NULL"))


def test_a_jump_whose_workers_are_killed_is_the_same_as_one_without(
    shop: Shop, at: datetime, settings: Settings
) -> None:
    """Each is killed where the one before it left off, and nobody is charged twice, reminded late or billed anew."""
    plans = plans_of(shop)
    killed, whole = set_up(at, "Killed"), set_up(at, "Whole")
    lives = [begin(shop, plans, killed), begin(shop, plans, whole)]
    advance(whole, at + DAYS)
    with transaction():
        test_clocks.advance(killed, at + DAYS, at)
    stood = []
    for step in STEPS:
        assert killed_while(settings, current_tenant_id(), step, jump, killed, 60) == signal.SIGKILL
        stood.append(fresh(TestClock, killed).now_at)
        let_leases_run_out()
    assert clocks.advance_all() == 1
    assert fresh(TestClock, killed).status == "ready"
    assert at <= stood[0] < stood[-1] < at + DAYS, "they were killed on the way"
    assert lives[0].story() == lives[1].story()
    assert_books_agree(shop.bank)
