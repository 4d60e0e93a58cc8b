"""Turning the period: each period is billed once, whenever and however often and by however many it is done."""

from datetime import UTC, datetime, timedelta
from threading import Event as Signal

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from app.db import current_tenant_id, session, transaction
from app.domain.errors import BillingError
from app.domain.money import Money
from app.domain.terms import ProrationMode
from app.models import Event, Invoice, Subscription
from app.services import (
    balances,
    coupons,
    customers,
    due_payments,
    invoice_items,
    parking,
    renewals,
    subscription_changes,
    subscriptions,
)
from app.services.one_off import OneOff
from app.services.subscription_changes import Wanted
from app.services.tenant_settings import change_settings
from tests.laws import tried_on_servers
from tests.services.metered import event, meter, metered_plan, record
from tests.shop import ONTARIO, Shop, assert_books_agree, assert_books_balance, fresh, invoices_of, status
from tests.together import SOON_SECONDS, refusals, together

YEAR = [datetime(2026, month, 15, 12, 0, tzinfo=UTC) for month in range(1, 13)]
# Toronto's summer time: noon UTC in January is 7:00 there, and 7:00 in summer is 11:00 UTC.
PERIODS = [start - timedelta(hours=1) if 4 <= start.month <= 10 or start.month == 3 else start for start in YEAR]
APRIL = datetime(2026, 4, 20, tzinfo=UTC)
NEXT_YEAR = datetime(2027, 1, 14, tzinfo=UTC)
DAY = timedelta(days=1)


def periods(subscription_id: str) -> list[datetime | None]:
    return [invoice.period_start for invoice in invoices_of(subscription_id)]


def test_a_month_later_the_next_period_is_billed(shop: Shop, at: datetime) -> None:
    subscription_id = shop.sell(shop.buyer())
    due_payments.collect_due(at)
    assert renewals.renew_due(PERIODS[1] - timedelta(seconds=1)) == 0
    assert renewals.renew_due(PERIODS[1]) == 1
    due_payments.collect_due(PERIODS[1])
    subscription = fresh(Subscription, subscription_id)
    assert (subscription.current_period_start, subscription.current_period_end) == (PERIODS[1], PERIODS[2])
    assert [(i.period_start, i.period_end, i.status) for i in invoices_of(subscription_id)] == [
        (PERIODS[0], PERIODS[1], "paid"),
        (PERIODS[1], PERIODS[2], "paid"),
    ]
    assert_books_agree(shop.bank)


def test_a_year_of_renewals_bills_twelve_periods_without_a_gap(shop: Shop, at: datetime) -> None:
    subscription_id = shop.sell(shop.buyer())
    moment = at
    while moment < NEXT_YEAR:
        renewals.renew_due(moment)
        due_payments.collect_due(moment)
        moment += 7 * DAY
    made = invoices_of(subscription_id)
    assert periods(subscription_id) == PERIODS
    assert [invoice.period_end for invoice in made[:-1]] == PERIODS[1:]
    assert sum(invoice.total_minor for invoice in made) == 12 * 22_60
    assert [invoice.number for invoice in made] == [f"INV-{n:06d}" for n in range(1, 13)]
    assert_books_agree(shop.bank)


def test_an_outage_of_three_months_leaves_one_invoice_for_each_period(shop: Shop) -> None:
    subscription_id = shop.sell(shop.buyer())
    due_payments.collect_due(shop.at)
    assert renewals.renew_due(APRIL) == 3
    assert periods(subscription_id) == PERIODS[:4]
    assert renewals.renew_due(APRIL) == 0


@tried_on_servers(12)
@given(moments=st.lists(st.datetimes(datetime(2026, 1, 15), datetime(2026, 7, 1), timezones=st.just(UTC)), max_size=6))
def test_any_number_of_runs_at_any_instants_give_the_same_invoices(shop: Shop, moments: list[datetime]) -> None:
    subscription_id = shop.sell(shop.customer(), collection="manual")
    for moment in [*moments, datetime(2026, 7, 1, tzinfo=UTC)]:
        renewals.renew_due(moment)
    assert [(i.period_start, i.total_minor) for i in invoices_of(subscription_id)] == [
        (start, 22_60) for start in PERIODS[:6]
    ]


