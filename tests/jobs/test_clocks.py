"""Test clocks: real time leaves their customers alone, and they live through all that falls due when they are moved."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.db import current_tenant_id, session, transaction
from app.domain.errors import BillingError
from app.jobs import clocks, schedule, sweeps
from app.models import Customer, Tenant, TestClock
from app.services import test_clocks
from tests.shop import Shop, assert_books_agree, fresh, invoices_of, mails, status

DAY = timedelta(days=1)


def set_up(at: datetime, name: str = "Winter") -> str:
    with transaction():
        return test_clocks.create(name, at, at).id


def advance(clock_id: str, to: datetime) -> TestClock:
    """Move a clock as a worker does."""
    with transaction():
        test_clocks.advance(clock_id, to, to)
    clocks.move(clock_id, 60)
    return fresh(TestClock, clock_id)


@pytest.fixture
def clock(shop: Shop, at: datetime) -> str:
    """A clock that shows the January of the tests."""
    return set_up(at)


class TestRealTime:
    """What the schedule does must not reach customers on a clock."""

    def test_passes_by_whoever_is_on_a_clock(self, shop: Shop, at: datetime, clock: str) -> None:
        theirs = shop.sell(shop.buyer(test_clock_id=clock))
        ours = shop.sell(shop.buyer(external_id="real"))
        schedule.run_due(at + 40 * DAY)
        assert [i.status for i in invoices_of(ours)] == ["paid", "paid"]
        assert [i.issued_at for i in invoices_of(theirs)] == [at]

    def test_what_is_due_at_their_present_is_done_there(self, shop: Shop, at: datetime, clock: str) -> None:
        """Nobody has to move a clock to see a sale paid and a receipt sent."""
        theirs = shop.sell(shop.buyer(test_clock_id=clock))
        schedule.run_due(at + 400 * DAY)
        (invoice,) = invoices_of(theirs)
        assert (invoice.status, invoice.paid_at) == ("paid", at)
        assert [mail.sent_at for mail in mails("receipt")] == [at]

    def test_does_not_touch_them_while_their_clock_is_moved(self, shop: Shop, at: datetime, clock: str) -> None:
        theirs = shop.sell(shop.buyer(test_clock_id=clock))
        with transaction():
            test_clocks.advance(clock, at + DAY, at)
        schedule.run_due(at)
        assert invoices_of(theirs)[0].status == "open"


def test_a_month_brings_the_renewal_at_its_own_instant(shop: Shop, at: datetime, clock: str) -> None:
    subscription = shop.sell(shop.buyer(test_clock_id=clock))
    moved = advance(clock, at + 40 * DAY)
    assert (moved.status, moved.now_at) == ("ready", at + 40 * DAY)
    february = datetime(2026, 2, 15, 12, tzinfo=UTC)
    assert [(i.status, i.issued_at, i.paid_at) for i in invoices_of(subscription)] == [
        ("paid", at, at),
        ("paid", february, february),
    ]
    assert status(subscription) == "active"
    assert_books_agree(shop.bank)


def test_other_clocks_and_real_customers_stand_still_meanwhile(shop: Shop, at: datetime, clock: str) -> None:
    other = shop.sell(shop.buyer(test_clock_id=set_up(at, "Other")))
    real = shop.sell(shop.buyer())
    advance(clock, at + 100 * DAY)
    assert [i.status for one in (other, real) for i in invoices_of(one)] == ["open", "open"]


REFUSED = [
    (-1, "clock_backwards"),
    (2000, "clock_too_far"),
]


@pytest.mark.parametrize(("days", "code"), REFUSED)
def test_a_clock_goes_forwards_and_not_too_far(shop: Shop, at: datetime, clock: str, days: int, code: str) -> None:
    with pytest.raises(BillingError) as refused, transaction():
        test_clocks.advance(clock, at + days * DAY, at)
    assert refused.value.code == code
    assert fresh(TestClock, clock).now_at == at


def test_there_are_no_clocks_in_live_mode(shop: Shop, at: datetime, clock: str) -> None:
    with transaction():
        session().get_one(Tenant, current_tenant_id()).mode = "live"
    for refused in (
        lambda: test_clocks.create("Spring", at, at),
        lambda: test_clocks.advance(clock, at + DAY, at),
        lambda: shop.customer(test_clock_id=clock),
    ):
        with pytest.raises(BillingError, match="test mode only"):
            refused()


def test_one_that_is_advancing_is_left_to_arrive(shop: Shop, at: datetime, clock: str) -> None:
    with transaction():
        test_clocks.advance(clock, at + DAY, at)
    for refused in (lambda: test_clocks.advance(clock, at + 2 * DAY, at), lambda: test_clocks.delete(clock, at)):
        with pytest.raises(BillingError, match="advancing"), transaction():
            refused()
    assert sweeps.relay(at) > 0
    assert clocks.advance_all() == 1
    assert fresh(TestClock, clock).status == "ready"


def test_one_that_was_deleted_takes_nobody_and_goes_nowhere(shop: Shop, at: datetime, clock: str) -> None:
    theirs = shop.buyer(test_clock_id=clock)
    with transaction():
        test_clocks.delete(clock, at)
    with pytest.raises(BillingError, match="deleted"):
        shop.customer(test_clock_id=clock)
    with pytest.raises(BillingError, match="deleted"):
        advance(clock, at + DAY)
    assert fresh(Customer, theirs).test_clock_id == clock


def test_a_worker_that_died_on_the_way_is_followed_by_another(shop: Shop, at: datetime, clock: str) -> None:
    """Where the clock stands, and how far it is to go, is in its row. The dead worker's lease must run out."""
    subscription = shop.sell(shop.buyer(test_clock_id=clock))
    with transaction():
        test_clocks.advance(clock, at + 100 * DAY, at)
    held = test_clocks.hold(clock)
    assert held
    assert test_clocks.step(held, schedule.run_due)
    assert clocks.advance_all() == 0
    with transaction():
        session().execute(text("UPDATE test_clocks SET leased_until = now() - interval '1 second'"))
    assert clocks.advance_all() == 1
    assert fresh(TestClock, clock).status == "ready"
    assert [invoice.status for invoice in invoices_of(subscription)] == ["paid"] * 4
    assert not test_clocks.step(held, lambda _at: None)  # the dead one, should it come back, moves nothing
    assert_books_agree(shop.bank)


def test_of_two_workers_one_moves_the_clock(shop: Shop, at: datetime, clock: str) -> None:
    with transaction():
        test_clocks.advance(clock, at + DAY, at)
    assert test_clocks.hold(clock)
    assert test_clocks.hold(clock) is None
