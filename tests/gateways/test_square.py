"""Square: what the contract does not ask of every gateway."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.money import Money
from app.gateways.base import Gateway
from app.gateways.errors import GatewayRefused, InvalidSignature, OutcomeUnknown
from app.gateways.square_words import DECLINES, decline
from app.gateways.types import Checks, ClientToken, PaymentRef, PaymentStatus, RefundStatus, SetupRequest
from app.ids import new_id
from simulators.calls import Json
from simulators.faults import Fault, FaultKind
from simulators.post import Event
from tests.gateways.contract import PAYER, a_payment, a_refund, ref_of, settled
from tests.gateways.worlds import browse
from tests.gateways.worlds.square import TheWorld

HOUR = timedelta(hours=1)
REFUND_REASON_LIMIT = 192


@pytest.fixture
def square(tmp_path: Path) -> Iterator[TheWorld]:
    """Square and its surroundings."""
    with TheWorld.begun(tmp_path) as world:
        yield world


@pytest.fixture
def gateway(square: TheWorld) -> Gateway:
    """One location."""
    return square.open()


def test_an_authorized_payment_that_is_not_listed_yet_is_undone_before_it_counts_as_never_made(
    square: TheWorld, gateway: Gateway
) -> None:
    square.simulator.lag_seconds = 60
    request = a_payment(square, capture=False)
    square.strike(FaultKind.DROP_AFTER)
    with pytest.raises(OutcomeUnknown):
        gateway.create_payment(request)
    assert [taken.status for taken in square.books()] == ["APPROVED"]
    assert gateway.fetch_payment(ref_of(request)) is None
    assert square.books() == []


def test_a_completed_payment_that_is_not_listed_yet_stays_unknown_until_it_is(
    square: TheWorld, gateway: Gateway
) -> None:
    square.simulator.lag_seconds = 60
    request = a_payment(square)
    square.strike(FaultKind.DROP_AFTER)
    with pytest.raises(OutcomeUnknown):
        gateway.create_payment(request)
    with pytest.raises(OutcomeUnknown):
        gateway.fetch_payment(ref_of(request))
    square.simulator.lag_seconds = 0
    found = gateway.fetch_payment(ref_of(request))
    assert found
    assert found.status is PaymentStatus.SUCCEEDED


def test_a_lost_payment_is_found_on_a_later_page_of_the_list(square: TheWorld, gateway: Gateway) -> None:
    for _ in range(120):
        square.simulator.books.put("payments", _old_payment())
    request, _ = settled(square, gateway)
    found = gateway.fetch_payment(PaymentRef(request.key, None, datetime.now(UTC)))
    assert found
    assert found.status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("source", "kind"), [("wnon:cash-app-ok", "WALLET"), ("bnon:afterpay-ok", "BUY_NOW_PAY_LATER")]
)
def test_cash_app_and_afterpay_are_offered_on_squares_page(
    square: TheWorld, gateway: Gateway, source: str, kind: str
) -> None:
    request = replace(a_payment(square), token=None)
    begun = gateway.create_payment(request)
    browse(begun.next_action.url, source)  # type: ignore[union-attr]
    paid = gateway.resume_payment(ref_of(request, begun), {})
    assert paid.status is PaymentStatus.SUCCEEDED
    assert square.simulator.books.tables["payments"][paid.gateway_ref or ""]["source_type"] == kind


def test_a_wallet_token_of_the_form_is_charged_like_a_card(square: TheWorld, gateway: Gateway) -> None:
    assert gateway.create_payment(replace(a_payment(square), token="wnon:cash-app-ok")).amount == Money(1130, "CAD")


def test_a_page_that_nobody_paid_cannot_be_refunded(square: TheWorld, gateway: Gateway) -> None:
    request = replace(a_payment(square), token=None)
    begun = gateway.create_payment(request)
    with pytest.raises(GatewayRefused):
        gateway.refund(a_refund(square, ref_of(request, begun), 1130))


def test_a_payment_made_on_squares_page_can_be_refunded_by_the_reference_of_the_page(
    square: TheWorld, gateway: Gateway
) -> None:
    request = replace(a_payment(square), token=None)
    begun = gateway.create_payment(request)
    square.pay_page(begun.next_action.url)  # type: ignore[union-attr]
    assert gateway.refund(a_refund(square, ref_of(request, begun), 1130)).status is RefundStatus.PENDING


def test_the_locations_currency_is_counted_as_iso_has_it_and_no_other_is_taken(square: TheWorld) -> None:
    square.simulator.currency = "JPY"
    gateway = square.open()
    gateway.create_payment(replace(a_payment(square), amount=Money(5000, "JPY")))
    with pytest.raises(GatewayRefused):
        gateway.create_payment(a_payment(square))
    assert [(taken.units, taken.currency) for taken in square.books()] == [(5000, "JPY")]


def test_the_form_needs_the_application_and_the_location(square: TheWorld) -> None:
    setup = SetupRequest(new_id("req"), PAYER, "https://shop.example/methods", "CAD")
    with pytest.raises(GatewayRefused, match="application ID"):
        square.open(application_id="").begin_setup(setup)
    assert square.open(application_id="").browser_form() is None
    assert square.open(application_id="sq0idp-1").begin_setup(setup) == ClientToken("L1", "sq0idp-1")


def test_a_webhook_signed_for_another_address_is_not_believed(square: TheWorld, gateway: Gateway) -> None:
    settled(square, gateway)
    elsewhere = square.open(webhook_url="https://shop.example/webhooks/square/2")
    with pytest.raises(InvalidSignature):
        elsewhere.parse_webhook(square.webhook())


def test_a_payment_stands_even_if_its_card_cannot_be_kept(square: TheWorld, gateway: Gateway) -> None:
    square.simulator.faults.add(Fault(FaultKind.DROP_BEFORE, on="POST /v2/cards"))
    paid = gateway.create_payment(a_payment(square, save_method=True))
    assert (paid.status, paid.saved_method) == (PaymentStatus.SUCCEEDED, None)


def test_a_settled_payment_tells_its_fee_and_checks(square: TheWorld, gateway: Gateway) -> None:
    result = gateway.create_payment(a_payment(square, 10000))
    assert result.fee == Money(320, "CAD")  # 2.9 % of 100.00 is 2.90, and 0.30
    assert result.checks == Checks("normal", cvc=True, address=True, postal_code=True)


def test_a_call_carries_our_key_and_is_never_repeated_by_the_sdk(square: TheWorld, gateway: Gateway) -> None:
    square.strike(FaultKind.ERROR_AFTER)
    request = a_payment(square)
    with pytest.raises(OutcomeUnknown):
        gateway.create_payment(request)
    [(call, _)] = [said for said in square.simulator.journal if said[0].line == square.charge_line]
    assert (call.json["idempotency_key"], call.json["reference_id"]) == (request.key, request.key)


def test_a_key_used_for_another_amount_means_that_something_was_charged(square: TheWorld, gateway: Gateway) -> None:
    request, _ = settled(square, gateway, 1130)
    with pytest.raises(OutcomeUnknown):
        gateway.create_payment(a_payment(square, 2260, key=request.key))


def test_every_refund_keeps_its_key_however_long_the_reason(square: TheWorld, gateway: Gateway) -> None:
    _, ref = settled(square, gateway)
    request = replace(a_refund(square, ref, 300), reason="x" * 500)
    gateway.refund(request)
    [refund] = square.simulator.books.rows("refunds")
    assert len(refund["reason"]) <= REFUND_REASON_LIMIT
    now = datetime.now(UTC)
    rows = gateway.list_transactions(now - HOUR, now + HOUR)
    assert [row.key for row in rows if row.kind == "refund"] == [request.key]


def test_an_event_without_an_object_gives_no_notice(square: TheWorld, gateway: Gateway) -> None:
    about = {"event_id": "e1", "type": "location.updated", "data": {"type": "location", "id": "L1"}}
    square.simulator.announce(Event("e1", "location.updated", about))
    assert gateway.parse_webhook(square.webhook()) == []


def test_payouts_are_listed(square: TheWorld, gateway: Gateway) -> None:
    ref = square.simulator.pay_out(98765)
    now = datetime.now(UTC)
    [row] = gateway.list_transactions(now - HOUR, now + HOUR)
    assert (row.kind, row.gateway_ref, row.amount) == ("payout", ref, Money(98765, "CAD"))


@pytest.mark.parametrize("code", sorted(DECLINES))
def test_every_code_in_the_table_has_a_word_of_ours(code: str) -> None:
    assert decline([{"code": code}]).code == DECLINES[code]


def _old_payment() -> Json:
    ref, created = new_id("pay"), datetime.now(UTC) - timedelta(seconds=60)
    money, nothing = {"amount": 1130, "currency": "CAD"}, {"amount": 0, "currency": "CAD"}
    row: Json = {"id": ref, "created_at": created.isoformat(), "amount_money": money, "status": "COMPLETED"}
    return row | {"reference_id": ref, "source_type": "CARD", "refunded_money": nothing}