def test_four_workers_at_once_bill_each_period_once(app: Flask, shop: Shop, at: datetime) -> None:
    plan = shop.plan()
    sold = [shop.sell(shop.customer(), plan, collection="manual") for _ in range(8)]
    runs = [lambda: renewals.renew_due(APRIL, batch=3)] * 4
    turned = together(app, current_tenant_id(), *runs)
    assert refusals(turned) == []
    assert sum(n for n in turned if isinstance(n, int)) == 8 * 3
    for subscription_id in sold:
        assert periods(subscription_id) == PERIODS[:4]
    numbers = session().scalars(select(Invoice.number).order_by(Invoice.number)).all()
    assert numbers == [f"INV-{n:06d}" for n in range(1, 8 * 4 + 1)]
    assert_books_balance()


def test_what_one_worker_holds_another_passes_by_without_waiting(app: Flask, shop: Shop) -> None:
    plan = shop.plan()
    sold = [shop.sell(shop.customer(), plan, collection="manual") for _ in range(6)]
    holding, passed = Signal(), Signal()

    def hold() -> int:
        with transaction():
            claimed = renewals._claim(PERIODS[1], 3)
            holding.set()
            assert passed.wait(SOON_SECONDS)
            renewals._renew(claimed, renewals._Run(PERIODS[1]))
        return len(claimed)

    def pass_by() -> int:
        assert holding.wait(SOON_SECONDS)
        turned = renewals.renew_due(PERIODS[1])
        passed.set()
        return turned

    assert together(app, current_tenant_id(), hold, pass_by) == [3, 3]
    assert [periods(subscription_id) for subscription_id in sold] == [PERIODS[:2]] * 6


def test_a_trial_ends_in_the_first_paid_period(shop: Shop, at: datetime) -> None:
    subscription_id = shop.sell(shop.buyer(), shop.plan(trial_days=14))
    trial_end = at + 14 * DAY
    assert (status(subscription_id), invoices_of(subscription_id)) == ("trialing", [])
    assert fresh(Subscription, subscription_id).trial_end_at == trial_end
    renewals.renew_due(trial_end)
    due_payments.collect_due(trial_end)
    [invoice] = invoices_of(subscription_id)
    assert (invoice.period_start, invoice.status) == (trial_end, "paid")
    subscription = fresh(Subscription, subscription_id)
    assert (subscription.status, subscription.activated_at) == ("active", trial_end)


def test_canceled_with_its_period_it_ends_at_its_turn_and_is_billed_no_more(shop: Shop, at: datetime) -> None:
    subscription_id = shop.sell(shop.buyer())
    due_payments.collect_due(at)
    with transaction():
        subscriptions.cancel(subscription_id, at + DAY, at_period_end=True)
    assert status(subscription_id) == "active"
    renewals.renew_due(APRIL)
    ended = fresh(Subscription, subscription_id)
    assert (ended.status, ended.ended_at, ended.next_billing_at) == ("canceled", PERIODS[1], None)
    assert len(invoices_of(subscription_id)) == 1


def test_a_cancellation_taken_back_renews_as_before(shop: Shop, at: datetime) -> None:
    subscription_id = shop.sell(shop.buyer())
    due_payments.collect_due(at)
    with transaction():
        subscriptions.cancel(subscription_id, at + DAY, at_period_end=True)
    with transaction():
        subscriptions.uncancel(subscription_id, at + DAY)
    renewals.renew_due(PERIODS[1])
    assert periods(subscription_id) == PERIODS[:2]


@pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=5), 40 * DAY])
def test_it_can_be_canceled_when_its_turn_is_late(shop: Shop, late: timedelta) -> None:
    now, with_the_period = shop.sell(shop.buyer()), shop.sell(shop.buyer())
    due_payments.collect_due(shop.at)
    with transaction():
        subscriptions.cancel(now, PERIODS[1] + late, at_period_end=False)
        subscriptions.cancel(with_the_period, PERIODS[1] + late, at_period_end=True)
    renewals.renew_due(APRIL)
    assert [status(now), status(with_the_period)] == ["canceled", "canceled"]
    assert len(invoices_of(now)) == len(invoices_of(with_the_period)) == 1


