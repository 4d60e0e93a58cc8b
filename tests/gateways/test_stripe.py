"""Stripe: what the contract does not ask of every gateway."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.declines import DECLINES
from app.domain.money import Money
from app.gateways.base import Gateway
from app.gateways.errors import OutcomeUnknown
from app.gateways.stripe_words import decline
from app.gateways.types import (
    Checks,
    ClientToken,
    DisputeStatus,
    PaymentRef,
    PaymentStatus,
    RefundStatus,
    SaveMethodRequest,
    SetupRequest,
)
from app.ids import new_id
from simulators.faults import FaultKind
from tests.gateways.contract import PAYER, a_method, a_payment, a_refund, ref_of, settled
from tests.gateways.worlds.stripe import TheWorld

HOUR = timedelta(hours=1)


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[TheWorld]:
    """Stripe and its surroundings."""
    with TheWorld.begun(tmp_path) as world:
        yield world


@pytest.fixture
def gateway(stripe: TheWorld) -> Gateway:
    """An account that sends payers to Stripe's page."""
    return stripe.open()


@pytest.fixture
def with_form(stripe: TheWorld) -> Gateway:
    """An account that shows Stripe's form on our page."""
    return stripe.open(publishable_key="pk_test_simulator")


def test_a_payer_may_try_one_card_after_another_on_the_form(stripe: TheWorld, with_form: Gateway) -> None:
    request = replace(a_payment(stripe), token=None, by_form=True)
    begun = with_form.create_payment(request)
    assert begun.status is PaymentStatus.REQUIRES_ACTION
    assert isinstance(begun.next_action, ClientToken)
    assert begun.next_action.public_key == "pk_test_simulator"
    assert stripe.simulator.fill_form(begun.next_action.token, "pm_card_chargeDeclined") == "card_declined"
    declined = with_form.resume_payment(ref_of(request, begun), {})
    assert (declined.status, declined.next_action) == (PaymentStatus.REQUIRES_ACTION, begun.next_action)
    stripe.simulator.fill_form(begun.next_action.token, "pm_card_visa")
    assert with_form.resume_payment(ref_of(request, begun), {}).status is PaymentStatus.SUCCEEDED
    assert [taken.key for taken in stripe.books()] == [request.key]


def test_a_bank_debit_of_the_form_that_comes_back_has_failed(stripe: TheWorld, with_form: Gateway) -> None:
    request = replace(a_payment(stripe), token=None, by_form=True)
    begun = with_form.create_payment(request)
    assert isinstance(begun.next_action, ClientToken)
    stripe.simulator.fill_form(begun.next_action.token, "pm_usBankAccount")
    assert with_form.resume_payment(ref_of(request, begun), {}).status is PaymentStatus.PENDING
    stripe.simulator.settle(begun.gateway_ref or "", succeeds=False)
    failed = with_form.resume_payment(ref_of(request, begun), {})
    assert (failed.status, failed.decline) == (PaymentStatus.FAILED, DECLINES["insufficient_funds"])


def test_a_method_left_on_the_form_is_kept_by_its_setup(stripe: TheWorld, with_form: Gateway) -> None:
    form = with_form.begin_setup(
        SetupRequest(new_id("req"), PAYER, "https://shop.example/methods", "CAD", by_form=True)
    )
    assert isinstance(form, ClientToken)
    stripe.simulator.fill_form(form.token, "pm_card_mastercard")
    saved = with_form.save_method(SaveMethodRequest(form.token.partition("_secret_")[0], PAYER))
    assert (saved.brand, saved.last4) == ("mastercard", "4444")


def test_a_bank_account_is_kept_with_its_bank(stripe: TheWorld, gateway: Gateway) -> None:
    saved = gateway.save_method(a_method(stripe, "delayed"))
    assert (saved.kind, saved.brand, saved.last4, saved.exp_year) == (
        "us_bank_account",
        "stripe_test_bank",
        "6789",
        None,
    )


def test_one_customer_at_stripe_serves_all_methods_of_a_payer(stripe: TheWorld, gateway: Gateway) -> None:
    tokens = [gateway.save_method(a_method(stripe)).token for _ in range(2)]
    assert len({token.split("/")[0] for token in tokens}) == 1
    assert len(set(tokens)) == 2


def test_a_settled_payment_tells_its_fee_and_checks(stripe: TheWorld, gateway: Gateway) -> None:
    result = gateway.create_payment(a_payment(stripe, 10000))
    assert result.fee == Money(320, "CAD")  # 2.9 % of 100.00 is 2.90, and 0.30
    assert result.checks == Checks("normal", cvc=True, address=None, postal_code=True)


def test_a_lost_payment_is_found_among_hundreds_of_its_customers(stripe: TheWorld, gateway: Gateway) -> None:
    saved = gateway.save_method(a_method(stripe))
    lost = replace(a_payment(stripe), token=saved.token, off_session=True)
    stripe.strike(FaultKind.DROP_AFTER)
    with pytest.raises(OutcomeUnknown):
        gateway.create_payment(lost)
    for _ in range(120):
        stripe.simulator.new_intent({"amount": 100, "currency": "cad", "customer": saved.token.split("/")[0]})
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)  # a customer on a test clock: the customer's list knows no window
    found = gateway.fetch_payment(PaymentRef(lost.key, None, long_ago, lost))
    assert found
    assert found.status is PaymentStatus.SUCCEEDED


