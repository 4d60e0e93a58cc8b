"""Pauses, their end by the calendar, what was used by meters, who moves, who never pays: on the real books.

January's period has 31 days, so 31.00 is 1.00 a day; on 1 February 17 of them are over and 14 left.
"""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.db import session, transaction
from app.domain.contract import WhilePaused
from app.domain.errors import BillingError
from app.domain.terms import ProrationMode
from app.gateways.errors import OutcomeUnknown
from app.jobs.schedule import run_due
from app.models import MeteredPeriod, Subscription
from app.services import customers, due_payments, renewals, subscriptions
from tests.services.line import Script, says
from tests.services.metered import day, event, meter, metered_plan, record
from tests.services.test_subscription_changes import (
    DAY,
    FEBRUARY,
    FIRST_OF_FEBRUARY,
    MARCH,
    START,
    bills,
    buyer,
    change,
    sold,
)
from tests.shop import Shop, assert_books_balance, fresh, invoices_of, status

SECOND, BY_DAY, NONE, FULL, NEXT = ProrationMode
SKIP, BILL, FREE = WhilePaused


def pause(subscription_id: str, **options: Any) -> Subscription:
    with transaction():
        return subscriptions.pause(subscription_id, FIRST_OF_FEBRUARY, **options)


def resume(subscription_id: str, at: Any) -> Subscription:
    with transaction():
        return subscriptions.resume(subscription_id, at)


@pytest.mark.parametrize(
    ("options", "days", "expected"),
    [
        ({"credit": SECOND}, 7, [["31.00"], ["-14.00"], ["7.00"], ["31.00"]]),  # resumed with 7 days left
        ({}, 7, [["31.00"], ["31.00"]]),  # paid time is used up first
        ({"credit": SECOND}, 28, [["31.00"], ["-14.00"], ["15.50"]]),  # 1 to 15 March, 14 of 28 days
        ({"billing": BILL}, 28, [["31.00"], ["31.00"]]),
        ({"billing": FREE}, 28, [["31.00"], ["0.00"]]),
    ],
)
@pytest.mark.parametrize("by_hand", [True, False])
def test_a_pause_ends_by_hand_or_by_itself(
    shop: Shop, options: dict[str, Any], days: int, expected: list[list[str]], by_hand: bool
) -> None:
    subscription_id, back = sold(shop, shop.plan("31")), FIRST_OF_FEBRUARY + days * DAY
    pause(subscription_id, resume_at=None if by_hand else back, **options)
    renewals.renew_due(min(back, FEBRUARY))
    renewals.renew_due(back)
    if by_hand:
        assert status(subscription_id) == "paused"
        resume(subscription_id, back)
    renewals.renew_due(MARCH - DAY)
    assert (status(subscription_id), bills(subscription_id)) == ("active", expected)
    row = fresh(Subscription, subscription_id)
    assert (row.paused_at, row.resume_at, row.next_billing_at) == (None, None, row.current_period_end)
    assert_books_balance()


@pytest.mark.parametrize("by_hand", [True, False])
def test_what_the_end_of_a_pause_charged_is_given_back_with_the_subscription(shop: Shop, by_hand: bool) -> None:
    """7.00 for the 7 days that are left; ended 2 days later, 5.00 of them come back."""
    subscription_id = sold(shop, shop.plan("31"))
    back = FIRST_OF_FEBRUARY + 7 * DAY
    pause(subscription_id, credit=SECOND, resume_at=None if by_hand else back)
    if by_hand:
        resume(subscription_id, back)
    else:
        renewals.renew_due(back)
    with transaction():
        subscriptions.cancel(subscription_id, back + 2 * DAY, at_period_end=False, credit=SECOND)
    assert bills(subscription_id) == [["31.00"], ["-14.00"], ["7.00"], ["-5.00"]]
    assert_books_balance()


def test_a_pause_without_an_end_is_never_due(shop: Shop) -> None:
    subscription_id = sold(shop, shop.plan("31"))
    assert pause(subscription_id).next_billing_at is None
    with pytest.raises(BillingError) as refused:
        pause(subscription_id)
    assert refused.value.code == "pause_overlaps"


def test_who_falls_behind_while_paused_goes_on_behind_and_who_pays_in_order(shop: Shop) -> None:
    subscription_id = shop.sell(shop.buyer("tok_soft_decline"), shop.plan("31"))
    due_payments.collect_due(shop.at)
    assert status(subscription_id) == "past_due"
    pause(subscription_id)
    with transaction():
        row = fresh(Subscription, subscription_id)
    assert (row.status, row.paused_status) == ("paused", "past_due")
    assert resume(subscription_id, FIRST_OF_FEBRUARY + DAY).status == "past_due"


