"""What customers have in their favour: where it comes from, what it pays for, and that nothing of it is lost.

Plans are 20.00 a month, 22.60 with tax.
"""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.db import session, transaction
from app.domain.errors import BillingError
from app.domain.money import Money
from app.domain.outside_payments import Received
from app.gateways.base import Capability
from app.gateways.types import PaymentResult, PaymentStatus, RefundResult, RefundStatus
from app.jobs.schedule import run_due
from app.models import Customer, Invoice, Payment, Subscription
from app.queries.balances import moves_of
from app.services import balances, charging, documents, invoices, outside_payments, payments, refunds, renewals
from app.services.one_off import OneOff
from tests.laws import tried_on_servers
from tests.services.line import Script, ScriptedGateway, says
from tests.services.test_main_job import postings
from tests.shop import (
    Shop,
    assert_balances_agree,
    assert_books_agree,
    assert_books_balance,
    balance,
    fresh,
    invoices_of,
    payments_of,
)
from tests.together import refusals, together

FEBRUARY = datetime(2026, 2, 15, 12, 0, tzinfo=UTC)


def cad(minor: int) -> Money:
    return Money(minor, "CAD")


def credit(customer_id: str, minor: int, at: datetime) -> None:
    with transaction():
        balances.add(customer_id, cad(minor), at, reason="goodwill")


def left(customer_id: str) -> int:
    return fresh(Customer, customer_id).balance_minor


def bill(customer_id: str, amount: str, at: datetime) -> Invoice:
    with transaction():
        return fresh(Invoice, invoices.create(customer_id, [OneOff("Work", amount, tax_category="exempt")], at).id)


@pytest.mark.parametrize(
    ("given_minor", "taken", "status", "remains"),
    [
        (10_00, 10_00, "open", 0),  # 22.60 - 10.00 = 12.60 to pay
        (22_60, 22_60, "paid", 0),
        (30_00, 22_60, "paid", 7_40),
        (0, 0, "open", 0),
    ],
)
def test_the_balance_pays_the_next_invoice_as_far_as_it_goes(
    shop: Shop, at: datetime, given_minor: int, taken: int, status: str, remains: int
) -> None:
    customer_id = shop.buyer(None)
    if given_minor:
        credit(customer_id, given_minor, at)
    [invoice] = invoices_of(shop.sell(customer_id))
    assert (invoice.from_balance_minor, invoice.due_minor, invoice.status) == (taken, 22_60 - taken, status)
    assert left(customer_id) == remains
    assert_books_balance()


