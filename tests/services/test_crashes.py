"""Killed at any step of claim, call, record: once the jobs have run, our books and the bank's agree to the cent."""

import signal
from datetime import datetime, timedelta

import pytest

from app.config import Settings
from app.db import current_tenant_id
from app.models import Invoice, Payment, Refund
from app.services import charging, due_payments, refunds
from tests.services.dying import STEPS, charge, killed_while, refund
from tests.shop import Shop, assert_books_agree, fresh, let_check_fall_due

SOON = timedelta(minutes=15)


@pytest.mark.parametrize("step", STEPS)
def test_killed_while_charging_the_customer_is_charged_once(
    shop: Shop, at: datetime, settings: Settings, step: str
) -> None:
    invoice_id = shop.debt()
    assert killed_while(settings, current_tenant_id(), step, charge, invoice_id, at) == signal.SIGKILL
    let_check_fall_due()
    due_payments.check_due(at)
    due_payments.collect_due(at)  # what died with the worker is made up for at once
    assert fresh(Invoice, invoice_id).status == "paid"
    assert len(shop.bank.charges()) == 1
    assert_books_agree(shop.bank)


@pytest.mark.parametrize("step", STEPS)
def test_killed_while_refunding_the_money_goes_back_once_or_not_at_all(
    shop: Shop, at: datetime, settings: Settings, step: str
) -> None:
    payment = charging.collect(shop.debt(), at)
    assert killed_while(settings, current_tenant_id(), step, refund, payment.id, 10_00, at) == signal.SIGKILL
    let_check_fall_due(Refund)
    refunds.check_due(at)
    assert fresh(Payment, payment.id).refunded_minor == sum(minor for _, _, minor in shop.bank.refunds())
    assert_books_agree(shop.bank)


def test_who_is_killed_again_and_again_takes_its_time(shop: Shop, at: datetime, settings: Settings) -> None:
    """A charge that kills its worker must not kill one after the other."""
    invoice_id = shop.debt()
    waited = []
    for moment in (at, at, at + SOON):
        step = "before the bank has booked"
        assert killed_while(settings, current_tenant_id(), step, charge, invoice_id, moment) == signal.SIGKILL
        let_check_fall_due()
        due_payments.check_due(moment)
        waited.append((fresh(Invoice, invoice_id).collect_at or at) - moment)
    assert waited == [timedelta(0), 2 * SOON, 4 * SOON]
    assert fresh(Invoice, invoice_id).attempts == 0


def test_nothing_waits_for_an_answer_afterwards(shop: Shop, at: datetime, settings: Settings) -> None:
    invoice_id = shop.debt()
    killed_while(settings, current_tenant_id(), "after the bank has booked", charge, invoice_id, at)
    assert due_payments.check_due(at) == 0  # the lease of the dead process still runs
    let_check_fall_due()
    assert [due_payments.check_due(at), due_payments.check_due(at)] == [1, 0]