class TestUsage:
    """Usage is billed when its period ends, and where another plan measures the rest."""

    def test_a_period_is_billed_with_its_usage(self, shop: Shop) -> None:
        customer = buyer(shop)
        subscription_id = sold(shop, metered_plan(shop, meter(shop.at)), customer=customer)
        record([event("t1", customer, day(3), "40")], FEBRUARY)
        renewals.renew_due(FEBRUARY)
        assert bills(subscription_id) == [["20.00"], ["20.00", "2.00"]]  # 40 × 0.05
        kept = session().scalars(select(MeteredPeriod)).one()
        assert (kept.amount_minor, kept.invoice_id is not None) == (2_00, True)
        # 20 more of January come late, 10 are February's
        record([event("t2", customer, day(4), "20"), event("t3", customer, FEBRUARY + DAY, "10")], FEBRUARY + 2 * DAY)
        renewals.renew_due(MARCH)
        assert bills(subscription_id)[2] == ["20.00", "0.50", "1.00"]
        assert_books_balance()

    def test_another_plan_and_the_end_settle_what_was_used(self, shop: Shop) -> None:
        customer, calls = buyer(shop), meter(shop.at)
        subscription_id = sold(shop, metered_plan(shop, calls), customer=customer)
        dearer = metered_plan(shop, calls, {"model": "standard", "unit_amount": "0.10"})
        record([event("t1", customer, day(3), "40"), event("t2", customer, day(20), "40")], FEBRUARY)
        change(subscription_id, plan_id=dearer, mode=NONE)
        with transaction():
            subscriptions.cancel(subscription_id, FIRST_OF_FEBRUARY + 7 * DAY, at_period_end=False)
        assert bills(subscription_id) == [["20.00"], ["2.00"], ["4.00"]]  # 40 × 0.05 before, 40 × 0.10 after
        assert_books_balance()

    def test_with_its_period_it_ends_with_its_last_usage(self, shop: Shop) -> None:
        customer = buyer(shop)
        subscription_id = sold(shop, metered_plan(shop, meter(shop.at)), customer=customer)
        record([event("t1", customer, day(3), "40")], FEBRUARY)
        with transaction():
            subscriptions.cancel(subscription_id, FIRST_OF_FEBRUARY, at_period_end=True)
        renewals.renew_due(FEBRUARY)
        assert (status(subscription_id), bills(subscription_id)) == ("canceled", [["20.00"], ["2.00"]])


def test_who_moves_keeps_the_wall_time_and_no_gap(shop: Shop) -> None:
    customer = buyer(shop)
    subscription_id = sold(shop, shop.plan("31"), customer=customer)
    with transaction():
        customers.update(customer, {"timezone": "Asia/Tokyo"}, FIRST_OF_FEBRUARY)
    renewals.renew_due(MARCH)
    found = invoices_of(subscription_id)
    assert [(one.period_start, one.period_end) for one in found] == [
        (START, FEBRUARY),
        (FEBRUARY, MARCH - timedelta(hours=9)),  # noon in Tokyo is 3:00 UTC
        (MARCH - timedelta(hours=9), MARCH - timedelta(hours=9) + 31 * DAY),
    ]


class TestExpiry:
    """Who never pays expires, and owes nothing."""

    def test_after_its_hours_it_expires_and_its_invoice_is_taken_back(self, shop: Shop, script: Script) -> None:
        subscription_id = shop.sell(shop.buyer())
        [invoice] = invoices_of(subscription_id)
        with transaction():
            invoice.collect_at = None
        renewals.renew_due(START + timedelta(hours=71))
        assert status(subscription_id) == "incomplete"
        renewals.renew_due(START + timedelta(hours=72))
        assert status(subscription_id) == "expired"
        run_due(START + timedelta(hours=73))
        assert invoices_of(subscription_id)[0].status == "void"
        assert_books_balance()

    def test_not_while_money_may_be_on_its_way(self, shop: Shop, script: Script) -> None:
        subscription_id = shop.sell(shop.buyer())
        script["create_payment"] = says(OutcomeUnknown("no answer"))
        due_payments.collect_due(shop.at)
        renewals.renew_due(START + timedelta(hours=72))
        assert status(subscription_id) == "incomplete"
        assert fresh(Subscription, subscription_id).next_billing_at == START + timedelta(hours=73)
