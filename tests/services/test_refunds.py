"""Money back: never more than was paid, sent once, and booked for what it is."""

from datetime import datetime

import pytest
from sqlalchemy import select

from app.db import session, transaction
from app.domain.errors import BillingError
from app.domain.money import Money
from app.gateways.errors import GatewayRefused, GatewayUnavailable, OutcomeUnknown
from app.gateways.types import ClaimLink, PaymentResult, PaymentStatus, RefundResult, RefundStatus
from app.models import Event, Payment, Refund
from app.services import charging, notices, payments, refunds
from tests.services.line import Script, ScriptedGateway, says
from tests.shop import (
    Shop,
    assert_books_agree,
    assert_books_balance,
    balance,
    fresh,
    let_check_fall_due,
    mails,
)

TAKEN = PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(22_60, "CAD"))
SENT_BACK = RefundResult(RefundStatus.SUCCEEDED, "back-1")
UNDER_WAY = RefundResult(RefundStatus.PENDING, "back-1")
BOUNCED = RefundResult(RefundStatus.FAILED, "back-1", "The account is closed.")
TEN = Money(10_00, "CAD")


def paid(shop: Shop, at: datetime) -> str:
    return charging.collect(shop.debt(), at).id


def scripted(shop: Shop, at: datetime, script: Script, answer: object) -> Refund:
    """A refund of 10.00 out of 22.60, which the gateway answers so."""
    script["create_payment"], script["refund"] = says(TAKEN), says(answer)
    return refunds.refund(paid(shop, at), TEN, at)


def test_parts_go_back_until_nothing_is_left(shop: Shop, at: datetime) -> None:
    payment_id = paid(shop, at)
    for minor in (10_00, 10_00, 2_60):
        assert refunds.refund(payment_id, Money(minor, "CAD"), at).status == "succeeded"
    assert fresh(Payment, payment_id).refunded_minor == 22_60
    assert (balance("gateway_clearing"), balance("refunds")) == (0, 22_60)
    assert_books_agree(shop.bank)


REFUSED = {
    "more than the rest": (Money(22_61, "CAD"), "refund_too_large"),
    "nothing": (Money(0, "CAD"), "invalid"),
    "less than nothing": (Money(-1, "CAD"), "invalid"),
    "another currency": (Money(1_00, "USD"), "invalid"),
}


