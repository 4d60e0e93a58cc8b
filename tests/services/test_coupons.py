"""Coupons from redemption to invoice. The plan is 20.00 a month, taxed with 13 % HST: 22.60 without a coupon."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import session, transaction
from app.domain.errors import BillingError
from app.jobs.schedule import run_due
from app.models import Coupon, Invoice, Redemption, Subscription
from app.services import coupons, invoices, renewals, subscriptions
from app.services.one_off import OneOff
from tests.shop import Shop, assert_books_agree, balance, fresh, invoices_of
from tests.together import refusals, together


def month(number: int) -> datetime:
    """The fifteenth of a month of 2026, noon."""
    return datetime(2026, number, 15, 12, 0, tzinfo=UTC)


def coupon(code: str = "WELCOME", **values: Any) -> str:
    """A coupon of 10 % off one invoice, unless told otherwise; gives its id."""
    with transaction():
        given = {} if "amount_minor" in values else {"percent": "10"}
        return coupons.create({"code": code, **given, **values}, datetime(2026, 1, 1, tzinfo=UTC)).id


def redeem(code: str, customer_id: str, at: datetime, subscription_id: str | None = None) -> str:
    with transaction():
        return coupons.redeem(code, customer_id, at, subscription_id=subscription_id).id


def amounts(subscription_id: str) -> list[tuple[int, int, int]]:
    """Discount, tax and total of each invoice of a subscription, in minor units."""
    return [(i.discount_minor, i.tax_minor, i.total_minor) for i in invoices_of(subscription_id)]


@dataclass(frozen=True)
class Case:
    """A coupon, and what the invoices of January, February and March then are: discount, tax, total."""

    values: dict[str, Any]
    billed: list[tuple[int, int, int]]


FULL = (0, 2_60, 22_60)


@pytest.mark.parametrize(
    "case",
    [
        Case({"percent": "10"}, [(2_00, 2_34, 20_34), FULL, FULL]),  # 13 % of 18.00
        Case({"percent": "10", "duration": "repeating", "periods": 2}, [(2_00, 2_34, 20_34)] * 2 + [FULL]),
        Case({"percent": "10", "duration": "forever"}, [(2_00, 2_34, 20_34)] * 3),
        Case({"percent": "100"}, [(20_00, 0, 0), FULL, FULL]),
        Case({"amount_minor": 5_00, "currency": "CAD"}, [(5_00, 1_95, 16_95), FULL, FULL]),  # 13 % of 15.00
        Case({"amount_minor": 50_00, "currency": "CAD"}, [(20_00, 0, 0), FULL, FULL]),  # never below zero
    ],
    ids=["once", "two periods", "forever", "all of it", "an amount", "more than all of it"],
)
def test_a_coupon_discounts_the_invoices_of_its_periods(shop: Shop, at: datetime, case: Case) -> None:
    coupon(**case.values)
    subscription_id = shop.sell(shop.buyer(), coupon="WELCOME")
    for number in (1, 2, 3):
        run_due(month(number))
    assert amounts(subscription_id) == case.billed
    assert_books_agree(shop.bank)


def test_a_free_first_month_makes_the_subscription_active_at_once(shop: Shop, at: datetime) -> None:
    coupon(percent="100")
    subscription_id = shop.sell(shop.buyer(None), coupon="WELCOME")
    [invoice] = invoices_of(subscription_id)
    assert (invoice.status, fresh(Subscription, subscription_id).status) == ("paid", "active")


def test_coupons_stack_in_the_order_of_redemption(shop: Shop, at: datetime) -> None:
    """5.00 off 20.00 leaves 15.00, and 10 % of that is 1.50: together 6.50. The tax is 13 % of 13.50, rounded 1.76."""
    coupon("FIVE", amount_minor=5_00, currency="CAD")
    coupon("TEN")
    customer_id = shop.buyer()
    redeem("FIVE", customer_id, at)
    subscription_id = shop.sell(customer_id, coupon="TEN")
    assert amounts(subscription_id) == [(6_50, 1_76, 15_26)]
    [invoice] = invoices_of(subscription_id)
    assert [kept["label"] for kept in invoice.discounts] == ["FIVE", "TEN"]


def test_a_coupon_of_a_trial_waits_for_the_first_paid_period(shop: Shop, at: datetime) -> None:
    coupon()
    subscription_id = shop.sell(shop.buyer(), trial_days=14, coupon="WELCOME")
    run_due(at)
    assert amounts(subscription_id) == []
    run_due(datetime(2026, 1, 29, 12, 0, tzinfo=UTC))
    assert amounts(subscription_id) == [(2_00, 2_34, 20_34)]


def test_a_coupon_of_one_subscription_leaves_the_others_alone(shop: Shop, at: datetime) -> None:
    coupon()
    customer_id = shop.buyer()
    assert amounts(shop.sell(customer_id, coupon="WELCOME")) == [(2_00, 2_34, 20_34)]
    assert amounts(shop.sell(customer_id)) == [FULL]


def test_a_coupon_of_a_customer_goes_to_the_first_invoice_of_a_batch(shop: Shop, at: datetime) -> None:
    coupon()
    customer_id, plan_id = shop.buyer(), shop.plan()
    ids = [shop.sell(customer_id, plan_id) for _ in range(3)]
    run_due(at)
    redeem("WELCOME", customer_id, at)
    assert renewals.renew_due(month(2)) == 3
    discounted = [invoices_of(one)[1].discount_minor for one in ids]
    assert sorted(discounted) == [0, 0, 2_00]


def test_a_one_off_invoice_uses_a_customers_coupon_too(shop: Shop, at: datetime) -> None:
    coupon()
    customer_id = shop.buyer()
    redeem("WELCOME", customer_id, at)
    with transaction():
        first = invoices.create(customer_id, [OneOff("Work", "100.00")], at).id
        second = invoices.create(customer_id, [OneOff("Work", "100.00")], at).id
    assert [fresh(Invoice, one).total_minor for one in (first, second)] == [101_70, 113_00]  # 90.00 + 11.70


def test_voiding_an_invoice_gives_the_period_back(shop: Shop, at: datetime) -> None:
    coupon()
    customer_id = shop.buyer()
    redemption_id = redeem("WELCOME", customer_id, at)
    with transaction():
        first = invoices.create(customer_id, [OneOff("Work", "100.00")], at).id
    assert fresh(Redemption, redemption_id).used == 1
    with transaction():
        invoices.void(first, at)
    assert fresh(Redemption, redemption_id).used == 0
    with transaction():
        second = invoices.create(customer_id, [OneOff("Work", "100.00")], at).id
    assert fresh(Invoice, second).total_minor == 101_70


def test_a_coupon_taken_back_discounts_nothing_more(shop: Shop, at: datetime) -> None:
    coupon_id = coupon(duration="forever")
    customer_id = shop.buyer()
    subscription_id = shop.sell(customer_id)
    redemption_id = redeem("WELCOME", customer_id, at, subscription_id)
    run_due(month(2))
    with transaction():
        coupons.take_back(redemption_id, month(2))
    run_due(month(3))
    assert [discount for discount, _, _ in amounts(subscription_id)] == [0, 2_00, 0]
    assert fresh(Coupon, coupon_id).redeemed == 1  # it was used, so it counts


def test_a_coupon_taken_back_unused_can_be_given_to_another(shop: Shop, at: datetime) -> None:
    coupon(max_redemptions=1)
    first, second = shop.buyer(), shop.buyer()
    redemption_id = redeem("WELCOME", first, at)
    with transaction():
        coupons.take_back(redemption_id, at)
    assert redeem("WELCOME", second, at)


LATER = datetime(2026, 1, 15, 12, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"expires_at": LATER}, "coupon_expired"),
        ({"max_redemptions": 1}, "coupon_limit_reached"),
        ({"max_per_customer": 1, "max_redemptions": 5}, "coupon_customer_limit_reached"),
        ({"amount_minor": 5_00, "currency": "USD"}, "coupon_wrong_currency"),
        ({}, "coupon_already_redeemed"),
    ],
)
def test_a_coupon_beyond_its_terms_is_refused(shop: Shop, values: dict[str, Any], code: str) -> None:
    coupon(**values)
    customer_id = shop.buyer()
    if values.get("currency") != "USD":
        redeem("WELCOME", customer_id, shop.at)
    with pytest.raises(BillingError) as refusal:
        redeem("WELCOME", customer_id, LATER)
    assert (refusal.value.code, refusal.value.field) == (code, "coupon")


def test_a_refused_coupon_sells_nothing(shop: Shop) -> None:
    customer_id, plan_id = shop.buyer(), shop.plan()
    with pytest.raises(BillingError, match="There is no coupon “NOPE”"):
        shop.sell(customer_id, plan_id, coupon="NOPE")
    assert session().scalar(select(func.count()).select_from(Subscription)) == 0


def test_an_archived_coupon_works_for_those_who_have_it_and_for_nobody_else(shop: Shop, at: datetime) -> None:
    coupon_id = coupon(duration="forever")
    subscription_id = shop.sell(shop.buyer(), coupon="WELCOME")
    with transaction():
        coupons.archive(coupon_id, at)
    run_due(month(2))
    assert amounts(subscription_id) == [(2_00, 2_34, 20_34)] * 2
    with pytest.raises(BillingError) as refusal:
        redeem("WELCOME", shop.buyer(), at)
    assert refusal.value.code == "coupon_archived"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"code": " "}, "code"),
        ({"code": "A"}, "percent"),
        ({"code": "A", "percent": "10", "amount_minor": 5_00, "currency": "CAD"}, "percent"),
        ({"code": "A", "percent": "101"}, "percent"),
        ({"code": "A", "amount_minor": 0, "currency": "CAD"}, "amount"),
        ({"code": "A", "amount_minor": 1, "currency": "XXX"}, "currency"),
        ({"code": "A", "percent": "10", "duration": "weekly"}, "duration"),
        ({"code": "A", "percent": "10", "duration": "repeating"}, "periods"),
        ({"code": "A", "percent": "10", "periods": 3}, "periods"),
        ({"code": "A", "percent": "10", "max_redemptions": 0}, "max_redemptions"),
        ({"code": "A", "percent": "10", "max_per_customer": -1}, "max_per_customer"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(shop: Shop, values: dict[str, Any], field: str) -> None:
    with pytest.raises(BillingError) as refusal, transaction():
        coupons.create(values, shop.at)
    assert refusal.value.field == field


def test_limits_can_change_but_not_below_what_was_redeemed(shop: Shop, at: datetime) -> None:
    coupon_id = coupon(max_redemptions=5)
    for _ in range(2):
        redeem("WELCOME", shop.buyer(), at)
    with transaction():
        assert coupons.update(coupon_id, {"max_redemptions": 2}, at).max_redemptions == 2
    with pytest.raises(BillingError) as refusal, transaction():
        coupons.update(coupon_id, {"max_redemptions": 1}, at)
    assert refusal.value.code == "invalid_limit"


def test_many_at_once_never_redeem_one_too_many(app: Flask, tenant: str, shop: Shop, at: datetime) -> None:
    coupon_id = coupon(max_redemptions=3)
    buyers = [shop.buyer(None) for _ in range(8)]

    def taking(customer_id: str) -> Callable[[], str]:
        return lambda: redeem("WELCOME", customer_id, at)

    results = together(app, tenant, *map(taking, buyers))
    assert refusals(results) == ["coupon_limit_reached"] * 5
    assert fresh(Coupon, coupon_id).redeemed == 3
    assert session().scalar(select(func.count()).select_from(Redemption)) == 3


def test_one_coupon_is_used_once_by_two_workers_at_once(app: Flask, tenant: str, shop: Shop, at: datetime) -> None:
    """Two subscriptions of one customer are sold in the same moment, and the customer's coupon is good for one."""
    coupon()
    customer_id, plan_id = shop.buyer(), shop.plan()
    redemption_id = redeem("WELCOME", customer_id, at)
    sold = together(app, tenant, *[lambda: shop.sell(customer_id, plan_id)] * 4)
    assert sorted(amounts(one)[0][0] for one in sold if isinstance(one, str)) == [0, 0, 0, 2_00]
    assert fresh(Redemption, redemption_id).used == 1


def test_discounts_are_booked_as_less_revenue(shop: Shop, at: datetime) -> None:
    coupon()
    shop.sell(shop.buyer(), coupon="WELCOME")
    assert (balance("sales_revenue"), balance("tax_payable")) == (-18_00, -2_34)


def test_a_cancelled_customer_keeps_a_coupon_of_their_own(shop: Shop, at: datetime) -> None:
    coupon(duration="repeating", periods=2)
    customer_id = shop.buyer()
    redeem("WELCOME", customer_id, at)
    first = shop.sell(customer_id)
    with transaction():
        subscriptions.cancel(first, at, at_period_end=False)
    assert amounts(shop.sell(customer_id)) == [(2_00, 2_34, 20_34)]