def test_it_can_be_canceled_before_it_begins(shop: Shop, at: datetime) -> None:
    subscription_id = shop.sell(shop.buyer(), start_at=at + 10 * DAY)
    with transaction():
        assert subscriptions.cancel(subscription_id, at, at_period_end=False).status == "canceled"


class TestParking:
    """What cannot be billed is set aside with its reason, and the others go on."""

    NOWHERE = {**ONTARIO, "region": None}

    def test_a_customer_in_canada_without_a_province_parks_and_shows_why(self, shop: Shop) -> None:
        lost, sound = shop.buyer(), shop.buyer()
        parked, others = shop.sell(lost), [shop.sell(sound) for _ in range(2)]
        due_payments.collect_due(shop.at)
        with transaction():
            customers.update(lost, {"address": self.NOWHERE}, shop.at)
        renewals.renew_due(PERIODS[1])
        row = fresh(Subscription, parked)
        assert "the address needs one of AB, BC" in (row.parked_reason or "")
        assert (row.next_billing_at, len(invoices_of(parked))) == (None, 1)
        assert [len(invoices_of(other)) for other in others] == [2, 2]
        assert session().scalar(select(func.count()).where(Event.type == "subscription.parked")) == 1

    def test_released_it_is_billed_for_what_it_missed(self, shop: Shop) -> None:
        lost = shop.buyer()
        subscription_id = shop.sell(lost)
        due_payments.collect_due(shop.at)
        with transaction():
            customers.update(lost, {"address": self.NOWHERE}, shop.at)
        renewals.renew_due(PERIODS[1])
        with transaction():
            customers.update(lost, {"address": ONTARIO}, PERIODS[2])
            parking.release(subscription_id, PERIODS[2])
        renewals.renew_due(PERIODS[2])
        assert periods(subscription_id) == PERIODS[:3]
        with pytest.raises(BillingError, match="not set aside"), transaction():
            parking.release(subscription_id, PERIODS[2])

    def test_parked_it_can_still_be_canceled(self, shop: Shop) -> None:
        lost = shop.buyer()
        now, with_the_period = shop.sell(lost), shop.sell(lost)
        due_payments.collect_due(shop.at)
        with transaction():
            customers.update(lost, {"address": self.NOWHERE}, shop.at)
        renewals.renew_due(PERIODS[1])
        with transaction():
            subscriptions.cancel(now, PERIODS[2], at_period_end=False)
            subscriptions.cancel(with_the_period, PERIODS[2], at_period_end=True)
        renewals.renew_due(PERIODS[2])
        assert [status(now), status(with_the_period)] == ["canceled", "canceled"]

    def test_one_that_breaks_the_batch_is_parked_alone(self, shop: Shop) -> None:
        broken, sound = shop.sell(shop.buyer()), shop.sell(shop.buyer())
        due_payments.collect_due(shop.at)
        with transaction():  # billed already: the database refuses the period a second time
            row = fresh(Subscription, broken)
            row.current_period_start, row.current_period_end = PERIODS[0] - 31 * DAY, PERIODS[0]
        renewals.renew_due(PERIODS[1])
        assert fresh(Subscription, broken).parked_reason
        assert len(invoices_of(sound)) == 2

    def test_settings_that_cannot_be_read_are_refused_before_they_stop_everything(self, shop: Shop) -> None:
        for wrong in ({"retry_days": "soon"}, {"final_action": "shout"}, {"net_days": -1}, {"grace_days": None}):
            with pytest.raises(BillingError), transaction():
                change_settings(wrong, shop.at)