@pytest.mark.parametrize(("amount", "code"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_amount_is_refused_and_nothing_is_sent(shop: Shop, at: datetime, amount: Money, code: str) -> None:
    payment_id = paid(shop, at)
    with pytest.raises(BillingError) as refusal:
        refunds.refund(payment_id, amount, at)
    assert refusal.value.code == code
    assert (shop.bank.refunds(), fresh(Payment, payment_id).refunded_minor) == ([], 0)


def test_only_a_settled_payment_is_refunded(shop: Shop, at: datetime) -> None:
    payment = charging.collect(shop.debt("tok_soft_decline"), at)
    with pytest.raises(BillingError) as refusal:
        refunds.refund(payment.id, TEN, at)
    assert refusal.value.code == "not_refundable"


def test_a_cut_line_while_asking_does_not_send_it_again(shop: Shop, at: datetime, script: Script) -> None:
    row = scripted(shop, at, script, OutcomeUnknown("no answer"))
    for trouble in (GatewayUnavailable("no connection"), GatewayRefused("wrong key"), OutcomeUnknown("no answer")):
        script["fetch_refund"] = says(trouble)
        let_check_fall_due(Refund)
        refunds.check_due(at)
        assert (fresh(Refund, row.id).status, fresh(Payment, row.payment_id).refunded_minor) == ("unknown", 10_00)
    assert ScriptedGateway.calls.count("refund") == 1


def test_one_the_gateway_never_saw_gives_its_amount_back_once_its_answer_is_overdue(
    shop: Shop, at: datetime, script: Script
) -> None:
    row = scripted(shop, at, script, OutcomeUnknown("no answer"))
    script["fetch_refund"] = says(None)
    assert refunds.check(row.id, at).status == "unknown"
    let_check_fall_due(Refund)
    refunds.check_due(at)
    assert (fresh(Refund, row.id).status, fresh(Payment, row.payment_id).refunded_minor) == ("failed", 0)
    assert_books_balance()


def test_one_that_takes_days_is_asked_about_until_it_is_done(shop: Shop, at: datetime, script: Script) -> None:
    row = scripted(shop, at, script, UNDER_WAY)
    assert (row.status, balance("refunds")) == ("pending", 0)
    script["fetch_refund"] = says(SENT_BACK)
    let_check_fall_due(Refund)
    assert [refunds.check_due(at), refunds.check_due(at)] == [1, 0]
    assert (fresh(Refund, row.id).status, balance("refunds")) == ("succeeded", 10_00)


def test_one_that_bounces_is_taken_out_of_the_books_and_can_be_sent_again(
    shop: Shop, at: datetime, script: Script
) -> None:
    row = scripted(shop, at, script, SENT_BACK)
    with transaction():
        refunds.record(row.id, BOUNCED, at)
    assert (balance("refunds"), balance("gateway_clearing")) == (0, 22_60)
    assert fresh(Payment, row.payment_id).refunded_minor == 0
    assert refunds.refund(row.payment_id, Money(22_60, "CAD"), at).status == "succeeded"
    assert balance("gateway_clearing") == 0


def test_one_given_up_and_found_again_counts_again(shop: Shop, at: datetime, script: Script) -> None:
    row = scripted(shop, at, script, BOUNCED)
    with transaction():
        refunds.record(row.id, SENT_BACK, at)
    assert (fresh(Payment, row.payment_id).refunded_minor, balance("refunds")) == (10_00, 10_00)


def test_an_older_answer_does_not_undo_a_newer_one(shop: Shop, at: datetime, script: Script) -> None:
    row = scripted(shop, at, script, SENT_BACK)
    for answer in (UNDER_WAY, SENT_BACK):
        with transaction():
            refunds.record(row.id, answer, at)
    assert (fresh(Refund, row.id).status, fresh(Refund, row.id).check_at) == ("succeeded", None)
    assert balance("refunds") == 10_00


def test_credit_that_goes_back_is_credit_no_more(shop: Shop, at: datetime, script: Script) -> None:
    """25.00 for an invoice of 22.60 leaves 2.40 of credit; a refund of 10.00 is 2.40 of that and 7.60 of ours."""
    script["create_payment"] = says(PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(25_00, "CAD")))
    script["refund"] = says(SENT_BACK)
    payment_id = paid(shop, at)
    assert balance("customer_balance") == -2_40
    refunds.refund(payment_id, TEN, at)
    assert (balance("customer_balance"), balance("refunds")) == (0, 7_60)
    refunds.refund(payment_id, TEN, at)
    assert (balance("customer_balance"), balance("refunds")) == (0, 17_60)


def test_late_money_that_is_sent_back_leaves_no_credit(shop: Shop, at: datetime, script: Script) -> None:
    invoice_id = shop.debt()
    script["create_payment"] = says(GatewayUnavailable("no connection"))
    late = charging.collect(invoice_id, at)
    script["create_payment"], script["refund"] = says(TAKEN), says(SENT_BACK)
    charging.collect(invoice_id, at)
    with transaction():
        payments.record(late.id, TAKEN, at)
    refunds.refund(late.id, Money(22_60, "CAD"), at)
    assert (balance("customer_balance"), balance("refunds"), balance("gateway_clearing")) == (0, 0, 22_60)


def test_a_refund_that_the_customer_must_claim_is_mailed_with_its_link_once(
    shop: Shop, at: datetime, script: Script
) -> None:
    waits = RefundResult(RefundStatus.PENDING, "back-1", next_step=ClaimLink("https://btcpay.example/pull-payments/1"))
    row = scripted(shop, at, script, waits)
    script["fetch_refund"] = says(waits)
    refunds.check(row.id, at)
    kept = {"kind": "claim_link", "url": "https://btcpay.example/pull-payments/1"}
    assert (fresh(Refund, row.id).status, fresh(Refund, row.id).next_step) == ("pending", kept)
    told = session().scalars(select(Event.subject_id).where(Event.type == "refund.requires_action")).all()
    assert told == [row.id]
    for _ in ("told", "told again"):
        notices.refund_to_claim(row.id, at)
    [mail] = mails("refund_claim")
    assert (mail.context["amount"], mail.context["claim"]) == ("$10.00", kept["url"])
    script["fetch_refund"] = says(SENT_BACK)
    refunds.check(row.id, at)
    assert (fresh(Refund, row.id).status, fresh(Refund, row.id).next_step) == ("succeeded", {})
