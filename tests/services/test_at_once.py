"""Two at the same time: one wins, the other is told so, and nobody waits in a circle."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask

from app.db import current_tenant_id, transaction
from app.domain.money import Money
from app.gateways.errors import OutcomeUnknown
from app.gateways.types import PaymentResult, PaymentStatus
from app.models import Invoice, Payment, PaymentMethod
from app.services import charging, due_payments, dunning, invoices, payment_methods, payments, refunds, subscriptions
from tests.services.line import Script, says
from tests.shop import Shop, assert_books_agree, assert_books_balance, fresh, invoices_of, mails, payments_of, status
from tests.together import refusals, together

TAKEN = PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(22_60, "CAD"))
ROUNDS = range(3)


def in_one(work: Callable[..., Any], *words: Any, **named: Any) -> Callable[[], Any]:
    """The work inside one transaction, as an edge does it."""

    def run() -> Any:
        with transaction():
            return work(*words, **named)

    return run


def test_a_double_click_charges_once(app: Flask, shop: Shop, at: datetime) -> None:
    invoice_id, tenant = shop.debt(), current_tenant_id()
    clicks = [lambda: charging.collect(invoice_id, at, off_session=False)] * 4
    refused = refusals(together(app, tenant, *clicks))
    assert len(refused) == 3
    assert set(refused) <= {"payment_in_progress", "not_payable"}
    assert len(shop.bank.charges()) == 1
    assert_books_agree(shop.bank)


def test_workers_that_collect_the_same_invoices_try_each_once(app: Flask, shop: Shop, at: datetime) -> None:
    declining = [shop.debt("tok_soft_decline") for _ in range(3)]
    together(app, current_tenant_id(), *[lambda: due_payments.collect_due(at)] * 4)
    assert [len(payments_of(invoice_id)) for invoice_id in declining] == [1, 1, 1]
    assert len(shop.bank.charges()) == 3


def test_two_refunds_never_give_back_more_than_was_paid(app: Flask, shop: Shop, at: datetime) -> None:
    payment = charging.collect(shop.debt(), at)
    most = [lambda: refunds.refund(payment.id, Money(15_00, "CAD"), at)] * 4  # 2 x 15.00 > 22.60
    assert refusals(together(app, current_tenant_id(), *most)) == ["refund_too_large"] * 3
    assert fresh(Payment, payment.id).refunded_minor == 15_00
    assert_books_agree(shop.bank)


def test_the_answer_and_the_question_about_a_payment_book_it_once(
    app: Flask, shop: Shop, at: datetime, script: Script
) -> None:
    script["create_payment"], script["fetch_payment"] = says(OutcomeUnknown("no answer")), says(TAKEN)
    payment = charging.collect(shop.debt(), at)
    together(
        app,
        current_tenant_id(),
        in_one(payments.record, payment.id, TAKEN, at),
        lambda: charging.check(payment.id, at),
        lambda: charging.check(payment.id, at),
    )
    assert fresh(Payment, payment.id).status == "succeeded"
    assert_books_balance()


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_cancellation_and_a_payment_do_not_wait_for_each_other(
    app: Flask, shop: Shop, at: datetime, script: Script, _round: int
) -> None:
    subscription_id = shop.sell(shop.buyer())
    invoice_id = invoices_of(subscription_id)[0].id
    script["create_payment"] = says(OutcomeUnknown("no answer"))
    payment = charging.collect(invoice_id, at)
    results = together(
        app,
        current_tenant_id(),
        in_one(payments.record, payment.id, TAKEN, at),
        in_one(subscriptions.cancel, subscription_id, at, at_period_end=False),
        in_one(payment_methods.make_default, shop.method(fresh(Invoice, invoice_id).customer_id), at),
    )
    assert refusals(results) == []
    assert (fresh(Invoice, invoice_id).status, status(subscription_id)) == ("paid", "canceled")


def test_voiding_and_paying_an_invoice_exclude_each_other(app: Flask, shop: Shop, at: datetime) -> None:
    invoice_id = shop.debt()
    refused = refusals(
        together(
            app,
            current_tenant_id(),
            in_one(invoices.void, invoice_id, at),
            lambda: charging.collect(invoice_id, at),
        )
    )
    won = fresh(Invoice, invoice_id).status
    assert (won, refused) in [
        ("void", ["not_payable"]),
        ("paid", ["payment_in_progress"]),
        ("paid", ["invoice_has_payments"]),
    ]
    assert_books_agree(shop.bank)


def test_two_methods_added_at_once_leave_one_default(app: Flask, shop: Shop, at: datetime) -> None:
    customer_id = shop.customer()
    adds = [lambda: payment_methods.add(customer_id, shop.account_id, "tok_ok", at)] * 4
    added = together(app, current_tenant_id(), *adds)
    assert refusals(added) == []
    methods = [fresh(PaymentMethod, row.id) for row in added if isinstance(row, PaymentMethod)]
    assert [method.is_default for method in methods].count(True) == 1


def test_the_last_two_methods_cannot_both_be_removed(app: Flask, shop: Shop, at: datetime) -> None:
    customer_id = shop.customer()
    methods = [shop.method(customer_id) for _ in range(2)]
    shop.sell(customer_id)
    removals = [in_one(payment_methods.remove, method_id, at) for method_id in methods]
    assert refusals(together(app, current_tenant_id(), *removals)) == ["last_payment_method"]


def test_dunning_in_four_workers_takes_each_step_once(app: Flask, shop: Shop, at: datetime) -> None:
    shop.debt(collection="manual")
    later = at.replace(month=3)
    done = together(app, current_tenant_id(), *[lambda: dunning.take_due(later)] * 4)
    assert refusals(done) == []
    assert len(mails("reminder")) == 1