def test_without_its_customer_a_payment_is_looked_for_in_its_hour(stripe: TheWorld, gateway: Gateway) -> None:
    request, _ = settled(stripe, gateway)
    now = datetime.now(UTC)
    assert gateway.fetch_payment(PaymentRef(request.key, None, now))
    assert gateway.fetch_payment(PaymentRef(request.key, None, now - 2 * HOUR)) is None


def test_a_call_carries_our_key_and_is_never_repeated_by_the_sdk(stripe: TheWorld, gateway: Gateway) -> None:
    stripe.strike(FaultKind.ERROR_AFTER)
    request = a_payment(stripe)
    with pytest.raises(OutcomeUnknown):
        gateway.create_payment(request)
    [(call, _)] = [said for said in stripe.simulator.journal if said[0].line == stripe.charge_line]
    assert call.headers["idempotency-key"] == request.key
    assert call.headers["stripe-version"] == "2026-10-28.endive"
    assert "x-stripe-client-telemetry" not in call.headers


def test_a_key_used_for_another_amount_means_that_something_was_charged(stripe: TheWorld, gateway: Gateway) -> None:
    request, _ = settled(stripe, gateway, 1130)
    with pytest.raises(OutcomeUnknown):
        gateway.create_payment(a_payment(stripe, 2260, key=request.key))


def test_a_payment_on_stripes_page_can_be_held_and_captured(stripe: TheWorld, gateway: Gateway) -> None:
    request = replace(a_payment(stripe, capture=False), token=None)
    begun = gateway.create_payment(request)
    stripe.pay_page(begun.next_action.url)  # type: ignore[union-attr]
    assert gateway.capture(ref_of(request, begun)).status is PaymentStatus.SUCCEEDED


def test_a_payment_on_stripes_page_can_keep_its_method(stripe: TheWorld, gateway: Gateway) -> None:
    request = replace(a_payment(stripe, save_method=True), token=None)
    begun = gateway.create_payment(request)
    stripe.pay_page(begun.next_action.url)  # type: ignore[union-attr]
    paid = gateway.resume_payment(ref_of(request, begun), {})
    assert paid.saved_method
    again = gateway.create_payment(replace(a_payment(stripe), token=paid.saved_method.token, off_session=True))
    assert again.status is PaymentStatus.SUCCEEDED


def test_a_charge_without_a_return_url_takes_no_method_that_needs_one(stripe: TheWorld, gateway: Gateway) -> None:
    result = gateway.create_payment(a_payment(stripe, return_url=""))
    assert result.status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("code", "decline_code", "advice", "word"),
    [
        ("card_declined", "do_not_honor", None, "do_not_honor"),
        ("card_declined", "do_not_honor", "do_not_try_again", "not_permitted"),
        ("card_declined", "stolen_card", "do_not_try_again", "stolen_card"),
        ("card_declined", "insufficient_funds", "try_again_later", "insufficient_funds"),
        ("incorrect_zip", None, None, "incorrect_address"),
        ("expired_card", "a_new_code", None, "expired_card"),
        (None, None, None, "card_declined"),
    ],
)
def test_advice_not_to_try_again_makes_a_soft_decline_hard(
    code: str | None, decline_code: str | None, advice: str | None, word: str
) -> None:
    told = {"code": code, "decline_code": decline_code, "advice_code": advice}
    assert decline(told) == DECLINES[word]


@pytest.mark.parametrize(("won", "status"), [(True, DisputeStatus.WON), (False, DisputeStatus.LOST)])
def test_a_dispute_takes_the_money_and_gives_it_back_when_won(
    stripe: TheWorld, gateway: Gateway, won: bool, status: DisputeStatus
) -> None:
    _, ref = settled(stripe, gateway, 5000)
    dispute_ref = stripe.dispute(ref.gateway_ref or "")
    stripe.simulator.close_dispute(dispute_ref, won)
    dispute = gateway.fetch_dispute(dispute_ref)
    assert dispute
    assert dispute.status is status
    assert _listed(gateway) == [("payment", 5000), ("dispute", 5000), *[("dispute_reversal", 5000)] * won]


def test_a_refund_that_came_back_is_listed_as_its_reversal(stripe: TheWorld, gateway: Gateway) -> None:
    _, ref = settled(stripe, gateway, 5000, "lost_refund")
    sent = gateway.refund(a_refund(stripe, ref, 2000))
    assert sent.status is RefundStatus.PENDING
    stripe.settle_refund(sent.gateway_ref or "", succeeds=False)
    assert _listed(gateway) == [("payment", 5000), ("refund", 2000), ("refund_reversal", 2000)]


def test_an_event_about_something_else_gives_no_notice(stripe: TheWorld, gateway: Gateway) -> None:
    stripe.simulator.tell("invoice.paid", {"id": "in_1", "object": "invoice"})
    assert gateway.parse_webhook(stripe.webhook()) == []


def test_a_setup_on_stripes_page_is_no_payment(stripe: TheWorld, gateway: Gateway) -> None:
    page = gateway.begin_setup(SetupRequest(new_id("req"), PAYER, "https://shop.example/methods", "CAD"))
    stripe.pay_page(page.url)  # type: ignore[union-attr]
    assert stripe.simulator.events[-1].type == "checkout.session.completed"
    assert gateway.parse_webhook(stripe.webhook()) == []


def _listed(gateway: Gateway) -> list[tuple[str, int]]:
    now = datetime.now(UTC)
    rows = gateway.list_transactions(now - HOUR, now + HOUR)
    return [(row.kind, row.amount.minor) for row in reversed(rows)]
