"""Debts that are given up, and what comes in after all. Invoices are 100.00 with 13.00 HST on top."""

from datetime import datetime

import pytest

from app.db import transaction
from app.domain.errors import BillingError
from app.domain.money import Money
from app.domain.write_offs import tax_within
from app.gateways.types import PaymentResult, PaymentStatus
from app.models import Invoice
from app.services import charging, credit_notes, invoices, payments, write_offs
from app.services.one_off import OneOff
from tests.services.line import Script, says
from tests.shop import Shop, assert_books_balance, balance, fresh


def cad(minor: int) -> Money:
    return Money(minor, "CAD")


def bill(shop: Shop) -> str:
    customer_id = shop.buyer()
    with transaction():
        return invoices.create(customer_id, [OneOff("Work", "100.00")], shop.at).id


def write_off(invoice_id: str, at: datetime) -> Invoice:
    with transaction():
        return write_offs.write_off(invoice_id, at, reason="bankrupt")


@pytest.mark.parametrize(
    ("owed", "asked", "tax", "within"),
    [
        (113_00, 113_00, 13_00, 13_00),
        (63_00, 113_00, 13_00, 7_25),  # 7.2477…
        (1, 113_00, 13_00, 0),
        (0, 113_00, 13_00, 0),
        (0, 0, 0, 0),
        (10_00, 10_00, 0, 0),
    ],
)
def test_a_debt_holds_its_share_of_the_tax(owed: int, asked: int, tax: int, within: int) -> None:
    assert tax_within(owed, asked, tax) == within


def test_a_written_off_invoice_is_bad_debt_without_its_tax(shop: Shop, at: datetime) -> None:
    invoice = write_off(bill(shop), at)
    assert (invoice.status, invoice.written_off_at, invoice.dunning_at) == ("uncollectible", at, None)
    assert (balance("bad_debt"), balance("tax_payable"), balance("accounts_receivable")) == (100_00, 0, 0)
    assert_books_balance()


def test_only_the_rest_is_written_off_of_what_was_paid_in_part(shop: Shop, at: datetime) -> None:
    """50.00 of 113.00 are paid: 63.00 are lost, 7.25 of it tax."""
    invoice_id = bill(shop)
    charging.collect(invoice_id, at, amount=cad(50_00))
    write_off(invoice_id, at)
    assert (balance("bad_debt"), balance("tax_payable")) == (55_75, -5_75)
    assert_books_balance()


def test_what_was_credited_is_not_lost_again(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop)
    with transaction():
        credit_notes.issue(invoice_id, at, amount=cad(56_50))
    write_off(invoice_id, at)
    assert (balance("bad_debt"), balance("refunds"), balance("tax_payable")) == (50_00, 50_00, 0)
    assert_books_balance()


def test_what_is_paid_after_all_is_recovered_in_parts_that_sum_up(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop)
    write_off(invoice_id, at)
    for minor in (33_33, 33_33, 46_34):
        charging.collect(invoice_id, at, amount=cad(minor))
        assert_books_balance()
    assert fresh(Invoice, invoice_id).status == "paid"
    assert (balance("bad_debt"), balance("tax_payable"), balance("gateway_clearing")) == (0, -13_00, 113_00)


def test_a_recovered_part_that_the_bank_takes_back_is_lost_again(shop: Shop, at: datetime, script: Script) -> None:
    script["create_payment"] = says(PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", cad(50_00)))
    invoice_id = bill(shop)
    write_off(invoice_id, at)
    payment = charging.collect(invoice_id, at, amount=cad(50_00))
    with transaction():
        payments.record(payment.id, PaymentResult(PaymentStatus.FAILED, "ref-1"), at)
    assert (balance("bad_debt"), balance("tax_payable"), balance("gateway_clearing")) == (100_00, 0, 0)
    assert_books_balance()


def test_a_written_off_invoice_can_be_voided(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop)
    write_off(invoice_id, at)
    with transaction():
        invoices.void(invoice_id, at)
    for account in ("bad_debt", "tax_payable", "sales_revenue", "accounts_receivable"):
        assert balance(account) == 0


def test_only_an_open_invoice_is_written_off_and_not_while_money_is_on_its_way(
    shop: Shop, at: datetime, script: Script
) -> None:
    script["create_payment"] = says(PaymentResult(PaymentStatus.PENDING, "ref-1"))
    invoice_id = bill(shop)
    payment = charging.collect(invoice_id, at)
    with pytest.raises(BillingError) as refusal:
        write_off(invoice_id, at)
    assert refusal.value.code == "payment_in_progress"
    with transaction():
        payments.record(payment.id, PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", cad(113_00)), at)
    with pytest.raises(BillingError) as refusal:
        write_off(invoice_id, at)
    assert refusal.value.code == "not_open"
