"""What happens across a jump of a clock, when two jump at once, and when something is broken."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.db import current_tenant_id, session, transaction
from app.domain.errors import Conflict
from app.jobs import clocks, schedule
from app.models import Subscription, TestClock
from app.services import access, charging, renewals, test_clocks
from app.services.tenant_settings import change_settings
from tests.jobs.test_clocks import DAY, advance, set_up
from tests.shop import Shop, assert_books_agree, fresh, invoices_of, payments_of, status
from tests.together import refusals, together

HOUR = timedelta(hours=1)


@pytest.fixture
def clock(shop: Shop, at: datetime) -> str:
    """A clock that shows the January of the tests."""
    return set_up(at)


def start(clock_id: str, to: datetime) -> Callable[[], None]:
    """What a request does that advances a clock."""

    def request() -> None:
        with transaction():
            test_clocks.advance(clock_id, to, to)

    return request


class TestTwoAtOnce:
    def test_one_of_two_requests_is_refused(self, app: Flask, shop: Shop, at: datetime, clock: str) -> None:
        results = together(app, current_tenant_id(), *[start(clock, at + days * DAY) for days in (40, 70)])
        assert refusals(results) == ["clock_advancing"]
        clocks.move(clock, 60)
        assert fresh(TestClock, clock).now_at in (at + 40 * DAY, at + 70 * DAY)

    def test_two_workers_and_a_command_move_it_once(self, app: Flask, shop: Shop, at: datetime, clock: str) -> None:
        sold = shop.sell(shop.buyer(test_clock_id=clock))
        start(clock, at + 70 * DAY)()
        movers = [lambda: clocks.move(clock, 60), lambda: clocks.move(clock, 60), lambda: clocks.arrive(clock).status]
        assert refusals(together(app, current_tenant_id(), *movers)) == []
        assert fresh(TestClock, clock).status == "ready"
        assert [invoice.status for invoice in invoices_of(sold)] == ["paid"] * 3
        assert_books_agree(shop.bank)


class TestBroken:
    def broken(self, at: datetime, *, batch: int = 0) -> int:
        raise OperationalError("", {}, Exception("the disk is full"))

    def test_what_cannot_be_done_stops_the_clock_there_and_it_goes_on_when_it_can(
        self, shop: Shop, at: datetime, clock: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sold = shop.sell(shop.buyer(test_clock_id=clock))
        due = fresh(Subscription, sold).current_period_end
        with monkeypatch.context() as patch:
            patch.setattr(renewals, "renew_due", self.broken)
            patch.setattr(clocks, "PATIENCE_SECONDS", 0)
            assert advance(clock, at + 70 * DAY).status == "advancing"
            with transaction():
                session().execute(text("UPDATE test_clocks SET moved_at = now() - interval '16 minutes'"))
            with pytest.raises(Conflict, match="was due at 2026-02-15 12:00:00 UTC could not be done") as refused:
                clocks.arrive(clock)
            assert refused.value.code == "clock_failed"
        assert (fresh(TestClock, clock).status, fresh(TestClock, clock).now_at) == ("failed", due)
        assert clocks.advance_all() == 0
        moved = advance(clock, at + 70 * DAY)
        assert (moved.status, moved.failure) == ("ready", None)
        assert [invoice.status for invoice in invoices_of(sold)] == ["paid"] * 3


class TestAcross:
    """In one jump, each at the instant at which it falls due."""

    def test_a_payment_that_takes_its_time_is_asked_about(self, shop: Shop, at: datetime, clock: str) -> None:
        sold = shop.sell(shop.buyer("tok_delayed", test_clock_id=clock))
        schedule.run_due(at)
        [payment] = payments_of(invoices_of(sold)[0].id)
        assert (payment.status, status(sold)) == ("pending", "incomplete")
        shop.bank.settle(payment.gateway_ref or "")
        advance(clock, at + 20 * DAY)
        [invoice] = invoices_of(sold)
        assert (invoice.status, status(sold)) == ("paid", "active")
        assert invoice.paid_at
        assert at < invoice.paid_at < at + 3 * DAY

    def test_a_draft_is_finalised_when_its_grace_is_over(self, shop: Shop, at: datetime, clock: str) -> None:
        with transaction():
            change_settings({"grace_hours": 36}, at)
        sold = shop.sell(shop.buyer(test_clock_id=clock))
        advance(clock, at + 40 * DAY)
        renewed = invoices_of(sold)[1]
        assert renewed.period_start
        assert (renewed.status, renewed.issued_at) == ("paid", renewed.period_start + 36 * HOUR)

    @pytest.mark.parametrize(
        ("token", "ended", "days", "owes"),
        [("tok_soft_decline", "canceled", 7, "open"), (None, "expired", 3, "void"), ("tok_auth", "expired", 3, "void")],
        ids=["declined again and again", "no method", "the bank's page left alone"],
    )
    def test_a_first_payment_that_never_comes_ends_it(
        self, shop: Shop, at: datetime, clock: str, token: str | None, ended: str, days: int, owes: str
    ) -> None:
        """What a card is refused ends with the last retry, after 7 days; who never comes to pay expires after 72 hours,
        and owes nothing."""
        theirs = shop.buyer(token, test_clock_id=clock)
        sold = shop.sell(theirs)
        if token == "tok_auth":
            assert charging.collect(invoices_of(sold)[0].id, at, off_session=False).status == "requires_action"
        advance(clock, at + 40 * DAY)
        row, [invoice] = fresh(Subscription, sold), invoices_of(sold)
        assert (row.status, row.ended_at, invoice.status) == (ended, at + days * DAY, owes)
        assert "sending" not in [payment.status for payment in payments_of(invoice.id)]
        assert access.of(theirs, at)["reason"] == ended
        assert_books_agree(shop.bank)

    def test_who_comes_before_it_expires_has_begun(self, shop: Shop, at: datetime, clock: str) -> None:
        theirs = shop.buyer(None, test_clock_id=clock)
        sold = shop.sell(theirs)
        advance(clock, at + 2 * DAY)
        assert (status(sold), access.of(theirs, at)["reason"]) == ("incomplete", "first_payment_missing")
        shop.method(theirs, "tok_ok", at + 2 * DAY)
        advance(clock, at + 40 * DAY)
        assert status(sold) == "active"
        assert [invoice.status for invoice in invoices_of(sold)] == ["paid", "paid"]

    def test_access_is_told_by_the_clock(self, shop: Shop, at: datetime, clock: str) -> None:
        """Their card is declined in February: a week of grace, reminders, the end after 1, 3, 5 and 7 days of tries."""
        theirs = shop.buyer(test_clock_id=clock)
        sold = shop.sell(theirs)
        advance(clock, at + DAY)
        shop.method(theirs, "tok_soft_decline", at + DAY)
        with transaction():
            change_settings({"final_action": "keep_past_due"}, at)
        due = fresh(Subscription, sold).current_period_end
        told = []
        for moment in (due - HOUR, due + 6 * DAY, due + 8 * DAY):
            advance(clock, moment)
            answer = access.of(theirs, at)  # whatever the wall clock says
            told.append((answer["access"], answer["reason"], answer["valid_until"]))
        assert told == [
            ("active", "paid", due.isoformat()),
            ("active", "grace", (due + 7 * DAY).isoformat()),
            ("blocked", "past_due", None),
        ]
        assert {invoice.status for invoice in invoices_of(sold)} == {"paid", "open"}
