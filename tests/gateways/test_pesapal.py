"""Pesapal: what the contract does not ask of every gateway."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.money import Money
from app.gateways.base import Gateway
from app.gateways.errors import GatewayRefused, InvalidSignature, OutcomeUnknown
from app.gateways.pesapal_words import fault
from app.gateways.types import PaymentRef, PaymentRequest, PaymentResult, PaymentStatus, RawRequest, RefundStatus
from simulators.calls import Json
from tests.gateways.contract import a_payment, a_refund, finished, ref_of, ref_of_refund, settled
from tests.gateways.worlds import browse
from tests.gateways.worlds.pesapal import TheWorld

ADDRESS = "https://shop.example/webhooks/pesapal/1"
IPN = {"OrderTrackingId": "t1", "OrderNotificationType": "IPNCHANGE", "OrderMerchantReference": "pay_1"}
SUBMIT = "POST /api/Transactions/SubmitOrderRequest"


@pytest.fixture
def pesapal(tmp_path: Path) -> Iterator[TheWorld]:
    """Pesapal and its surroundings."""
    with TheWorld.begun(tmp_path) as world:
        yield world


@pytest.fixture
def gateway(pesapal: TheWorld) -> Gateway:
    """One merchant."""
    return pesapal.open()


def paid_by(pesapal: TheWorld, gateway: Gateway, choice: str) -> tuple[PaymentRequest, PaymentRef]:
    request = a_payment(pesapal)
    begun = gateway.create_payment(request)
    browse(begun.next_action.url, choice)  # type: ignore[union-attr]
    return request, ref_of(request, begun)


def order_of(pesapal: TheWorld, key: str) -> Json:
    return pesapal.simulator.books.tables["orders"][key]


def lines(pesapal: TheWorld) -> list[str]:
    return [call.line for call, _ in pesapal.simulator.journal]


def test_a_token_is_used_again_until_it_ends_and_replaced_when_pesapal_ended_it_early(
    pesapal: TheWorld, gateway: Gateway
) -> None:
    for _ in range(3):
        gateway.create_payment(a_payment(pesapal))
    assert lines(pesapal).count("POST /api/Auth/RequestToken") == 1
    pesapal.simulator.books.tables["tokens"].clear()
    gateway.create_payment(a_payment(pesapal))
    assert lines(pesapal).count("POST /api/Auth/RequestToken") == 2
    assert len(pesapal.simulator.books.rows("orders")) == 4


def test_the_amount_is_written_as_a_number_with_the_decimals_of_its_currency(
    pesapal: TheWorld, gateway: Gateway
) -> None:
    gateway.create_payment(a_payment(pesapal, 1_130_10))
    [call] = [call for call, _ in pesapal.simulator.journal if call.line == SUBMIT]
    assert b'"amount": 1130.10}' in call.body


def test_without_an_ipn_the_webhook_address_is_registered_once(pesapal: TheWorld) -> None:
    for _ in range(2):
        pesapal.open(ipn_id="", webhook_url=ADDRESS).create_payment(a_payment(pesapal))
    assert [row["url"] for row in pesapal.simulator.books.rows("ipns")] == [ADDRESS]
    assert lines(pesapal).count("POST /api/URLSetup/RegisterIPN") == 1


def test_an_address_that_is_registered_already_is_found(pesapal: TheWorld) -> None:
    pesapal.simulator.books.put("ipns", {"id": "ipn-of-old", "url": ADDRESS})
    pesapal.open(ipn_id="", webhook_url=ADDRESS).create_payment(a_payment(pesapal))
    assert "POST /api/URLSetup/RegisterIPN" not in lines(pesapal)


def test_without_an_ipn_and_an_address_nothing_is_sent(pesapal: TheWorld) -> None:
    with pytest.raises(GatewayRefused, match="IPN ID or the webhook address"):
        pesapal.open(ipn_id="").create_payment(a_payment(pesapal))
    assert SUBMIT not in lines(pesapal)


@pytest.mark.parametrize(
    "other", [{"merchant_reference": "pay_other"}, {"amount": "11.29"}, {"amount": "1130.00"}, {"currency": "UGX"}]
)
def test_an_answer_about_anything_else_is_no_success(
    pesapal: TheWorld, gateway: Gateway, other: dict[str, str]
) -> None:
    request, ref = paid_by(pesapal, gateway, "card")
    order = order_of(pesapal, request.key)
    order |= {"id" if name == "merchant_reference" else name: value for name, value in other.items()}
    for ask in (lambda: gateway.fetch_payment(ref), lambda: gateway.resume_payment(ref, {})):
        with pytest.raises(OutcomeUnknown, match="another order, amount or currency"):
            ask()


def test_the_tracking_id_of_another_payment_proves_nothing(pesapal: TheWorld, gateway: Gateway) -> None:
    _, paid = settled(pesapal, gateway)
    unpaid = a_payment(pesapal)
    gateway.create_payment(unpaid)
    with pytest.raises(OutcomeUnknown):
        gateway.fetch_payment(PaymentRef(unpaid.key, paid.gateway_ref, request=unpaid))
    with pytest.raises(OutcomeUnknown):
        gateway.resume_payment(ref_of(unpaid), {"OrderTrackingId": paid.gateway_ref or ""})


def test_an_order_whose_answer_was_lost_is_found_when_its_payer_comes_back(pesapal: TheWorld, gateway: Gateway) -> None:
    request = a_payment(pesapal)
    begun = gateway.create_payment(request)
    back = browse(begun.next_action.url, "mpesa")  # type: ignore[union-attr]
    assert gateway.fetch_payment(ref_of(request)) is None
    assert gateway.resume_payment(ref_of(request), back).status is PaymentStatus.SUCCEEDED
    with pytest.raises(GatewayRefused):
        gateway.resume_payment(ref_of(request), {})


def test_a_payer_whose_card_was_declined_can_pay_on_the_same_page(pesapal: TheWorld, gateway: Gateway) -> None:
    request = a_payment(pesapal)
    begun = gateway.create_payment(request)
    pesapal.refuse(begun, "fail")
    assert finished(pesapal, gateway, request, begun).status is PaymentStatus.SUCCEEDED


def test_an_unknown_tracking_id_is_an_error_and_no_answer(pesapal: TheWorld, gateway: Gateway) -> None:
    with pytest.raises(GatewayRefused, match="order_not_found"):
        gateway.fetch_payment(PaymentRef("pay_1", "nowhere"))


def test_mobile_money_is_refunded_in_whole_only(pesapal: TheWorld, gateway: Gateway) -> None:
    _, ref = paid_by(pesapal, gateway, "mpesa")
    part = gateway.refund(a_refund(pesapal, ref, 500))
    assert (part.status, part.message) == (RefundStatus.FAILED, "Pesapal sends mobile money back in whole only.")
    assert gateway.refund(a_refund(pesapal, ref, 1130)).status is RefundStatus.PENDING


def test_a_payment_is_refunded_once(pesapal: TheWorld, gateway: Gateway) -> None:
    _, ref = settled(pesapal, gateway)
    assert gateway.refund(a_refund(pesapal, ref, 500)).status is RefundStatus.PENDING
    again = gateway.refund(a_refund(pesapal, ref, 500))
    assert (again.status, again.message) == (
        RefundStatus.FAILED,
        "Pesapal refused: Refund request was rejected.",
    )


def test_an_accepted_refund_is_pending_until_the_payment_is_reversed(pesapal: TheWorld, gateway: Gateway) -> None:
    request, ref = settled(pesapal, gateway)
    refund = a_refund(pesapal, ref, 1130)
    sent = gateway.refund(refund)
    waiting = gateway.fetch_refund(ref_of_refund(refund, sent.gateway_ref))
    assert waiting
    assert (waiting.status, waiting.message) == (RefundStatus.PENDING, "Pesapal has not approved it yet.")
    pesapal.settle_refund(sent.gateway_ref or "", succeeds=True)
    done = gateway.fetch_refund(ref_of_refund(refund, sent.gateway_ref))
    assert done
    assert done.status is RefundStatus.SUCCEEDED
    paid = gateway.fetch_payment(ref)
    assert paid
    assert (paid.status, paid.amount) == (PaymentStatus.SUCCEEDED, request.amount)  # it was taken, and went back


def test_a_refund_whose_answer_was_lost_stays_unknown_until_the_payment_is_reversed(
    pesapal: TheWorld, gateway: Gateway
) -> None:
    _, ref = settled(pesapal, gateway)
    refund = a_refund(pesapal, ref, 1130)
    gateway.refund(refund)
    with pytest.raises(OutcomeUnknown, match="dashboard"):
        gateway.fetch_refund(ref_of_refund(refund))
    pesapal.settle_refund(ref.gateway_ref or "", succeeds=True)
    found = gateway.fetch_refund(ref_of_refund(refund))
    assert found
    assert found.status is RefundStatus.SUCCEEDED


def test_what_is_not_paid_is_not_refunded(pesapal: TheWorld, gateway: Gateway) -> None:
    request = a_payment(pesapal)
    begun = gateway.create_payment(request)
    refused = gateway.refund(a_refund(pesapal, ref_of(request, begun), 1130))
    assert (refused.status, "completed" in refused.message) == (RefundStatus.FAILED, True)


@pytest.mark.parametrize(
    "ipn",
    [RawRequest(b"", {}, IPN), RawRequest(str(IPN).replace("'", '"').encode(), {})],
    ids=["by GET", "by POST"],
)
def test_a_notice_is_a_hint_by_either_way_and_answered_in_pesapals_words(gateway: Gateway, ipn: RawRequest) -> None:
    [notice] = gateway.parse_webhook(ipn)
    assert notice.payment == PaymentRef("pay_1", "t1")
    assert gateway.webhook_answer(ipn) == {
        "orderTrackingId": "t1",
        "orderNotificationType": "IPNCHANGE",
        "orderMerchantReference": "pay_1",
        "status": 200,
    }


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"null", b'{"OrderTrackingId": "t1"}', b'{"OrderTrackingId": 1}', b"\xff"]
)
def test_what_is_no_notice_is_not_taken_for_one(gateway: Gateway, body: bytes) -> None:
    with pytest.raises(InvalidSignature):
        gateway.parse_webhook(RawRequest(body, {}))


def test_two_notices_about_one_order_are_both_looked_into(pesapal: TheWorld, gateway: Gateway) -> None:
    paid_by(pesapal, gateway, "fail")
    [first] = gateway.parse_webhook(pesapal.webhook())
    later = replace(pesapal.webhook(), received_at=pesapal.now.replace(year=pesapal.now.year + 1))
    assert gateway.parse_webhook(later)[0].dedupe != first.dedupe


def test_a_cancelled_order_takes_no_money_and_a_paid_one_is_not_cancelled(pesapal: TheWorld, gateway: Gateway) -> None:
    request = a_payment(pesapal)
    begun = gateway.create_payment(request)
    assert gateway.void(ref_of(request, begun)).status is PaymentStatus.CANCELED
    _, paid = settled(pesapal, gateway)
    assert gateway.void(paid).status is PaymentStatus.SUCCEEDED


NULLS = {"error_type": None, "code": None, "message": None}


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, {"status": "200", "error": None}, None),
        (200, {"status": "200", "error": NULLS}, None),
        (200, [{"url": ADDRESS}], None),
        (200, {"status": "401", "error": {"code": "invalid_token"}}, 401),
        (200, {"status": "500", "error": {"code": "amount_invalid"}}, 422),
        (200, {"status": "500", "message": "rejected"}, 422),
        (200, {"error": {"code": "maximum_amount_limit_exceeded"}}, 422),
        (429, {}, 429),
        (503, None, 503),
    ],
)
def test_errors_are_found_wherever_they_stand(status: int, body: object, found: int | None) -> None:
    told = fault(status, body)
    assert (told.status if told else None) == found


def test_money_of_currencies_without_cents_is_told_right(pesapal: TheWorld, gateway: Gateway) -> None:
    request = replace(a_payment(pesapal), amount=Money(5000, "UGX"))
    begun: PaymentResult = gateway.create_payment(request)
    assert finished(pesapal, gateway, request, begun).amount == Money(5000, "UGX")
