"""Late usage of a meter that corrects: once for each batch that came late, and to the cent."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import current_tenant_id, session, transaction
from app.domain.derivation import Step
from app.domain.explain import recompute
from app.domain.money import Money
from app.jobs import schedule
from app.models import CreditNote, Customer, Invoice, InvoiceLine
from app.services import corrections, credit_notes, customers, drafts, due_payments, invoices, renewals, subscriptions
from app.services.tenant_settings import change_settings
from tests.jobs.test_clocks import advance, set_up
from tests.services.metered import EACH, FEBRUARY, day, event, meter, metered_plan, record
from tests.services.test_coupons import coupon, redeem
from tests.shop import ONTARIO, Shop, assert_books_agree, assert_books_balance, invoices_of
from tests.together import refusals, together

HOUR = timedelta(hours=1)
LATER = FEBRUARY + 2 * HOUR
TIERS = {
    "model": "graduated",
    "tiers": [{"up_to": "1000", "unit_amount": "0.05"}, {"up_to": None, "unit_amount": "0.02"}],
}


def sold(
    shop: Shop,
    customer: str,
    price: Mapping[str, Any] = EACH,
    policy: str = "correct",
    before_renewal: Callable[[], object] = lambda: None,
    **options: Any,
) -> str:
    """A month of 20.00 in advance and 1,200 calls, invoiced on 15 February."""
    plan = metered_plan(shop, meter(shop.at, late_policy=policy), price)
    row = shop.sell(customer, plan, **options)
    due_payments.collect_due(shop.at)
    record([event("t1", customer, day(1), "1200")], FEBRUARY)
    before_renewal()
    renewals.renew_due(FEBRUARY)
    due_payments.collect_due(FEBRUARY)
    return row


def redeem_for(customer: str, values: dict[str, Any]) -> None:
    coupon(**values)
    redeem("WELCOME", customer, FEBRUARY)


def notes() -> list[CreditNote]:
    return list(session().scalars(select(CreditNote).order_by(CreditNote.id).execution_options(populate_existing=True)))


def corrected(subscription_id: str) -> list[Invoice]:
    """The invoices that corrections brought, oldest first."""
    found = [invoice for invoice in invoices_of(subscription_id) if invoice.reason == corrections.REASON]
    return sorted(found, key=lambda invoice: invoice.id)


def lines(invoice: Invoice) -> list[tuple[str, int, int, int]]:
    query = select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id).order_by(InvoiceLine.position)
    return [(row.description, row.amount_minor, row.discount_minor, row.tax_minor) for row in session().scalars(query)]


# Price, how many calls come late, what the credit note and the new invoice come to, and what is left to pay:
# 1,200 × 0.05 = 60.00, and 100 more are 65.00, each with 13 % tax; in tiers 50.00 + 200 × 0.02 = 54.00, and 56.00.
LATE = [
    (EACH, "100", 67_80, 73_45, 5_65),
    (TIERS, "100", 61_02, 63_28, 2_26),
    (EACH, "-200", 67_80, 56_50, 0),
]


@pytest.mark.parametrize(("price", "calls", "credited", "asked", "due"), LATE)
def test_what_was_invoiced_is_given_back_and_invoiced_anew(
    shop: Shop, price: Mapping[str, Any], calls: str, credited: int, asked: int, due: int
) -> None:
    customer = shop.buyer()
    row = sold(shop, customer, price)
    record([event("t2", customer, day(2), calls)], FEBRUARY + timedelta(minutes=5))
    assert corrections.correct_due(FEBRUARY + timedelta(minutes=30)) == 0
    assert corrections.correct_due(LATER) == 1
    [note], [invoice] = notes(), corrected(row)
    assert (note.total_minor, note.balance_minor, invoice.total_minor, invoice.due.minor) == (
        credited,
        credited,
        asked,
        due,
    )
    assert invoice.memo == "Corrects INV-000002: usage came late."
    due_payments.collect_due(LATER)
    assert [one.status for one in invoices_of(row)] == ["paid"] * 3
    assert session().get_one(Customer, (current_tenant_id(), customer)).balance_minor == max(credited - asked, 0)
    assert_books_agree(shop.bank)


def test_a_batch_that_came_late_is_corrected_once_and_the_next_one_again(app: Flask, shop: Shop) -> None:
    customer = shop.buyer()
    row = sold(shop, customer)
    record([event(f"t{n}", customer, day(n), "50") for n in (2, 3)], FEBRUARY)
    runs = [lambda: corrections.correct_due(LATER)] * 4
    assert refusals(together(app, current_tenant_id(), *runs)) == []
    assert len(notes()) == 1
    assert corrections.correct_due(LATER) == 0
    record([event("t4", customer, day(4), "20")], LATER)
    assert corrections.correct_due(LATER + HOUR) == 1
    assert [lines(invoice) for invoice in corrected(row)] == [
        [("Calls (corrected)", 65_00, 0, 8_45)],
        [("Calls (corrected)", 66_00, 0, 8_58)],
    ]
    assert [note.total_minor for note in notes()] == [67_80, 73_45]
    assert_books_balance()


def test_an_invoice_that_is_not_paid_is_asked_for_no_more(shop: Shop) -> None:
    """80.00 and tax were asked for; of the 90.40, 22.60 stay, and 73.45 are asked for anew."""
    customer = shop.customer()
    row = sold(shop, customer, collection="manual")
    record([event("t2", customer, day(2), "100")], FEBRUARY)
    corrections.correct_due(LATER)
    assert [(one.total_minor, one.due.minor) for one in sorted(invoices_of(row), key=lambda one: one.id)] == [
        (22_60, 22_60),
        (90_40, 22_60),
        (73_45, 73_45),
    ]
    assert_books_balance()


def test_taxes_are_those_of_the_invoice_that_is_corrected(shop: Shop) -> None:
    customer = shop.buyer()
    row = sold(shop, customer)
    with transaction():
        customers.update(customer, {"address": {**ONTARIO, "region": "AB", "postal_code": "T2P 1J9"}}, FEBRUARY)
    record([event("t2", customer, day(2), "100")], FEBRUARY)
    corrections.correct_due(LATER)
    [invoice] = corrected(row)
    assert lines(invoice) == [("Calls (corrected)", 65_00, 0, 8_45)]
    assert str(recompute(tuple(Step(**step) for step in invoice.lines[0].derivation))) == "1469/20"


# What a coupon takes off the 80.00 of the invoice and of that off the calls, and what it takes off the 65.00.
COUPONS = [
    ({"percent": "10", "duration": "once"}, 8_00, 6_00, 6_50),
    ({"amount_minor": 10_00, "currency": "CAD", "duration": "once"}, 10_00, 7_50, 7_50),
]


@pytest.mark.parametrize(("values", "whole", "part", "again"), COUPONS)
def test_discounts_are_those_of_the_invoice_that_is_corrected(
    shop: Shop, values: dict[str, Any], whole: int, part: int, again: int
) -> None:
    customer = shop.customer()
    row = sold(shop, customer, collection="manual", before_renewal=lambda: redeem_for(customer, values))
    renewed = invoices_of(row)[1]
    assert renewed.discount_minor == whole
    record([event("t2", customer, day(2), "100")], FEBRUARY)
    corrections.correct_due(LATER)
    assert [note.net_minor for note in notes()] == [60_00 - part]
    assert [(amount, discount) for _, amount, discount, _ in lines(corrected(row)[0])] == [(65_00, again)]
    assert_books_balance()


def test_what_was_never_invoiced_is_invoiced_alone(shop: Shop) -> None:
    """Nothing was used by the time of the invoice; 100 calls came to light afterwards."""
    customer = shop.buyer()
    row = sold(shop, customer, before_renewal=lambda: record([event("t0", customer, day(1), "-1200")], FEBRUARY))
    record([event("t2", customer, day(2), "100")], FEBRUARY)
    corrections.correct_due(LATER)
    assert notes() == []
    assert [lines(invoice) for invoice in corrected(row)] == [[("Calls (came late)", 5_00, 0, 65)]]


def test_what_people_gave_back_before_stays_given_back(shop: Shop) -> None:
    """Of 60.00 somebody credited 20.00: 40.00 are given back, and 45.00 asked for."""
    customer = shop.buyer()
    row = sold(shop, customer)
    renewed = invoices_of(row)[1]
    [line] = [line for line in renewed.lines if line.kind == "usage"]
    with transaction():
        credit_notes.issue(renewed.id, FEBRUARY, lines={line.id: Money(20_00, "CAD")})
    record([event("t2", customer, day(2), "100")], FEBRUARY)
    corrections.correct_due(LATER)
    assert [note.net_minor for note in notes()] == [20_00, 40_00]
    assert lines(corrected(row)[0]) == [("Calls (came late)", 45_00, 0, 5_85)]
    assert_books_balance()


def test_a_void_invoice_is_not_brought_back(shop: Shop) -> None:
    customer = shop.customer()
    row = sold(shop, customer, collection="manual")
    with transaction():
        invoices.void(invoices_of(row)[1].id, FEBRUARY)
    record([event("t2", customer, day(2), "-100")], FEBRUARY)
    assert corrections.correct_due(LATER) == 1
    assert (notes(), corrected(row)) == ([], [])
    record([event("t3", customer, day(2), "100")], LATER)
    corrections.correct_due(LATER + HOUR)
    assert [lines(invoice) for invoice in corrected(row)] == [[("Calls (came late)", 5_00, 0, 65)]]


def test_a_draft_is_waited_for(shop: Shop) -> None:
    with transaction():
        change_settings({"grace_hours": 24}, shop.at)
    customer = shop.customer()
    row = sold(shop, customer, collection="manual")
    record([event("t2", customer, day(2), "100")], FEBRUARY)
    corrections.correct_due(LATER)
    assert notes() == []
    drafts.finalize_due(FEBRUARY + 24 * HOUR)
    corrections.correct_due(FEBRUARY + 24 * HOUR)
    assert (len(notes()), [invoice.status for invoice in corrected(row)]) == (1, ["open"])


def test_what_came_late_for_a_subscription_that_ended_is_corrected_whatever_the_policy(shop: Shop) -> None:
    customer = shop.buyer()
    row = sold(shop, customer, policy="next_invoice")
    record([event("t2", customer, day(2), "100")], FEBRUARY)
    assert corrections.correct_due(LATER) == 0
    with transaction():
        subscriptions.cancel(row, LATER, at_period_end=False)
    assert corrections.correct_due(LATER) == 1
    assert lines(corrected(row)[0]) == [("Calls (corrected)", 65_00, 0, 8_45)]


def test_customers_on_a_clock_see_it_happen_in_their_time(shop: Shop, at: datetime) -> None:
    clock = set_up(at)
    customer = shop.buyer(test_clock_id=clock)
    row = shop.sell(customer, metered_plan(shop, meter(at, late_policy="correct")))
    advance(clock, FEBRUARY)
    record([event("t1", customer, day(1), "100")], FEBRUARY)
    schedule.run_due(LATER)
    assert corrected(row) == []
    advance(clock, FEBRUARY + 3 * HOUR)
    assert [(one.issued_at, one.status, one.total_minor) for one in corrected(row)] == [
        (FEBRUARY + HOUR, "paid", 5_65),
    ]
    assert_books_agree(shop.bank)
