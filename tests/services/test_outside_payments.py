"""Money that came in outside of any gateway: recorded, given back, taken back. Invoices are 22.60 or 113.00."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import session, transaction
from app.domain.errors import BillingError
from app.domain.money import Money
from app.domain.outside_payments import LONGEST_AHEAD, Received
from app.gateways.types import PaymentResult, PaymentStatus
from app.models import AuditEntry, Customer, Event, Invoice, Payment, StatusChange
from app.queries.figures import cash_by_month
from app.services import charging, credit_notes, dunning, invoices, outside_payments, payments, refunds, write_offs
from app.services.one_off import OneOff
from tests.services.line import Script, says
from tests.shop import Shop, assert_books_balance, balance, fresh, payments_of, status
from tests.together import refusals, together

DAY = timedelta(days=1)


def cad(minor: int) -> Money:
    return Money(minor, "CAD")


def cheque(at: datetime) -> Received:
    return Received("cheque", at, "no. 17")


def bill(shop: Shop) -> str:
    customer_id = shop.customer()
    with transaction():
        return invoices.create(customer_id, [OneOff("Work", "100.00")], shop.at).id


def take_back(payment: Payment, at: datetime) -> Payment:
    with transaction():
        return outside_payments.take_back(payment.id, at, reason="bounced")


def money() -> tuple[int, int, int]:
    assert_books_balance()
    return balance("received_outside"), balance("gateway_clearing"), balance("accounts_receivable")


def test_it_pays_the_invoice_as_money_through_a_gateway_does(shop: Shop, at: datetime) -> None:
    """The subscription was past due after a refusal; dunning has nothing to do any more."""
    invoice_id = shop.debt("tok_soft_decline")
    charging.collect(invoice_id, at)
    subscription_id = fresh(Invoice, invoice_id).subscription_id or ""
    assert (status(subscription_id), fresh(Invoice, invoice_id).dunning_at is not None) == ("past_due", True)
    payment = outside_payments.receive(invoice_id, cheque(at), at + DAY)
    paid = fresh(Invoice, invoice_id)
    assert (paid.status, paid.paid_at, paid.dunning_at, paid.collect_at) == ("paid", at + DAY, None, None)
    assert (status(subscription_id), payment.status, payment.amount) == ("active", "succeeded", cad(22_60))
    assert (payment.outside_method, payment.outside_reference, payment.received_at) == ("cheque", "no. 17", at)
    assert money() == (22_60, 0, 0)
    told = session().scalars(select(Event.type).where(Event.subject_id.in_([payment.id, invoice_id])))
    assert {"payment.succeeded", "invoice.paid"} <= set(told)
    assert session().scalar(select(func.count()).where(AuditEntry.action == "payment.receive")) == 1
    assert session().scalars(select(StatusChange.new).where(StatusChange.subject_id == payment.id)).all() == [
        "succeeded"
    ]
    assert cash_by_month(at - DAY, "UTC")["CAD"][at.replace(day=1).date()] == 22_60


def test_a_part_leaves_the_rest_to_be_collected(shop: Shop, at: datetime) -> None:
    """10.00 by cheque, 12.60 by card."""
    invoice_id = shop.debt()
    outside_payments.receive(invoice_id, cheque(at), at, amount=cad(10_00))
    part = fresh(Invoice, invoice_id)
    assert (part.status, part.due_minor, part.collect_at is not None) == ("open", 12_60, True)
    assert charging.collect(invoice_id, at).amount == cad(12_60)
    assert (fresh(Invoice, invoice_id).status, money()) == ("paid", (10_00, 12_60, 0))


@pytest.mark.parametrize(
    ("received", "minor", "code", "field"),
    [
        (("barter", 0), None, "unknown_method", "method"),
        (("cash", 1), None, "in_the_future", "at"),
        (("cash", -LONGEST_AHEAD.days - 1), None, "too_early", "at"),
        (("cash", 0), 22_61, "invalid_amount", "amount"),
        (("cash", 0), 0, "invalid_amount", "amount"),
    ],
)
def test_what_cannot_be_is_refused_before_another_attempt_is_given_up(
    shop: Shop, at: datetime, received: tuple[str, int], minor: int | None, code: str, field: str
) -> None:
    invoice_id = shop.debt("tok_auth")
    waiting = charging.collect(invoice_id, at, off_session=False)
    amount = None if minor is None else cad(minor)
    with pytest.raises(BillingError) as refusal:
        outside_payments.receive(invoice_id, Received(received[0], at + received[1] * DAY), at, amount=amount)
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert fresh(Payment, waiting.id).status == "requires_action"


class TestOneWinner:
    """At most one attempt of an invoice is open, and money that comes twice is not lost."""

    def test_an_attempt_that_waits_for_its_payer_gives_way_and_its_money_is_kept(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        script["create_payment"] = says(PaymentResult(PaymentStatus.REQUIRES_ACTION, "ref-1"))
        script["void"] = says(PaymentResult(PaymentStatus.CANCELED, "ref-1"))
        invoice_id = shop.debt()
        waiting = charging.collect(invoice_id, at)
        outside_payments.receive(invoice_id, cheque(at), at)
        assert fresh(Payment, waiting.id).status == "canceled"
        with transaction():
            payments.record(waiting.id, PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", cad(22_60)), at)
        assert (fresh(Customer, waiting.customer_id).balance_minor, money()) == (22_60, (22_60, 22_60, 0))

    def test_one_that_may_be_taking_money_stands_in_its_way(self, shop: Shop, at: datetime) -> None:
        invoice_id = shop.debt("tok_delayed")
        charging.collect(invoice_id, at)
        with pytest.raises(BillingError) as refusal:
            outside_payments.receive(invoice_id, cheque(at), at)
        assert (refusal.value.code, len(payments_of(invoice_id))) == ("payment_in_progress", 1)

    def test_a_paid_invoice_takes_no_more(self, shop: Shop, at: datetime) -> None:
        invoice_id = shop.debt()
        outside_payments.receive(invoice_id, cheque(at), at)
        with pytest.raises(BillingError) as refusal:
            outside_payments.receive(invoice_id, cheque(at), at)
        assert refusal.value.code == "not_payable"

    def test_of_several_at_once_one_pays(self, app: Flask, tenant: str, shop: Shop, at: datetime) -> None:
        invoice_id = shop.debt()
        by_hand = [lambda: outside_payments.receive(invoice_id, cheque(at), at)] * 3
        done = together(app, tenant, *by_hand, lambda: charging.collect(invoice_id, at))
        assert set(refusals(done)) <= {"not_payable", "payment_in_progress"}
        assert [payment.status for payment in payments_of(invoice_id)] == ["succeeded"]
        assert (fresh(Invoice, invoice_id).status, sum(money())) == ("paid", 22_60)


def test_what_was_written_off_is_recovered(shop: Shop, at: datetime) -> None:
    invoice_id = bill(shop)
    with transaction():
        write_offs.write_off(invoice_id, at)
    outside_payments.receive(invoice_id, cheque(at), at)
    assert (balance("bad_debt"), fresh(Invoice, invoice_id).status, money()) == (0, "paid", (113_00, 0, 0))


class TestGivenBack:
    """No gateway can send it back: a person does, and records that."""

    def test_a_refund_is_recorded_as_made(self, shop: Shop, at: datetime) -> None:
        payment = outside_payments.receive(bill(shop), cheque(at), at)
        refund = refunds.refund(payment.id, cad(13_00), at, reason="duplicate")
        assert (refund.status, fresh(Payment, payment.id).refunded_minor) == ("succeeded", 13_00)
        assert (money(), balance("refunds")) == ((100_00, 0, 0), 13_00)
        with pytest.raises(BillingError) as refusal:
            refunds.refund(payment.id, cad(100_01), at)
        assert refusal.value.code == "refund_too_large"

    def test_a_credit_note_goes_to_the_balance_and_from_there_back(self, shop: Shop, at: datetime) -> None:
        payment = outside_payments.receive(bill(shop), cheque(at), at)
        with transaction():
            note = credit_notes.issue(payment.invoice_id, at, amount=cad(56_50))
        assert (note.refund_minor, note.balance_minor) == (0, 56_50)
        refunds.refund(payment.id, cad(56_50), at)
        assert (fresh(Customer, payment.customer_id).balance_minor, money()) == (0, (56_50, 0, 0))


class TestTakenBack:
    """It was recorded by mistake, or the cheque bounced."""

    def test_the_invoice_is_owed_again(self, shop: Shop, at: datetime) -> None:
        invoice_id = shop.debt()
        payment = outside_payments.receive(invoice_id, cheque(at), at)
        for _ in range(2):
            assert take_back(payment, at + DAY).status == "failed"
        row = fresh(Invoice, invoice_id)
        assert (row.status, row.due_minor, row.paid_at, money()) == ("open", 22_60, None, (0, 0, 22_60))
        assert (status(row.subscription_id or ""), row.dunning_at is not None) == ("past_due", True)
        assert charging.collect(invoice_id, at + DAY).status == "succeeded"
        assert (status(row.subscription_id or ""), money()) == ("active", (0, 22_60, 0))

    @pytest.mark.parametrize("minor", [22_60, 10_00])
    def test_what_the_bank_said_of_the_method_still_holds(self, shop: Shop, at: datetime, minor: int) -> None:
        """A stolen card is not charged again because a cheque bounced, nor does a part of the debt start it afresh."""
        invoice_id = shop.debt("tok_hard_decline")
        charging.collect(invoice_id, at)
        before = fresh(Invoice, invoice_id)
        planned = (before.dunning_at, before.tried_at)
        take_back(outside_payments.receive(invoice_id, cheque(at), at + DAY / 2, amount=cad(minor)), at + DAY / 2)
        row = fresh(Invoice, invoice_id)
        assert (row.decline_code, row.collect_at, dunning.next_retry(row, at + DAY)) == ("stolen_card", None, None)
        assert minor == 22_60 or (row.dunning_at, row.tried_at) == planned

    def test_not_what_came_through_a_gateway_nor_what_was_given_back(self, shop: Shop, at: datetime) -> None:
        payment = outside_payments.receive(shop.debt(), cheque(at), at)
        refunds.refund(payment.id, cad(1), at)
        for row, code in ((payment, "already_refunded"), (charging.collect(shop.debt(), at), "not_outside")):
            with pytest.raises(BillingError) as refusal:
                take_back(row, at)
            assert refusal.value.code == code


def test_no_gateway_is_asked_about_it(shop: Shop, at: datetime) -> None:
    payment = outside_payments.receive(shop.debt(), cheque(at), at)
    for ask in (charging.check, charging.accept_amount):
        with pytest.raises(BillingError) as refusal:
            ask(payment.id, at)
        assert refusal.value.code == "no_gateway"
    assert shop.bank.charges() == []
