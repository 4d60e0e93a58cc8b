"""Adyen: what the contract does not ask of every gateway."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.declines import DECLINES as OUR_WORDS
from app.domain.money import Money
from app.gateways import adyen_words as words
from app.gateways.base import Gateway
from app.gateways.errors import GatewayRefused, InvalidSignature, OutcomeUnknown
from app.gateways.types import (
    Checks,
    Dispute,
    DisputeStatus,
    NoticeKind,
    PaymentRef,
    PaymentRequest,
    PaymentResult,
    PaymentStatus,
    RawRequest,
    RefundResult,
    RefundStatus,
    SetupRequest,
)
from app.ids import new_id
from simulators.adyen_base import HMAC_KEY, KEY_SECONDS
from simulators.faults import FaultKind
from tests.gateways.contract import HOSTED, OTHER_PAYER, PAYER, a_method, a_payment, a_refund, ref_of, settled
from tests.gateways.worlds import browse
from tests.gateways.worlds.adyen import SHOPPER, TheWorld

# docs.adyen.com/development-resources/webhooks/verify-hmac-signatures: Adyen's own example.
EXAMPLE_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
EXAMPLE = {
    "additionalData": {"hmacSignature": "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="},
    "amount": {"currency": "EUR", "value": 1130},
    "pspReference": "7914073381342284",
    "eventCode": "AUTHORISATION",
    "eventDate": "2019-05-06T17:15:34.121+02:00",
    "merchantAccountCode": "TestMerchant",
    "merchantReference": "TestPayment-1407325143704",
    "paymentMethod": "visa",
    "reason": "0000",
    "success": "true",
}


@pytest.fixture
def adyen(tmp_path: Path) -> Iterator[TheWorld]:
    """Adyen and its surroundings."""
    with TheWorld.begun(tmp_path) as world:
        yield world


@pytest.fixture
def gateway(adyen: TheWorld) -> Gateway:
    """One merchant account."""
    return adyen.open()


def _told(adyen: TheWorld, gateway: Gateway) -> object:
    """What the newest webhook settles."""
    [notice] = gateway.parse_webhook(adyen.webhook())
    return notice.result


def test_adyens_own_example_of_a_signature_is_believed(adyen: TheWorld) -> None:
    account = adyen.open(hmac_keys=EXAMPLE_KEY, merchant_account="TestMerchant", webhook_login="")
    body = json.dumps({"live": "false", "notificationItems": [{"NotificationRequestItem": EXAMPLE}]}).encode()
    [notice] = account.parse_webhook(RawRequest(body, {}))
    assert notice.payment == PaymentRef("TestPayment-1407325143704", "7914073381342284")


def test_a_payment_that_takes_time_is_settled_by_its_webhook(adyen: TheWorld, gateway: Gateway) -> None:
    pending = gateway.create_payment(replace(a_payment(adyen), token=f"{SHOPPER}/pending"))
    assert pending.status is PaymentStatus.PENDING
    adyen.settle(pending.gateway_ref or "")
    told = _told(adyen, gateway)
    assert told == PaymentResult(PaymentStatus.SUCCEEDED, pending.gateway_ref, Money(1130, "CAD"))


def test_a_no_is_only_a_hint_because_the_payer_may_try_another_card(adyen: TheWorld, gateway: Gateway) -> None:
    gateway.create_payment(replace(a_payment(adyen), token=f"{SHOPPER}/refused-12"))
    assert _told(adyen, gateway) is None


def test_a_capture_and_a_cancellation_are_settled_by_their_webhooks(adyen: TheWorld, gateway: Gateway) -> None:
    for verb, status in ((gateway.capture, PaymentStatus.SUCCEEDED), (gateway.void, PaymentStatus.CANCELED)):
        request = a_payment(adyen, capture=False)
        held = gateway.create_payment(request)
        [authorised] = gateway.parse_webhook(adyen.webhook())
        assert authorised.payment == PaymentRef(request.key, held.gateway_ref)
        assert authorised.result == replace(held, amount=request.amount)
        verb(ref_of(request, held))
        [notice] = gateway.parse_webhook(adyen.webhook())
        assert notice.payment == PaymentRef(request.key, held.gateway_ref)
        assert isinstance(notice.result, PaymentResult)
        assert (notice.result.status, notice.result.gateway_ref) == (status, held.gateway_ref)


def test_a_cancellation_that_came_too_late_changes_nothing(adyen: TheWorld, gateway: Gateway) -> None:
    request = a_payment(adyen, capture=False)
    held = gateway.create_payment(request)
    gateway.capture(ref_of(request, held))
    gateway.void(ref_of(request, held))
    assert _told(adyen, gateway) is None
    assert [taken.status for taken in adyen.books()] == ["taken"]


@pytest.mark.parametrize(("arrives", "status"), [(True, RefundStatus.SUCCEEDED), (False, RefundStatus.FAILED)])
def test_a_refund_is_settled_by_its_webhook(
    adyen: TheWorld, gateway: Gateway, arrives: bool, status: RefundStatus
) -> None:
    _, ref = settled(adyen, gateway)
    request = a_refund(adyen, ref, 400)
    sent = gateway.refund(request)
    adyen.settle_refund(sent.gateway_ref or "", succeeds=arrives)
    [notice] = gateway.parse_webhook(adyen.webhook())
    assert notice.refund
    assert (notice.kind, notice.refund.key, notice.refund.gateway_ref) == (
        NoticeKind.REFUND,
        request.key,
        sent.gateway_ref,
    )
    assert isinstance(notice.result, RefundResult)
    assert (notice.result.status, bool(notice.result.message)) == (status, not arrives)
    assert [taken.refunded for taken in adyen.books()] == [400 if arrives else 0]


def test_a_refund_of_more_than_is_left_fails_by_its_webhook(adyen: TheWorld, gateway: Gateway) -> None:
    _, ref = settled(adyen, gateway)
    gateway.refund(a_refund(adyen, ref, 1131))
    told = _told(adyen, gateway)
    assert isinstance(told, RefundResult)
    assert told.status is RefundStatus.FAILED


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("REQUEST_FOR_INFORMATION", DisputeStatus.NEEDS_RESPONSE),
        ("CHARGEBACK_REVERSED", DisputeStatus.WON),
        ("SECOND_CHARGEBACK", DisputeStatus.LOST),
    ],
)
def test_each_step_of_a_dispute_is_told(adyen: TheWorld, gateway: Gateway, code: str, status: DisputeStatus) -> None:
    _, ref = settled(adyen, gateway)
    case = adyen.dispute(ref.gateway_ref or "")
    adyen.simulator.dispute(ref.gateway_ref or "", code, case)
    told = _told(adyen, gateway)
    assert isinstance(told, Dispute)
    assert (told.gateway_ref, told.status) == (case, status)


def test_a_lost_answer_is_not_asked_about_once_adyen_may_have_forgotten_our_key(
    adyen: TheWorld, gateway: Gateway
) -> None:
    request = a_payment(adyen)
    adyen.strike(FaultKind.DROP_AFTER)
    with pytest.raises(OutcomeUnknown):
        gateway.create_payment(request)
    adyen.simulator.age_keys(KEY_SECONDS)
    week_ago = datetime.now(UTC) - timedelta(days=7)
    with pytest.raises(OutcomeUnknown):
        gateway.fetch_payment(PaymentRef(request.key, None, week_ago, request))
    assert len(adyen.books()) == 1


def test_a_link_is_named_by_its_webhook_and_refunded_after_that(adyen: TheWorld, gateway: Gateway) -> None:
    request, link = settled(adyen, gateway, token=HOSTED)
    with pytest.raises(GatewayRefused):
        gateway.refund(a_refund(adyen, link, 1130))
    [notice] = gateway.parse_webhook(adyen.webhook())
    assert isinstance(notice.result, PaymentResult)
    named = PaymentRef(request.key, notice.result.gateway_ref)
    assert gateway.refund(a_refund(adyen, named, 1130)).status is RefundStatus.PENDING
    with pytest.raises(OutcomeUnknown):
        gateway.fetch_payment(replace(named, started_at=datetime.now(UTC), request=request))


def test_a_link_can_keep_the_method_it_was_paid_with(adyen: TheWorld, gateway: Gateway) -> None:
    request = a_payment(adyen, token=HOSTED, save_method=True)
    begun = gateway.create_payment(request)
    adyen.pay(begun)
    paid = gateway.resume_payment(ref_of(request, begun), {})
    assert paid.saved_method
    charged = gateway.create_payment(replace(a_payment(adyen), token=paid.saved_method.token, off_session=True))
    assert charged.status is PaymentStatus.SUCCEEDED


def test_the_answer_of_another_payment_is_not_taken_for_this_one(adyen: TheWorld, gateway: Gateway) -> None:
    mine, other = (a_payment(adyen, token="approve") for _ in range(2))
    begun, others = gateway.create_payment(mine), gateway.create_payment(other)
    answer = browse(others.next_action.url, "approve")  # type: ignore[union-attr]
    with pytest.raises(GatewayRefused):
        gateway.resume_payment(ref_of(mine, begun), answer)


def test_the_method_that_was_left_last_is_the_one_that_is_kept(adyen: TheWorld, gateway: Gateway) -> None:
    first = gateway.save_method(a_method(adyen))
    page = gateway.begin_setup(SetupRequest(new_id("req"), PAYER, "https://shop.example/methods", "CAD"))
    token = browse(page.url, "pay")["token"]  # type: ignore[union-attr]
    second = gateway.save_method(replace(a_method(adyen), token=token))
    assert second.token != first.token
    with pytest.raises(GatewayRefused):
        gateway.save_method(replace(a_method(adyen), payer=OTHER_PAYER))


def _change(**fields: object) -> Callable[[dict[str, Any]], None]:
    return lambda item: item.update(fields)


ALTERED: dict[str, Callable[[dict[str, Any]], None]] = {
    "success": _change(success="false"),
    "a boolean": _change(success=True),
    "amount": _change(amount={"currency": "CAD", "value": 113000}),
    "currency": _change(amount={"currency": "USD", "value": 1130}),
    "our key": _change(merchantReference="pay_other"),
    "their reference": _change(pspReference="OTHER"),
    "event": _change(eventCode="REFUND"),
    "original": _change(originalReference="OTHER"),
    "no signature": _change(additionalData={}),
    "no additional data": lambda item: item.pop("additionalData"),
    "no amount": lambda item: item.pop("amount"),
    "a signature of another type": _change(additionalData={"hmacSignature": 7}),
}


@pytest.mark.parametrize("name", ALTERED)
@pytest.mark.parametrize("second", [False, True], ids=["alone", "behind a good one"])
def test_an_item_that_was_altered_is_not_believed(adyen: TheWorld, gateway: Gateway, name: str, second: bool) -> None:
    settled(adyen, gateway)
    signed = adyen.webhook()
    told = json.loads(signed.body)
    good, bad = (json.loads(json.dumps(told["notificationItems"][0])) for _ in range(2))
    ALTERED[name](bad["NotificationRequestItem"])
    told["notificationItems"] = [good, bad] if second else [bad]
    with pytest.raises(InvalidSignature):
        gateway.parse_webhook(replace(signed, body=json.dumps(told).encode()))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"notificationItems": []}', b'{"notificationItems": [7]}', b"\xff"]
)
def test_what_is_no_standard_webhook_is_not_believed(adyen: TheWorld, gateway: Gateway, body: bytes) -> None:
    settled(adyen, gateway)
    with pytest.raises(InvalidSignature):
        gateway.parse_webhook(replace(adyen.webhook(), body=body))


def test_a_webhook_of_another_merchant_or_without_the_password_is_not_believed(adyen: TheWorld) -> None:
    settled(adyen, adyen.open())
    for changes in ({"merchant_account": "Other"}, {"webhook_login": "adyen:other"}, {"hmac_keys": "no hexadecimal"}):
        with pytest.raises(InvalidSignature):
            adyen.open(**changes).parse_webhook(adyen.webhook())
    without = adyen.simulator.signed(adyen.simulator.events[-1], HMAC_KEY, login="adyen:guessed")
    with pytest.raises(InvalidSignature):
        adyen.open().parse_webhook(RawRequest(without.content, {"authorization": without.headers["Authorization"]}))


@pytest.mark.parametrize(
    ("extra", "checks"),
    [
        (
            {"cvcResult": "1 Matches", "avsResult": "7 Both match", "fraudResultType": "GREEN"},
            Checks("normal", True, True, True),
        ),
        ({"cvcResult": "2 No Match", "avsResult": "1 Address matches"}, Checks(None, False, True, False)),
        ({"fraudResultType": "GREEN", "fraudManualReview": "true"}, Checks("elevated")),
        ({"fraudResultType": "FRAUD", "cvcResult": "0 Unknown", "avsResult": "4 Not supported"}, Checks("highest")),
        ({}, None),
    ],
)
def test_what_adyen_thinks_of_a_payment_is_kept(extra: dict[str, str], checks: Checks | None) -> None:
    told = {"resultCode": "Authorised", "pspReference": "8", "additionalData": extra}
    assert words.payment(told, PaymentRequest("pay_1", Money(1000, "CAD"), PAYER)).checks == checks


def test_an_advice_to_stop_outweighs_a_soft_code() -> None:
    told = {"resultCode": "Refused", "refusalReasonCode": "12", "additionalData": {"merchantAdviceCode": "03"}}
    assert words.decline(told) == OUR_WORDS["not_permitted"]


@pytest.mark.parametrize(("code", "word"), [("Error", "processing_error"), ("Cancelled", "payer_canceled")])
def test_a_result_without_a_reason_has_a_word_too(code: str, word: str) -> None:
    assert words.decline({"resultCode": code}) == OUR_WORDS[word]


@pytest.mark.parametrize("code", sorted(words.DECLINES))
def test_every_code_in_the_table_has_a_word_of_ours(code: str) -> None:
    assert words.decline({"resultCode": "Refused", "refusalReasonCode": code}).code == words.DECLINES[code]
