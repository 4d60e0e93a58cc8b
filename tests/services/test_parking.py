"""Renewals that look abnormal are set aside, and billed once a person has let them go on. The plan is 20.00 a month."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.db import transaction
from app.domain.abnormal import Limits, refuse_abnormal
from app.domain.errors import BillingError, InvalidInput
from app.domain.money import Money
from app.jobs.schedule import run_due
from app.models import Subscription
from app.services import parking, tenant_settings
from tests.shop import Shop, assert_books_agree, fresh, invoices_of


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
