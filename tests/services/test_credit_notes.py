"""Credit notes on real invoices: 100.00 with 13.00 HST on top unless said otherwise."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from app.db import session, transaction
from app.domain.errors import BillingError
from app.domain.money import Money
from app.gateways.errors import GatewayUnavailable
from app.gateways.types import PaymentResult, PaymentStatus, RefundResult, RefundStatus
from app.jobs.schedule import run_due
from app.models import CreditNote, Customer, Invoice, Subscription
from app.queries.credit_notes import lines_left, notes_of, refunds_for
from app.services import charging, credit_notes, documents, invoices
from app.services.one_off import OneOff
from tests.laws import tried_on_servers
from tests.services.line import Script, says
from tests.services.test_main_job import postings
from tests.shop import Shop, assert_books_agree, assert_books_balance, balance, fresh, invoices_of, mails
from tests.together import refusals, together


def cad(minor: int) -> Money:
    return Money(minor, "CAD")


def bill(shop: Shop, *lines: OneOff, token: str | None = "tok_ok") -> str:
    """An open invoice by hand; gives its id."""
    customer_id = shop.buyer(token)
    with transaction():
        return invoices.create(customer_id, lines or (OneOff("Work", "100.00"),), shop.at).id


def credit(invoice_id: str, at: datetime, **asked: Any) -> CreditNote:
    with transaction():
        return credit_notes.issue(invoice_id, at, **asked)


def customer_of(invoice_id: str) -> Customer:
    return fresh(Customer, fresh(Invoice, invoice_id).customer_id)


@dataclass(frozen=True)
class Case:
    """A credit note on an invoice of 113.00, and its net and tax."""

    asked: dict[str, Any]
    net: int
    tax: int


@pytest.mark.parametrize(
    "case",
    [
        Case({}, 100_00, 13_00),
        Case({"amount": cad(40_68)}, 36_00, 4_68),  # 40.68 × 100/113
        Case({"amount": cad(113_00)}, 100_00, 13_00),
        Case({"amount": cad(1)}, 1, 0),
    ],
    ids=["all", "an amount", "the whole amount", "one cent"],
)
def test_a_note_on_an_open_invoice_takes_off_what_is_owed(shop: Shop, at: datetime, case: Case) -> None:
    invoice_id = bill(shop)
    note = credit(invoice_id, at, **case.asked)
    total = case.net + case.tax
    assert (note.number, note.net_minor, note.tax_minor, note.total_minor) == ("CN-000001", case.net, case.tax, total)
    assert (note.owed_minor, note.refund_minor, note.balance_minor) == (total, 0, 0)
    assert [(tax["name"], tax["amount_minor"]) for tax in note.taxes] == ([("HST", case.tax)] if case.tax else [])
    invoice = fresh(Invoice, invoice_id)
    assert (invoice.due_minor, invoice.status) == (113_00 - total, "open" if total < 113_00 else "paid")
    assert postings(note.id)["credit_note_issued"] == {
        "accounts_receivable": -total,
        "refunds": case.net,
        **({"tax_payable": case.tax} if case.tax else {}),
    }
    assert_books_balance()


def test_an_amount_of_a_line_takes_its_tax_along(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop, OneOff("Work", "100.00"), OneOff("Rent", "50.00", tax_category="exempt"))
    work, rent = fresh(Invoice, invoice_id).lines
    note = credit(invoice_id, at, lines={work.id: cad(50_00), rent.id: cad(20_00)})
    assert [(line.net_minor, line.tax_minor) for line in note.lines] == [(50_00, 6_50), (20_00, 0)]
    assert note.total_minor == 76_50
    assert [line.credited_minor for line in fresh_lines(invoice_id)] == [50_00, 20_00]


def fresh_lines(invoice_id: str) -> list[Any]:
    session().expire_all()
    return fresh(Invoice, invoice_id).lines


def test_a_line_priced_with_tax_is_credited_as_it_was_priced(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop, OneOff("Work", "113.00", inclusive=True))
    [line] = fresh(Invoice, invoice_id).lines
    note = credit(invoice_id, at, lines={line.id: cad(56_50)})
    assert (note.net_minor, note.tax_minor, note.total_minor) == (50_00, 6_50, 56_50)


def test_what_was_paid_goes_back_to_the_payment(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop)
    charging.collect(invoice_id, at)
    note = credit(invoice_id, at, amount=cad(40_68))
    assert (note.owed_minor, note.refund_minor, note.balance_minor) == (0, 40_68, 0)
    run_due(at)
    [refund] = refunds_for(note)
    assert (refund.status, refund.amount_minor, refund.reason) == ("succeeded", 40_68, "CN-000001")
    assert postings(refund.id) == {"payment_refunded": {"accounts_receivable": 40_68, "gateway_clearing": -40_68}}
    assert (balance("accounts_receivable"), balance("refunds"), balance("tax_payable")) == (0, 36_00, -8_32)
    assert_books_agree(shop.bank)


def test_what_was_paid_becomes_the_balance_if_asked(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop)
    charging.collect(invoice_id, at)
    note = credit(invoice_id, at, amount=cad(40_68), settle="balance")
    run_due(at)
    assert (note.balance_minor, refunds_for(note)) == (40_68, [])
    assert customer_of(invoice_id).balance_minor == 40_68
    assert_books_agree(shop.bank)


def test_an_invoice_paid_in_part_is_settled_first(shop: Shop, at: datetime) -> None:
    """Of 113.00, 63.00 are paid and 50.00 owed: a note over 60.00 takes off the 50.00 and sends 10.00 back."""
    invoice_id = bill(shop)
    charging.collect(invoice_id, at, amount=cad(63_00))
    note = credit(invoice_id, at, amount=cad(60_00))
    assert (note.owed_minor, note.refund_minor) == (50_00, 10_00)
    assert fresh(Invoice, invoice_id).status == "paid"
    run_due(at)
    assert [refund.amount_minor for refund in refunds_for(note)] == [10_00]
    assert_books_agree(shop.bank)


def test_a_refund_is_shared_by_the_payments_the_newest_first(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop)
    charging.collect(invoice_id, at, amount=cad(63_00))
    charging.collect(invoice_id, at, amount=cad(50_00))
    note = credit(invoice_id, at, amount=cad(60_00), settle="refund")
    run_due(at)
    assert sorted(refund.amount_minor for refund in refunds_for(note)) == [10_00, 50_00]
    assert_books_agree(shop.bank)


def test_what_no_payment_can_send_back_becomes_the_balance(shop: Shop, at: datetime) -> None:
    """Of an invoice of 113.00 the balance paid 40.00 and a card 73.00: all of it given back is 73.00 and 40.00."""
    first = bill(shop)
    charging.collect(first, at)
    credit(first, at, amount=cad(40_00), settle="balance")
    customer_id = fresh(Invoice, first).customer_id
    with transaction():
        second = invoices.create(customer_id, [OneOff("Work", "100.00")], at).id
    charging.collect(second, at)
    note = credit(second, at)
    run_due(at)
    assert (note.refund_minor, note.balance_minor) == (73_00, 40_00)
    assert customer_of(second).balance_minor == 40_00
    assert_books_agree(shop.bank)


def test_a_refund_that_bounces_is_kept_for_the_customer(shop: Shop, at: datetime, script: Script) -> None:
    script["create_payment"] = says(PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", cad(113_00)))
    script["refund"] = says(RefundResult(RefundStatus.FAILED, "back-1", "The account is closed."))
    invoice_id = bill(shop)
    charging.collect(invoice_id, at)
    note = credit(invoice_id, at, amount=cad(40_68))
    run_due(at)
    note = fresh(CreditNote, note.id)
    assert (note.refund_minor, note.balance_minor) == (0, 40_68)
    assert customer_of(invoice_id).balance_minor == 40_68
    assert_books_balance()


def test_a_gateway_that_is_away_is_asked_again_later(shop: Shop, at: datetime, script: Script) -> None:
    script["create_payment"] = says(PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", cad(113_00)))
    script["refund"] = says(GatewayUnavailable("The gateway is away."))
    invoice_id = bill(shop)
    charging.collect(invoice_id, at)
    note = credit(invoice_id, at, amount=cad(40_68))
    run_due(at)
    note = fresh(CreditNote, note.id)
    assert (note.refund_minor, note.refund_at) == (40_68, at + timedelta(minutes=15))
    script["refund"] = says(RefundResult(RefundStatus.SUCCEEDED, "back-1"))
    run_due(at + timedelta(minutes=15))
    assert sorted(refund.status for refund in refunds_for(note)) == ["failed", "succeeded"]
    assert balance("accounts_receivable") == 0
    assert_books_balance()


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"amount": cad(113_01)}, "credit_exceeds_invoice"),
        ({"amount": cad(0)}, "credit_not_positive"),
        ({"amount": Money(1_00, "USD")}, "currency_mismatch"),
        ({"lines": {"ivl_01h455vb4pex5vsknk084sn02q": cad(1)}}, "unknown_line"),
        ({"lines": {}}, "credit_not_positive"),
        ({"amount": cad(1), "lines": {}}, "ambiguous_credit"),
        ({"settle": "cash"}, "invalid_settle"),
    ],
)
def test_a_note_beyond_the_invoice_is_refused(shop: Shop, at: datetime, asked: dict[str, Any], code: str) -> None:
    invoice_id = bill(shop)
    with pytest.raises(BillingError) as refusal:
        credit(invoice_id, at, **asked)
    assert refusal.value.code == code
    assert notes_of(invoice_id) == []


def test_what_did_not_come_through_a_gateway_cannot_be_refunded(shop: Shop, at: datetime) -> None:
    first = bill(shop)
    charging.collect(first, at)
    credit(first, at, settle="balance")
    with transaction():
        second = invoices.create(fresh(Invoice, first).customer_id, [OneOff("Work", "50.00")], at).id
    with pytest.raises(BillingError) as refusal:
        credit(second, at, settle="refund")
    assert refusal.value.code == "not_refundable"


def test_void_and_written_off_invoices_cannot_be_credited(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop)
    with transaction():
        invoices.void(invoice_id, at)
    with pytest.raises(BillingError) as refusal:
        credit(invoice_id, at)
    assert refusal.value.code == "not_creditable"


def test_a_credited_invoice_cannot_be_voided(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop)
    credit(invoice_id, at, amount=cad(1_00))
    with pytest.raises(BillingError) as refusal, transaction():
        invoices.void(invoice_id, at)
    assert refusal.value.code == "invoice_has_credit_notes"


def test_crediting_all_that_is_owed_puts_the_subscription_in_order(shop: Shop, at: datetime) -> None:
    subscription_id = shop.sell(shop.buyer("tok_soft_decline"))
    run_due(at)
    [invoice] = invoices_of(subscription_id)
    assert fresh(Subscription, subscription_id).status == "past_due"
    credit(invoice.id, at)
    assert (fresh(Invoice, invoice.id).status, fresh(Subscription, subscription_id).status) == ("paid", "active")


def test_two_at_once_never_give_back_more_than_there_is(app: Flask, tenant: str, shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop)
    charging.collect(invoice_id, at)

    def half() -> str:
        return credit(invoice_id, at, amount=cad(50_00)).id

    results = together(app, tenant, *[half] * 4)
    assert refusals(results) == ["credit_exceeds_invoice"] * 2
    run_due(at)
    assert sum(note.total_minor for note in notes_of(invoice_id)) == 100_00
    assert_books_agree(shop.bank)


def test_numbers_have_no_gap_after_a_refusal(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop)
    first = credit(invoice_id, at, amount=cad(1_00)).number
    with pytest.raises(BillingError):
        credit(invoice_id, at, amount=cad(500_00))
    assert [first, credit(invoice_id, at, amount=cad(1_00)).number] == ["CN-000001", "CN-000002"]


def test_the_customer_gets_the_note_on_paper(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop)
    note = credit(invoice_id, at, amount=cad(40_68), reason="The work was late.")
    run_due(at)
    [mail] = mails("credit_note")
    assert (mail.context["total"], mail.context["owed"], mail.context["balance"]) == ("$40.68", "$40.68", None)
    kept = documents.find(note.id)
    assert kept is not None
    paper = PdfReader(BytesIO(documents.content(kept))).pages[0].extract_text()
    for words in ("Credit note", "CN-000001", "INV-000001", "Foxglove Farm", "The work was late.", "$36.00", "$4.68"):
        assert words in paper


rows = st.lists(
    st.builds(
        OneOff,
        st.just("Work"),
        st.integers(1, 99_999).map(lambda minor: f"{minor // 100}.{minor % 100:02}"),
        st.integers(1, 3),
        st.sampled_from(["service", "exempt"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


@tried_on_servers(25)
@given(rows, st.lists(st.integers(1, 100_000), max_size=3))
def test_notes_in_a_row_sum_to_the_invoice_tax_included(shop: Shop, lines: list[OneOff], wanted: list[int]) -> None:
    invoice_id = bill(shop, *lines, token=None)
    invoice = fresh(Invoice, invoice_id)
    for minor in wanted:
        due = fresh(Invoice, invoice_id).due_minor
        if due > 1:
            credit(invoice_id, shop.at, amount=cad(min(minor, due - 1)))
    credit(invoice_id, shop.at)
    notes = notes_of(invoice_id)
    assert sum(note.total_minor for note in notes) == invoice.total_minor
    assert sum(note.tax_minor for note in notes) == invoice.tax_minor
    assert all(each.left.total == 0 for each in lines_left(fresh(Invoice, invoice_id)))
    assert [line.credited_minor for line in fresh_lines(invoice_id)] == [
        line.amount_minor - line.discount_minor for line in fresh_lines(invoice_id)
    ]
    assert_books_balance()


def test_reading_and_writing_many_at_once_keeps_the_numbers_gapless(
    app: Flask, tenant: str, shop: Shop, at: datetime
) -> None:
    ids = [bill(shop, token=None) for _ in range(4)]

    def crediting(invoice_id: str) -> Callable[[], str]:
        return lambda: credit(invoice_id, at, amount=cad(1_00)).number

    assert sorted(str(one) for one in together(app, tenant, *map(crediting, ids))) == [
        f"CN-{number:06d}" for number in (1, 2, 3, 4)
    ]
