"""Drafts: looked at, changed, finalised by hand or by schedule, and replaced. Plans are 20.00, 22.60 with tax."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.db import current_tenant_id, session, transaction
from app.domain.errors import BillingError, NotFound
from app.domain.money import Money
from app.jobs.schedule import run_due
from app.models import Invoice, InvoiceItem, Redemption, Tenant
from app.services import (
    balances,
    charging,
    coupons,
    documents,
    draft_lines,
    drafts,
    invoice_items,
    invoices,
    subscriptions,
    tenant_settings,
)
from app.services.one_off import OneOff
from tests.shop import Shop, assert_books_agree, assert_books_balance, balance, fresh, invoices_of, mails
from tests.together import refusals, together

FEBRUARY = datetime(2026, 2, 15, 12, 0, tzinfo=UTC)
WORK = OneOff("Work", "100.00")


def setting(at: datetime, **values: Any) -> None:
    with transaction():
        tenant_settings.change_settings(values, at)


def draft(shop: Shop, *lines: OneOff, customer_id: str | None = None) -> str:
    customer_id = customer_id or shop.buyer()
    with transaction():
        return invoices.create(customer_id, lines or (WORK,), shop.at, finalize=False).id


def finalize(invoice_id: str, at: datetime) -> Invoice:
    with transaction():
        drafts.finalize(invoice_id, at)
    return fresh(Invoice, invoice_id)


def totals(invoice_id: str) -> tuple[int, int, int]:
    """Subtotal, tax and total as they are now."""
    session().expire_all()
    row = fresh(Invoice, invoice_id)
    return row.subtotal_minor, row.tax_minor, row.total_minor


def test_a_draft_has_amounts_but_no_number_and_no_place_in_the_books(shop: Shop, at: datetime) -> None:
    invoice = fresh(Invoice, draft(shop))
    assert (invoice.status, invoice.number, invoice.issued_at, invoice.total_minor) == ("draft", None, None, 113_00)
    run_due(at)
    assert (fresh(Invoice, invoice.id).status, mails("invoice"), balance("accounts_receivable")) == ("draft", [], 0)
    with pytest.raises(BillingError) as refusal, transaction():
        documents.invoice_pdf(invoice.id, at)
    assert refusal.value.code == "invoice_is_draft"


def test_a_finalised_draft_is_an_invoice_like_any_other(shop: Shop, at: datetime) -> None:
    invoice_id = draft(shop)
    later = at + timedelta(days=2)
    invoice = finalize(invoice_id, later)
    assert (invoice.status, invoice.number, invoice.issued_at, invoice.total_minor) == (
        "open",
        "INV-000001",
        later,
        113_00,
    )
    assert [(line.amount_minor, line.tax_minor) for line in invoice.lines] == [(100_00, 13_00)]
    assert [step["step"] for step in invoice.lines[0].derivation][-1] == "tax"
    assert_books_balance()
    charging.collect(invoice_id, later)
    assert_books_agree(shop.bank)


def test_lines_of_a_draft_come_go_and_change(shop: Shop, at: datetime) -> None:
    invoice_id = draft(shop, WORK, OneOff("Rent", "50.00", tax_category="exempt"))
    assert totals(invoice_id) == (150_00, 13_00, 163_00)
    work, rent = fresh(Invoice, invoice_id).lines
    with transaction():
        draft_lines.add(invoice_id, OneOff("Travel", "10.00", 3), at)  # 30.00 and 3.90
    assert totals(invoice_id) == (180_00, 16_90, 196_90)
    with transaction():
        draft_lines.change(invoice_id, work.id, {"quantity": "2", "description": "More work"}, at)
    assert totals(invoice_id) == (280_00, 29_90, 309_90)
    with transaction():
        draft_lines.remove(invoice_id, rent.id, at)
    assert totals(invoice_id) == (230_00, 29_90, 259_90)
    invoice = finalize(invoice_id, at)
    assert [(line.position, line.description) for line in invoice.lines] == [(1, "More work"), (2, "Travel")]
    assert_books_balance()


def test_a_finalised_invoice_is_not_changed_any_more(shop: Shop, at: datetime) -> None:
    invoice_id = draft(shop)
    [line] = finalize(invoice_id, at).lines
    changes: list[Callable[[], Any]] = [
        lambda: draft_lines.add(invoice_id, WORK, at),
        lambda: draft_lines.change(invoice_id, line.id, {"quantity": "2"}, at),
        lambda: draft_lines.remove(invoice_id, line.id, at),
        lambda: drafts.finalize(invoice_id, at),
    ]
    for change in changes:
        with pytest.raises(BillingError) as refusal, transaction():
            change()
        assert refusal.value.code == "not_a_draft"


def test_a_line_of_another_invoice_is_not_found(shop: Shop, at: datetime) -> None:
    first, second = draft(shop), draft(shop)
    [line] = fresh(Invoice, second).lines
    with pytest.raises(NotFound), transaction():
        draft_lines.remove(first, line.id, at)


def test_an_empty_draft_is_not_finalised(shop: Shop, at: datetime) -> None:
    invoice_id = draft(shop)
    [line] = fresh(Invoice, invoice_id).lines
    with transaction():
        draft_lines.remove(invoice_id, line.id, at)
    with pytest.raises(BillingError) as refusal:
        finalize(invoice_id, at)
    assert refusal.value.code == "empty_invoice"


def test_dropping_a_draft_loses_no_number_and_gives_its_coupon_back(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer()
    with transaction():
        coupons.create({"code": "TEN", "percent": "10"}, at)
        redemption_id = coupons.redeem("TEN", customer_id, at).id
    dropped = draft(shop, customer_id=customer_id)
    assert fresh(Redemption, redemption_id).used == 1
    with transaction():
        assert invoices.void(dropped, at).status == "void"
    assert fresh(Redemption, redemption_id).used == 0
    kept = finalize(draft(shop, customer_id=customer_id), at)
    assert (kept.number, kept.discount_minor) == ("INV-000001", 10_00)


def test_a_draft_keeps_its_discount_through_changes(shop: Shop, at: datetime) -> None:
    """10 % off 200.00 is 20.00; 13 % of 180.00 is 23.40."""
    customer_id = shop.buyer()
    with transaction():
        coupons.create({"code": "TEN", "percent": "10"}, at)
        coupons.redeem("TEN", customer_id, at)
    invoice_id = draft(shop, customer_id=customer_id)
    with transaction():
        draft_lines.add(invoice_id, WORK, at)
    invoice = finalize(invoice_id, at)
    assert (invoice.discount_minor, invoice.total_minor) == (20_00, 203_40)
    assert [step["step"] for step in invoice.lines[0].derivation].count("discount") == 1


def test_the_balance_is_spent_when_the_draft_is_finalised(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer()
    invoice_id = draft(shop, customer_id=customer_id)
    with transaction():
        balances.add(customer_id, Money(113_00, "CAD"), at)
    assert fresh(Invoice, invoice_id).from_balance_minor == 0
    assert finalize(invoice_id, at).status == "paid"
    assert_books_balance()


def test_renewals_stay_drafts_while_the_grace_runs(shop: Shop, at: datetime) -> None:
    setting(at, grace_hours=2)
    subscription_id = shop.sell(shop.buyer())
    run_due(at)
    run_due(FEBRUARY)
    january, february = invoices_of(subscription_id)
    assert (january.status, february.status, february.finalize_at) == ("paid", "draft", FEBRUARY + timedelta(hours=2))
    with transaction():
        draft_lines.add(february.id, OneOff("Extra", "10.00"), FEBRUARY)
    run_due(FEBRUARY + timedelta(hours=1, minutes=59))
    assert fresh(Invoice, february.id).status == "draft"
    run_due(FEBRUARY + timedelta(hours=2))
    february = fresh(Invoice, february.id)
    assert (february.number, february.status, february.total_minor) == ("INV-000002", "paid", 33_90)
    assert_books_agree(shop.bank)


def test_a_draft_that_cannot_be_finalised_waits_for_a_person_and_holds_up_nobody(shop: Shop, at: datetime) -> None:
    setting(at, grace_hours=1)
    ids = [shop.sell(shop.buyer()) for _ in range(3)]
    run_due(at)
    run_due(FEBRUARY)
    broken = invoices_of(ids[1])[1]
    with transaction():
        draft_lines.remove(broken.id, broken.lines[0].id, FEBRUARY)
    drafts.finalize_due(FEBRUARY + timedelta(hours=1))
    assert [invoices_of(one)[1].status for one in ids] == ["open", "draft", "open"]
    assert fresh(Invoice, broken.id).finalize_at is None


def test_workers_finalise_each_draft_once(app: Flask, tenant: str, shop: Shop, at: datetime) -> None:
    setting(at, grace_hours=1)
    ids = [shop.sell(shop.buyer()) for _ in range(4)]
    run_due(at)
    run_due(FEBRUARY)
    done = together(app, tenant, *[lambda: drafts.finalize_due(FEBRUARY + timedelta(hours=1))] * 3)
    assert refusals(done) == []
    numbers = sorted(str(invoices_of(one)[1].number) for one in ids)
    assert numbers == [f"INV-{number:06d}" for number in (5, 6, 7, 8)]
    assert_books_balance()


def test_a_replaced_invoice_is_void_and_its_draft_says_so(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer()
    with transaction():
        coupons.create({"code": "TEN", "percent": "10"}, at)
        redemption_id = coupons.redeem("TEN", customer_id, at).id
        old = invoices.create(customer_id, [WORK], at, memo="Thank you.").id
    with transaction():
        new = invoices.replace(old, at, reason="wrong quantity").id
    replaced, copy = fresh(Invoice, old), fresh(Invoice, new)
    assert (replaced.status, replaced.number, replaced.replaced_by_id) == ("void", "INV-000001", new)
    assert (copy.status, copy.number, copy.memo) == ("draft", None, "Replaces INV-000001. Thank you.")
    assert (copy.discount_minor, copy.total_minor) == (10_00, 101_70)
    assert fresh(Redemption, redemption_id).used == 1
    assert finalize(new, at).number == "INV-000002"
    assert_books_balance()


def test_a_replaced_period_is_still_billed_once(shop: Shop, at: datetime) -> None:
    subscription_id = shop.sell(shop.buyer())
    [old] = invoices_of(subscription_id)
    with transaction():
        new = invoices.replace(old.id, at).id
    finalize(new, at)
    run_due(at)
    assert sorted((i.status, i.total_minor) for i in invoices_of(subscription_id)) == [("paid", 22_60), ("void", 22_60)]
    assert_books_agree(shop.bank)


def test_items_wait_for_the_next_invoice_and_stand_on_it_once(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer()
    subscription_id = shop.sell(customer_id)
    run_due(at)
    with transaction():
        invoice_items.add(customer_id, OneOff("Set-up", "50.00"), at)
        invoice_items.add(customer_id, OneOff("Training", "10.00", 2), at, subscription_id=subscription_id)
    run_due(FEBRUARY)
    run_due(datetime(2026, 3, 15, 12, 0, tzinfo=UTC))
    _, february, march = invoices_of(subscription_id)
    assert [line.description for line in february.lines] == ["Basic", "Set-up", "Training"]
    assert (february.total_minor, march.total_minor) == (101_70, 22_60)  # 90.00 + 11.70
    assert_books_agree(shop.bank)


def test_an_item_of_a_subscription_goes_onto_its_own_invoice(shop: Shop, at: datetime) -> None:
    customer_id, plan_id = shop.buyer(), shop.plan()
    first, second = shop.sell(customer_id, plan_id), shop.sell(customer_id, plan_id)
    with transaction():
        invoice_items.add(customer_id, OneOff("Training", "10.00"), at, subscription_id=second)
    run_due(FEBRUARY)
    assert [len(invoices_of(one)[1].lines) for one in (first, second)] == [1, 2]


def test_waiting_items_alone_make_an_invoice(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer()
    with pytest.raises(BillingError) as refusal, transaction():
        invoices.create(customer_id, [], at)
    assert refusal.value.code == "invalid_lines"
    with transaction():
        invoice_items.add(customer_id, OneOff("Set-up", "50.00"), at)
        invoice = invoices.create(customer_id, [], at)
    assert invoice.total_minor == 56_50


def test_an_item_can_be_taken_back_until_it_is_invoiced(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer()
    with transaction():
        gone = invoice_items.add(customer_id, OneOff("Set-up", "50.00"), at).id
        kept = invoice_items.add(customer_id, OneOff("Training", "10.00"), at).id
    with transaction():
        invoice_items.remove(gone, at)
        invoices.create(customer_id, [WORK], at)
    assert fresh(InvoiceItem, kept).invoice_id is not None
    with pytest.raises(BillingError) as refusal, transaction():
        invoice_items.remove(kept, at)
    assert refusal.value.code == "item_invoiced"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (OneOff(" ", "1.00"), "description"),
        (OneOff("Work", "-1.00"), "unit_amount"),
        (OneOff("Work", "1.00", "-1"), "quantity"),
        (OneOff("Work", "1.00", tax_category="magic"), "tax_category"),
    ],
)
def test_an_item_that_no_invoice_could_have_is_refused(shop: Shop, at: datetime, line: OneOff, field: str) -> None:
    customer_id = shop.customer()
    with pytest.raises(BillingError) as refusal, transaction():
        invoice_items.add(customer_id, line, at)
    assert refusal.value.field == field


def test_an_item_for_an_ended_subscription_is_refused(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer()
    subscription_id = shop.sell(customer_id)
    with transaction():
        subscriptions.cancel(subscription_id, at, at_period_end=False)
    with pytest.raises(BillingError) as refusal, transaction():
        invoice_items.add(customer_id, WORK, at, subscription_id=subscription_id)
    assert refusal.value.code == "subscription_ended"


def test_each_customer_can_have_a_series_of_their_own(shop: Shop, at: datetime) -> None:
    setting(at, numbering="customer")
    ada, bob = shop.buyer(None), shop.buyer(None)
    with transaction():
        drawn = [invoices.create(one, [WORK], at).number for one in (ada, bob, ada)]
    assert drawn == ["INV-0001-0001", "INV-0002-0001", "INV-0001-0002"]


def test_series_are_gapless_when_many_begin_at_once(app: Flask, tenant: str, shop: Shop, at: datetime) -> None:
    setting(at, numbering="customer")
    buyers = [shop.buyer(None) for _ in range(3)] * 2

    def billing(customer_id: str) -> Callable[[], str | None]:
        def call() -> str | None:
            with transaction():
                return invoices.create(customer_id, [WORK], at).number

        return call

    drawn = together(app, tenant, *map(billing, buyers))
    assert refusals(drawn) == []
    assert sorted(map(str, drawn)) == [f"INV-000{n}-000{m}" for n in (1, 2, 3) for m in (1, 2)]


@pytest.mark.parametrize(
    ("values", "code"), [({"grace_hours": -1}, "invalid_hours"), ({"numbering": "x"}, "invalid_numbering")]
)
def test_settings_that_make_no_sense_are_refused(shop: Shop, at: datetime, values: dict[str, Any], code: str) -> None:
    with pytest.raises(BillingError) as refusal:
        setting(at, **values)
    assert refusal.value.code == code
    assert session().get_one(Tenant, current_tenant_id()).setting("grace_hours") == 0
