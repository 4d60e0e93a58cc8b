"""What is shown before is the invoice that is then issued, to the cent: coupons, items and balance included."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.db import transaction
from app.domain.errors import BillingError
from app.domain.money import Money
from app.jobs.schedule import run_due
from app.models import Customer, Invoice, Plan, Subscription
from app.services import balances, coupons, invoice_items, subscription_changes, upcoming
from app.services.one_off import OneOff
from app.services.subscription_changes import Wanted
from tests.services.metered import EACH, FEBRUARY, MARCH, day, event, meter, metered_plan, record
from tests.shop import Shop, fresh, invoices_of

DAY = timedelta(days=1)

# What there is besides a plan of 20.00 with 13 % tax → subtotal, discount, tax, total and what is left, in cents.
WORLDS: list[tuple[dict[str, Any], tuple[int, int, int, int, int]]] = [
    ({}, (20_00, 0, 2_60, 22_60, 22_60)),
    ({"coupon": "10"}, (20_00, 2_00, 2_34, 20_34, 20_34)),  # 10 % of 20.00; 13 % of 18.00
    ({"item": "5.00"}, (25_00, 0, 3_25, 28_25, 28_25)),
    ({"balance": "10.00"}, (20_00, 0, 2_60, 22_60, 12_60)),
    ({"coupon": "10", "item": "5.00", "balance": "100.00"}, (25_00, 2_50, 2_93, 25_43, 0)),  # 13 % of 22.50 is 2.925
]


def prepare(customer_id: str, at: datetime, coupon: str = "", item: str = "", balance: str = "") -> None:
    with transaction():
        if coupon:
            coupons.create({"code": "LESS", "percent": coupon, "duration": "forever"}, at)
        if item:
            invoice_items.add(customer_id, OneOff("Training", item), at)
        if balance:
            balances.add(customer_id, Money.parse(balance, "CAD"), at, reason="gift")


def seen(found: upcoming.Upcoming | None) -> tuple[int, ...]:
    assert found
    totals = found.totals
    return (totals.subtotal.minor, totals.discount.minor, totals.tax.minor, totals.total.minor, found.due.minor)


def issued(invoice: Invoice) -> tuple[int, ...]:
    left = invoice.total_minor - invoice.from_balance_minor
    return (invoice.subtotal_minor, invoice.discount_minor, invoice.tax_minor, invoice.total_minor, left)


@pytest.mark.parametrize(("world", "cents"), WORLDS)
def test_the_first_invoice_is_the_one_that_was_shown(
    shop: Shop, at: datetime, world: dict[str, Any], cents: tuple[int, ...]
) -> None:
    customer_id, plan_id = shop.buyer(), shop.plan()
    prepare(customer_id, at, **world)
    code = "LESS" if "coupon" in world else None
    shown = upcoming.first_invoice(fresh(Customer, customer_id), fresh(Plan, plan_id), at, coupon=code)
    [invoice] = invoices_of(shop.sell(customer_id, plan_id, coupon=code))
    assert (seen(shown), issued(invoice)) == (cents, cents)


@pytest.mark.parametrize(("world", "cents"), WORLDS)
def test_the_next_invoice_is_the_one_that_was_shown(
    shop: Shop, at: datetime, world: dict[str, Any], cents: tuple[int, ...]
) -> None:
    customer_id = shop.buyer()
    subscription_id = shop.sell(customer_id)
    run_due(at)
    prepare(customer_id, at, **world)
    if "coupon" in world:
        with transaction():
            coupons.redeem("LESS", customer_id, at)
    row = fresh(Subscription, subscription_id)
    shown = upcoming.next_invoice(row, fresh(Customer, customer_id), row.plan)
    run_due(row.current_period_end)
    assert (seen(shown), issued(invoices_of(subscription_id)[1])) == (cents, cents)


# Usage of the meter's 0.05 each, a tiered price, and what came late of the period before → the usage lines' amounts.
# 1,200 × 0.05 = 60.00; 1,000 × 0.05 + 200 × 0.02 = 54.00; 40 more of the month before are 2.00.
TIERS = [{"up_to": "1000", "unit_amount": "0.05"}, {"up_to": None, "unit_amount": "0.02"}]
USAGE: list[tuple[dict[str, Any], list[tuple[str, int]], list[int]]] = [
    (EACH, [], []),
    (EACH, [("35", 1_200)], [60_00]),
    ({"model": "graduated", "tiers": TIERS}, [("35", 1_200)], [54_00]),
    (EACH, [("5", 40), ("35", 1_200)], [60_00, 2_00]),
]


@pytest.mark.parametrize(("price", "events", "cents"), USAGE)
def test_the_next_invoice_has_the_usage_so_far(
    shop: Shop, at: datetime, price: dict[str, Any], events: list[tuple[str, int]], cents: list[int]
) -> None:
    customer_id = shop.buyer()
    subscription_id = shop.sell(customer_id, metered_plan(shop, meter(at), price))
    run_due(FEBRUARY)
    record([event(f"t{when}", customer_id, day(float(when)), str(n)) for when, n in events], day(36))
    row = fresh(Subscription, subscription_id)
    shown = upcoming.next_invoice(row, fresh(Customer, customer_id), row.plan)
    assert shown
    assert [line.draft.amount.minor for line in shown.totals.lines[1:]] == cents
    run_due(MARCH)
    invoice = invoices_of(subscription_id)[2]
    assert issued(invoice) == seen(shown)
    foretold = [[step.as_json() for step in line.derivation] for line in shown.totals.lines]
    assert foretold == [line.derivation for line in invoice.lines]


def test_a_level_counts_until_the_end_of_the_period_and_what_a_change_left_of_it(shop: Shop, at: datetime) -> None:
    """Of 28 days from 15 February, 14 were billed with the change; 8 seats from day 21 on weigh 4 in the others."""
    customer_id = shop.buyer(timezone="UTC")
    seats = meter(at, "weighted_sum", "seats")
    subscription_id = shop.sell(customer_id, metered_plan(shop, seats, EACH, code="old"))
    run_due(at)
    run_due(FEBRUARY)
    dearer = metered_plan(shop, seats, {**EACH, "unit_amount": "10"}, code="new")
    with transaction():
        subscription_changes.change(subscription_id, Wanted(plan_id=dearer), FEBRUARY + 14 * DAY)
    record([event("t1", customer_id, FEBRUARY + 21 * DAY, "8", "seats")], FEBRUARY + 21 * DAY)
    row = fresh(Subscription, subscription_id)
    shown = upcoming.next_invoice(row, fresh(Customer, customer_id), row.plan)
    assert shown
    assert shown.totals.lines[-1].draft.amount.minor == 40_00
    run_due(MARCH)
    assert issued(invoices_of(subscription_id)[-1]) == seen(shown)


def test_a_coupon_that_would_be_refused_is_refused_before(shop: Shop, at: datetime) -> None:
    customer, plan = fresh(Customer, shop.buyer()), fresh(Plan, shop.plan())
    with pytest.raises(BillingError) as refusal:
        upcoming.first_invoice(customer, plan, at, coupon="NONE")
    assert refusal.value.code == "coupon_unknown"