class TestStatements:
    """However many are renewed, the number of SQL statements of a batch stays the same."""

    def count(self, shop: Shop, statements: list[str], sold: int) -> int:
        """Statements of the one batch that makes the trials of so many subscriptions paid periods."""
        plan, customer_id = shop.plan(trial_days=14), shop.customer()
        with transaction():
            for _ in range(sold):
                subscriptions.create(customer_id, plan, shop.at)
        statements.clear()
        with transaction():
            claimed = renewals._claim(PERIODS[1], renewals.BATCH)
            renewals._renew(claimed, renewals._Run(PERIODS[1]))
        assert len(claimed) == sold
        return len(statements)

    def test_a_batch_of_everything_takes_as_many_however_large(self, shop: Shop, statements: list[str]) -> None:
        counted = []
        for times in (1, 1, 3):  # the first time a process also reads what it reads once
            for _ in range(times):
                self.sell_everything(shop)
            statements.clear()
            with transaction():
                claimed = renewals._claim(PERIODS[1], renewals.BATCH)
                renewals._renew(claimed, renewals._Run(PERIODS[1]))
            counted.append(len(statements))
        assert counted[1] == counted[2]

    def test_a_batch_takes_at_most_ten_whatever_it_holds(self, shop: Shop, statements: list[str]) -> None:
        """Besides what the others hold, usage that came late, a coupon, a balance, another currency, what never was
        paid, one that cannot be billed, and customers with and without a series of numbers of their own."""
        late, rich, lost = shop.customer(), shop.customer(), shop.buyer()
        plan = metered_plan(shop, meter(shop.at, code="late"))
        sold = [shop.sell(one, plan, collection="manual") for one in (late, rich)]
        renewals.renew_due(PERIODS[1])
        record([event("late", late, shop.at + DAY, "100", code="late")], PERIODS[1] + DAY)
        with transaction():
            change_settings({"numbering": "customer"}, shop.at)
        self.sell_everything(shop)
        abroad = shop.sell(shop.customer(currency="USD"), shop.plan("30", currency="USD"), collection="manual")
        parked, unpaid = shop.sell(lost, collection="manual"), shop.sell(shop.buyer())
        with transaction():
            coupons.create({"code": "FIVE", "percent": "5"}, shop.at)
            coupons.redeem("FIVE", rich, shop.at)
            balances.add(rich, Money(10_00, "CAD"), shop.at)
            customers.update(lost, {"address": TestParking.NOWHERE}, shop.at)
            session().execute(update(Invoice).where(Invoice.subscription_id == unpaid).values(collect_at=None))
        run = renewals._Run(PERIODS[2])
        with transaction():
            run.biller  # noqa: B018 - what the batches of a run share is read once
        statements.clear()
        with transaction():
            renewals._renew(renewals._claim(run.at, renewals.BATCH), run)
        assert len(statements) <= 10
        came_late, discounted = (invoices_of(one)[-1] for one in sold)
        assert came_late.total_minor == 28_25  # 20.00 and 100 × 0.05, with 13 %
        assert (discounted.total_minor, discounted.from_balance_minor) == (21_47, 10_00)  # 20.00 - 5 % with 13 %
        assert {came_late.number, discounted.number} <= {f"INV-{series:04d}-0001" for series in range(1, 99)}
        assert [(one.currency, str(one.number)[-4:]) for one in invoices_of(abroad)] == [
            ("USD", "0001"),
            ("USD", "0002"),
        ]
        assert (status(parked), bool(fresh(Subscription, parked).parked_reason)) == ("active", True)
        assert status(unpaid) == "expired"
        assert_books_balance()

    def sell_everything(self, shop: Shop) -> None:
        """Flat, metered, discounted, with an item, changing, changed, paused, ending, at the end of its trial."""
        metered = metered_plan(shop, meter(shop.at, code=f"calls{next(shop.numbers)}"))
        flat, dearer = shop.plan(), shop.plan("40")
        ids = [
            shop.sell(shop.customer(), plan, collection="manual")
            for plan in (flat, flat, flat, flat, metered, shop.plan(bill="in_arrears"), flat)
        ]
        shop.sell(shop.customer(), shop.plan(trial_days=14), collection="manual")
        with transaction():
            subscription_changes.change(ids[0], Wanted(dearer, mode=ProrationMode.NEXT_PERIOD), shop.at + DAY)
            subscription_changes.change(ids[1], Wanted(dearer), shop.at + DAY)
            subscriptions.pause(ids[2], shop.at + DAY, resume_at=PERIODS[1] - DAY, credit=ProrationMode.DAY)
            subscriptions.cancel(ids[3], shop.at + DAY, at_period_end=True)
            subscription_changes.change(ids[5], Wanted(quantity=2), shop.at + DAY)
            invoice_items.add(fresh(Subscription, ids[6]).customer_id, OneOff("Extra", "10.00"), shop.at)

    def test_ten_and_two_hundred_take_as_many(self, shop: Shop, statements: list[str]) -> None:
        self.count(shop, statements, 1)  # what a process reads once
        few, many = self.count(shop, statements, 10), self.count(shop, statements, 200)
        assert few == many
