"""What looks abnormal is set aside, and charged once a person has let it go on. The plan is 20.00 a month."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.db import transaction
from app.domain.abnormal import Limits, refuse_abnormal
from app.domain.errors import BillingError, InvalidInput
from app.domain.money import Money
from app.jobs.schedule import run_due
from app.models import Customer, Invoice, Plan, Subscription
from app.queries import lists
from app.services import drafts, invoice_items, invoices, parking, subscription_changes, tenant_settings, upcoming
from app.services.one_off import OneOff
from app.services.subscription_changes import Wanted
from tests.shop import Shop, assert_books_agree, fresh, invoices_of, payments_of


def month(number: int) -> datetime:
    return datetime(2026, number, 15, 12, 0, tzinfo=UTC)


def look_first(at: datetime, **settings: Any) -> None:
    with transaction():
        tenant_settings.change_settings(settings, at)


CHARGE = {"name": "Support", "kind": "recurring", "price": {"model": "standard", "unit_amount": "1"}}


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"review_amount": 20}, "would come to 21.00 CAD before tax, and more than 20 is looked at first"),
        ({"review_lines": 1}, "would have 2 lines, and more than 1 are looked at first"),
    ],
)
def test_an_abnormal_renewal_waits_for_a_person(shop: Shop, at: datetime, limits: Any, said: str) -> None:
    sold, usual = shop.sell(shop.buyer(), shop.plan(charges=[CHARGE])), shop.sell(shop.buyer())
    run_due(at)
    look_first(at, **limits)
    run_due(month(2))
    parked = fresh(Subscription, sold)
    assert said in (parked.parked_reason or "")
    assert (len(invoices_of(sold)), len(invoices_of(usual))) == (1, 2)  # nothing is charged, and others go on
    with transaction():
        parking.release(sold, month(2))
    run_due(month(2))
    assert len(invoices_of(sold)) == 2
    assert fresh(Subscription, sold).parked_reason is None
    run_due(month(3))  # what comes later has not been seen yet
    assert (len(invoices_of(sold)), fresh(Subscription, sold).parked_reason is None) == (2, False)
    assert_books_agree(shop.bank)


def change_plan(shop: Shop, customer: str) -> None:
    sold = shop.sell(customer, shop.plan("5.00"))
    run_due(shop.at)
    dearer = shop.plan("40.00")
    with transaction():
        subscription_changes.change(sold, Wanted(plan_id=dearer), shop.at)


def add_item(shop: Shop, customer: str) -> None:
    """It waits for the renewal, whose own lines are as usual."""
    shop.sell(customer, shop.plan("5.00"))
    run_due(shop.at)
    with transaction():
        invoice_items.add(customer, OneOff("Cabling", "35.00"), shop.at)
    run_due(month(2))


def write_invoice(shop: Shop, customer: str) -> None:
    with transaction():
        invoices.create(customer, [OneOff("Cabling", "40.00")], shop.at, collection="automatic")


def finalize_draft(shop: Shop, customer: str) -> None:
    with transaction():
        draft = invoices.create(customer, [OneOff("Cabling", "40")], shop.at, collection="automatic", finalize=False)
    with transaction():
        drafts.finalize(draft.id, shop.at)


ABNORMAL: dict[str, Callable[[Shop, str], object]] = {
    "first sale": lambda shop, customer: shop.sell(customer, shop.plan("40.00")),
    "plan change": change_plan,
    "waiting item": add_item,
    "one-off invoice": write_invoice,
    "finalised draft": finalize_draft,
}


@pytest.mark.parametrize("way", ABNORMAL)
def test_whatever_is_abnormal_stays_a_draft_until_a_person_has_looked(shop: Shop, at: datetime, way: str) -> None:
    customer = shop.buyer()
    look_first(at, review_amount=30)
    ABNORMAL[way](shop, customer)
    run_due(month(2))
    [parked] = lists.invoices({"to_review": "yes"}).items
    reason = f"This invoice would come to {parked.subtotal_minor / 100:.2f} CAD before tax, and more than 30 is"
    assert (parked.status, parked.number, parked.finalize_at) == ("draft", None, None)
    assert (parked.review_reason or "").startswith(reason)
    assert payments_of(parked.id) == []
    with transaction():
        released = drafts.finalize(parked.id, month(2))
        assert (released.status, released.review_reason) == ("open", None)
    run_due(month(2))
    assert fresh(Invoice, parked.id).status == "paid"
    assert lists.invoices({"to_review": "yes"}).items == []
    assert_books_agree(shop.bank)


def foreseen_sale(shop: Shop, customer: str) -> tuple[str | None, str | None]:
    plan = shop.plan("40.00")
    shown = upcoming.first_invoice(fresh(Customer, customer), fresh(Plan, plan), shop.at)
    [invoice] = invoices_of(shop.sell(customer, plan))
    return shown and shown.review_reason, invoice.review_reason


def foreseen_change(shop: Shop, customer: str) -> tuple[str | None, str | None]:
    sold, wanted = shop.sell(customer, shop.plan("5.00")), Wanted(plan_id=shop.plan("40.00"))
    run_due(shop.at)
    shown = subscription_changes.preview(sold, wanted, shop.at)
    with transaction():
        subscription_changes.change(sold, wanted, shop.at, fingerprint=shown.fingerprint)
    return shown.review_reason, next(one.review_reason for one in invoices_of(sold) if one.status == "draft")


def foreseen_renewal(shop: Shop, customer: str) -> tuple[str | None, str | None]:
    look_first(shop.at, review_amount=50)
    sold = shop.sell(customer, shop.plan("40.00"))
    run_due(shop.at)
    look_first(shop.at, review_amount=30)
    shown = upcoming.next_invoice(row := fresh(Subscription, sold), row.customer, row.plan)
    run_due(month(2))
    return shown and shown.review_reason, fresh(Subscription, sold).parked_reason


def foreseen_item(shop: Shop, customer: str) -> tuple[str | None, str | None]:
    sold = shop.sell(customer, shop.plan("5.00"))
    run_due(shop.at)
    with transaction():
        invoice_items.add(customer, OneOff("Cabling", "35.00"), shop.at)
    shown = upcoming.next_invoice(row := fresh(Subscription, sold), row.customer, row.plan)
    run_due(month(2))
    return shown and shown.review_reason, invoices_of(sold)[1].review_reason


@pytest.mark.parametrize("foreseen", [foreseen_sale, foreseen_change, foreseen_renewal, foreseen_item])
def test_a_preview_says_that_it_would_be_set_aside_and_why(
    shop: Shop, at: datetime, foreseen: Callable[[Shop, str], tuple[str | None, str | None]]
) -> None:
    look_first(at, review_amount=30)
    said, reason = foreseen(shop, shop.buyer())
    assert said == reason
    assert (said or "").endswith("and more than 30 is looked at first.")


def test_a_preview_of_what_was_released_says_nothing_any_more(shop: Shop, at: datetime) -> None:
    sold = shop.sell(shop.buyer())
    run_due(at)
    look_first(at, review_amount=10)
    run_due(month(2))
    with transaction():
        row = parking.release(sold, month(2))
        shown = upcoming.next_invoice(row, row.customer, row.plan)
    assert shown
    assert shown.review_reason is None


def test_a_first_sale_does_not_expire_while_it_waits_for_a_person(shop: Shop, at: datetime) -> None:
    look_first(at, review_amount=10)
    sold = shop.sell(shop.buyer())
    run_due(at + timedelta(days=4))
    assert fresh(Subscription, sold).status == "incomplete"
    with transaction():
        invoices.void(invoices_of(sold)[0].id, at + timedelta(days=4), reason="a typing error")
    run_due(at + timedelta(days=5))
    assert fresh(Subscription, sold).status == "expired"


def test_up_to_the_limit_nobody_needs_to_look() -> None:
    cents = [Money(600_00, "CAD"), Money(400_00, "CAD")]
    refuse_abnormal(cents, Limits(2, 1000))
    refuse_abnormal([], Limits(1, 1))
    refuse_abnormal([Money(1000, "JPY")], Limits(1, 1000))  # a yen has no cents
    for amounts, limits, code in (
        ([*cents, Money(1, "CAD")], Limits(3, 1000), "abnormal_amount"),
        (cents, Limits(1, 1000), "abnormal_lines"),
    ):
        with pytest.raises(BillingError) as refusal:
            refuse_abnormal(amounts, limits)
        assert refusal.value.code == code


@pytest.mark.parametrize("value", [0, -1, 10_001, True, "5", 1.5, None])
def test_a_limit_that_is_none_is_refused(shop: Shop, at: datetime, value: Any) -> None:
    with pytest.raises(InvalidInput) as refusal:
        look_first(at, review_lines=value)
    assert refusal.value.field == "review_lines"