def test_a_first_invoice_paid_by_the_balance_starts_the_subscription(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer(None)
    credit(customer_id, 30_00, at)
    subscription_id = shop.sell(customer_id)
    [invoice] = invoices_of(subscription_id)
    assert postings(invoice.id)["customer_balance_applied"] == {
        "customer_balance": 22_60,
        "accounts_receivable": -22_60,
    }
    assert fresh(Subscription, subscription_id).status == "active"


def test_only_what_the_balance_leaves_is_charged_at_renewal(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer()
    subscription_id = shop.sell(customer_id)
    run_due(at)
    credit(customer_id, 10_00, at)
    run_due(FEBRUARY)
    january, february = invoices_of(subscription_id)
    assert [payment.amount_minor for payment in payments_of(february.id)] == [12_60]
    assert (january.from_balance_minor, february.from_balance_minor, february.status) == (0, 10_00, "paid")
    assert_books_agree(shop.bank)


def test_a_batch_spends_one_balance_over_several_invoices(shop: Shop, at: datetime) -> None:
    customer_id, plan_id = shop.buyer(), shop.plan()
    ids = [shop.sell(customer_id, plan_id) for _ in range(3)]
    run_due(at)
    credit(customer_id, 30_00, at)
    renewals.renew_due(FEBRUARY)
    assert sorted(invoices_of(one)[1].from_balance_minor for one in ids) == [0, 7_40, 22_60]
    assert left(customer_id) == 0
    assert_books_balance()


def test_money_that_comes_too_late_is_kept_and_spent_on_the_next_invoice(
    shop: Shop, at: datetime, script: Script
) -> None:
    script["create_payment"] = says(PaymentResult(PaymentStatus.PENDING, "ref-1"))
    customer_id = shop.buyer()
    invoice = bill(customer_id, "50.00", at)
    payment = charging.collect(invoice.id, at)
    with transaction():
        balances.add(customer_id, cad(50_00), at)
    with pytest.raises(BillingError) as refusal, transaction():
        balances.apply(invoice.id, at)
    assert refusal.value.code == "payment_in_progress"
    with transaction():
        payments.record(payment.id, PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", cad(60_00)), at)
    assert left(customer_id) == 60_00  # 50.00 given and 10.00 paid too much
    assert bill(customer_id, "60.00", at).status == "paid"
    assert_books_balance()


def test_the_balance_pays_an_open_invoice_when_asked(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer(None)
    invoice = bill(customer_id, "50.00", at)
    credit(customer_id, 30_00, at)
    with transaction():
        assert balances.apply(invoice.id, at).due_minor == 20_00
    credit(customer_id, 30_00, at)
    with transaction():
        assert balances.apply(invoice.id, at).status == "paid"
    assert left(customer_id) == 10_00
    assert_books_balance()


def test_a_returned_payment_takes_its_excess_back_out_of_the_balance(shop: Shop, at: datetime, script: Script) -> None:
    """60.00 came for 50.00, the 10.00 too much paid another invoice, and then the bank took the 60.00 back: the
    customer owes the 50.00 again, and the 10.00 goes onto their next invoice."""
    script["create_payment"] = says(PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", cad(60_00)))
    customer_id = shop.buyer()
    first = bill(customer_id, "50.00", at)
    payment = charging.collect(first.id, at)
    second = bill(customer_id, "10.00", at)
    assert (second.status, left(customer_id)) == ("paid", 0)
    with transaction():
        payments.record(payment.id, PaymentResult(PaymentStatus.FAILED, "ref-1"), at)
    assert (fresh(Invoice, first.id).status, left(customer_id)) == ("open", -10_00)
    third = bill(customer_id, "5.00", at)
    assert (third.total_minor, third.from_balance_minor, third.due_minor) == (5_00, -10_00, 15_00)
    assert left(customer_id) == 0
    assert_books_balance()


def test_a_refund_of_too_much_paid_comes_out_of_the_balance(shop: Shop, at: datetime, script: Script) -> None:
    script["create_payment"] = says(PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", cad(60_00)))
    customer_id = shop.buyer()
    payment = charging.collect(bill(customer_id, "50.00", at).id, at)
    with transaction():
        row = refunds.claim(payment.id, cad(15_00), at, reason="")
        refunds.record(row.id, RefundResult(RefundStatus.SUCCEEDED, "back-1"), at)
    assert left(customer_id) == 0
    assert postings(row.id)["payment_refunded"] == {
        "customer_balance": 10_00,
        "refunds": 5_00,
        "gateway_clearing": -15_00,
    }
    assert_balances_agree()


def test_a_refund_never_takes_credit_that_was_spent(shop: Shop, at: datetime, script: Script) -> None:
    script["create_payment"] = says(PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", cad(60_00)))
    customer_id = shop.buyer()
    payment = charging.collect(bill(customer_id, "50.00", at).id, at)
    assert bill(customer_id, "8.00", at).status == "paid"
    with transaction():
        row = refunds.claim(payment.id, cad(15_00), at, reason="")
        refunds.record(row.id, RefundResult(RefundStatus.SUCCEEDED, "back-1"), at)
    assert (left(customer_id), postings(row.id)["payment_refunded"]["customer_balance"]) == (0, 2_00)
    assert_balances_agree()


def test_voiding_gives_the_balance_back(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer(None)
    credit(customer_id, 30_00, at)
    invoice = bill(customer_id, "50.00", at)
    assert left(customer_id) == 0
    with transaction():
        invoices.void(invoice.id, at)
    assert left(customer_id) == 30_00
    assert_books_balance()


@pytest.mark.parametrize(
    ("minor", "currency", "code"),
    [(0, "CAD", "invalid_amount"), (1_00, "USD", "currency_mismatch"), (-30_01, "CAD", "balance_too_low")],
)
def test_a_balance_is_changed_by_what_makes_sense_only(
    shop: Shop, at: datetime, minor: int, currency: str, code: str
) -> None:
    customer_id = shop.buyer(None)
    credit(customer_id, 30_00, at)
    with pytest.raises(BillingError) as refusal, transaction():
        balances.add(customer_id, Money(minor, currency), at)
    assert refusal.value.code == code
    assert left(customer_id) == 30_00


def test_credit_can_be_taken_back(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer(None)
    credit(customer_id, 30_00, at)
    credit(customer_id, -10_00, at)
    assert [(move.amount_minor, move.balance_minor) for move in moves_of(customer_id).items] == [
        (-10_00, 20_00),
        (30_00, 30_00),
    ]
    assert balance("customer_balance") == -20_00
    assert_balances_agree()


def test_moves_are_never_changed(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer(None)
    credit(customer_id, 30_00, at)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction():
        session().execute(text("UPDATE balance_moves SET amount_minor = 0"))


def test_without_a_balance_there_is_nothing_to_apply(shop: Shop, at: datetime) -> None:
    invoice = bill(shop.buyer(None), "50.00", at)
    with pytest.raises(BillingError) as refusal, transaction():
        balances.apply(invoice.id, at)
    assert refusal.value.code == "no_balance"


def test_the_invoice_on_paper_shows_what_the_balance_paid(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer(None)
    credit(customer_id, 30_00, at)
    invoice = bill(customer_id, "50.00", at)
    credit(customer_id, 20_00, at)
    with transaction():
        balances.apply(invoice.id, at.replace(hour=13))
    with transaction():
        document = documents.invoice_pdf(invoice.id, at)
    paper = PdfReader(BytesIO(documents.content(document))).pages[0].extract_text()
    for words in ("From your balance", "-$30.00", "To pay", "$20.00"):
        assert words in paper


def test_many_at_once_never_spend_it_twice(app: Flask, tenant: str, shop: Shop, at: datetime) -> None:
    customer_id, plan_id = shop.buyer(None), shop.plan()
    credit(customer_id, 30_00, at)
    sold = together(app, tenant, *[lambda: shop.sell(customer_id, plan_id, collection="manual")] * 4)
    assert refusals(sold) == []
    taken = sorted(invoices_of(str(one))[0].from_balance_minor for one in sold)
    assert (taken, left(customer_id)) == ([0, 0, 7_40, 22_60], 0)
    assert_books_balance()


@pytest.fixture
def any_amount(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted gateway is one to which payers send what they like."""
    can = ScriptedGateway.capabilities | Capability.ANY_AMOUNT
    monkeypatch.setattr(ScriptedGateway, "capabilities", can)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("credit"), st.integers(1, 60_00)),
        st.tuples(st.just("bill"), st.integers(1, 60_00)),
        st.tuples(st.just("pay"), st.integers(1, 80_00)),
        st.tuples(st.just("receive"), st.integers(1, 80_00)),
        st.tuples(st.just("void"), st.just(0)),
        st.tuples(st.just("return"), st.just(0)),
    ),
    max_size=8,
)


@tried_on_servers(15)
@given(steps)
@pytest.mark.usefixtures("any_amount")
def test_whatever_happens_books_column_and_moves_say_the_same(
    shop: Shop, script: Script, story: list[tuple[str, int]]
) -> None:
    """Credit, invoices, payments of too much and too little, cash, voids and returned payments, in any order."""
    customer_id = shop.buyer()
    open_ids: list[str] = []
    paid_ids: list[str] = []
    for step, minor in story:
        if step == "credit":
            credit(customer_id, minor, shop.at)
        elif step == "bill":
            open_ids.append(bill(customer_id, f"{minor // 100}.{minor % 100:02}", shop.at).id)
        elif step == "pay" and open_ids and _is_payable(open_ids[-1]):
            script["create_payment"] = says(PaymentResult(PaymentStatus.SUCCEEDED, "ref", cad(minor)))
            paid_ids.append(charging.collect(open_ids[-1], shop.at).id)
        elif step == "receive" and open_ids and _is_payable(open_ids[-1]):
            part = min(cad(minor), fresh(Invoice, open_ids[-1]).due)
            received = outside_payments.receive(open_ids[-1], Received("cash", shop.at), shop.at, amount=part)
            paid_ids.append(received.id)
        elif step == "void" and open_ids and _is_voidable(open_ids[-1]):
            with transaction():
                invoices.void(open_ids[-1], shop.at)
        elif step == "return" and paid_ids and fresh(Payment, paid_ids[-1]).status == "succeeded":
            with transaction():
                payments.record(paid_ids[-1], PaymentResult(PaymentStatus.FAILED, "ref"), shop.at)
        assert_books_balance()


def _is_payable(invoice_id: str) -> bool:
    invoice = fresh(Invoice, invoice_id)
    return invoice.status == "open" and invoice.due_minor > 0


def _is_voidable(invoice_id: str) -> bool:
    invoice = fresh(Invoice, invoice_id)
    return invoice.status == "open" and not invoice.paid_minor
