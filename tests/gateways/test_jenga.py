"""Jenga: what the contract does not ask of every gateway."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from app.gateways.base import Gateway
from app.gateways.errors import GatewayRefused, InvalidSignature, OutcomeUnknown
from app.gateways.jenga_words import DECLINES, fault, is_reference, msisdn, reference, telco
from app.gateways.types import PaymentRef, PaymentStatus, PhonePrompt, RawRequest
from app.ids import new_id
from simulators.jenga import _new_key
from tests.gateways.contract import a_payment, ref_of, settled
from tests.gateways.worlds.jenga import TheWorld

PUSH = TheWorld.hosted_line


@pytest.fixture
def jenga(tmp_path: Path) -> Iterator[TheWorld]:
    """Jenga and its surroundings."""
    with TheWorld.begun(tmp_path) as world:
        yield world


@pytest.fixture
def gateway(jenga: TheWorld) -> Gateway:
    """One merchant."""
    return jenga.open()


def lines(jenga: TheWorld) -> list[str]:
    return [call.line for call, _ in jenga.simulator.journal]


NUMBERS = {
    "0712345678": "254712345678",
    "0712 345 678": "254712345678",
    "+254 712-345-678": "254712345678",
    "254712345678": "254712345678",
    "712345678": "254712345678",
    "(0110) 345 678": "254110345678",
}


@pytest.mark.parametrize(("written", "number"), NUMBERS.items())
def test_a_kenyan_mobile_number_is_read_as_people_write_it(written: str, number: str) -> None:
    assert msisdn(written) == number


@pytest.mark.parametrize(
    "written",
    ["", "0812345678", "07123456", "071234567890", "+1 555 010 0000", "+255712345678", "0712345678x", "٠٧١٢٣٤٥٦٧٨"],
)
def test_anything_else_is_refused_and_nobody_is_asked(jenga: TheWorld, gateway: Gateway, written: str) -> None:
    with pytest.raises(GatewayRefused, match="no Kenyan mobile number"):
        gateway.create_payment(replace(a_payment(jenga), phone=written))
    assert PUSH not in lines(jenga)


@pytest.mark.parametrize(
    ("number", "whose"),
    [
        ("254712345678", "Safaricom"),
        ("254763345678", "Equitel"),
        ("254766345678", "Equitel"),
        ("254768345678", "Safaricom"),
    ],
)
def test_a_number_is_asked_through_its_own_company(number: str, whose: str) -> None:
    assert telco(number) == whose


def test_a_reference_is_the_same_for_the_same_key_and_another_for_another() -> None:
    keys = [new_id("pay") for _ in range(2000)]
    references = {reference(key) for key in keys}
    assert len(references) == 2000
    assert all(map(is_reference, references))
    assert reference("pay_1") == "7IGDWDVZKBYX"


def test_the_payer_is_asked_on_their_phone_and_answers_there(jenga: TheWorld, gateway: Gateway) -> None:
    request = a_payment(jenga)
    begun = gateway.create_payment(request)
    assert begun.next_action == PhonePrompt("254712345678")
    phone = f"{jenga.simulator.url}/phone/254712345678"
    assert "KES 1130.00: Enter the PIN" in requests.get(phone, timeout=5).text
    requests.post(phone, data={"choice": f"{begun.gateway_ref} 0"}, timeout=5)
    found = gateway.fetch_payment(ref_of(request))
    assert found
    assert (found.status, found.amount) == (PaymentStatus.SUCCEEDED, request.amount)


def test_a_prompt_is_written_as_jenga_wants_it(jenga: TheWorld, gateway: Gateway) -> None:
    request = a_payment(jenga)
    gateway.create_payment(request)
    [call] = [call for call, _ in jenga.simulator.journal if call.line == PUSH]
    sent = call.json["payment"]
    assert (sent["ref"], sent["amount"], sent["telco"]) == (reference(request.key), "1130.00", "Safaricom")
    assert sent["callBackUrl"] == f"https://shop.example/webhooks/jenga/1?key={request.key}"


def test_a_call_signed_with_another_key_is_refused(jenga: TheWorld) -> None:
    _new_key.cache_clear()
    other = jenga.open(private_key=_new_key())
    with pytest.raises(GatewayRefused, match="900101"):
        other.create_payment(a_payment(jenga))


@pytest.mark.parametrize("between", ["\n", " ", ""])
def test_a_key_may_have_lost_its_line_ends_in_a_form(jenga: TheWorld, between: str) -> None:
    pem = between.join(jenga.simulator.account()["private_key"].splitlines())
    assert jenga.open(private_key=f" {pem} ").create_payment(a_payment(jenga)).gateway_ref


@pytest.mark.parametrize("pem", ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_what_is_no_key_is_found_by_the_connection_test_and_not_repeated(jenga: TheWorld, pem: str) -> None:
    with pytest.raises(GatewayRefused, match="no RSA key in PEM") as refused:
        jenga.open(private_key=pem).check_credentials()
    assert "AAAA" not in str(refused.value)


def test_a_token_is_used_again_and_replaced_when_jenga_ended_it_early(jenga: TheWorld, gateway: Gateway) -> None:
    for _ in range(2):
        gateway.create_payment(a_payment(jenga))
    jenga.simulator.books.tables["tokens"].clear()
    gateway.create_payment(a_payment(jenga))
    assert [line for line in lines(jenga) if "authenticate" in line] == [
        "POST /authentication/api/v3/authenticate/merchant"
    ] * 2


@pytest.mark.parametrize("code", ["400105", "103108"])
def test_a_failure_that_nobody_is_sure_of_stays_unknown(jenga: TheWorld, gateway: Gateway, code: str) -> None:
    request = a_payment(jenga)
    jenga.refuse(gateway.create_payment(request), code)
    with pytest.raises(OutcomeUnknown, match=code):
        gateway.fetch_payment(ref_of(request))


def test_another_amount_under_our_reference_is_no_success(jenga: TheWorld, gateway: Gateway) -> None:
    request, ref = settled(jenga, gateway)
    jenga.simulator.books.tables["pushes"][reference(request.key)]["amount"] = "1131.00"
    with pytest.raises(OutcomeUnknown, match=r"1131\.00 KES"):
        gateway.fetch_payment(ref)


def test_a_payment_is_asked_about_without_its_request_too(jenga: TheWorld, gateway: Gateway) -> None:
    request = a_payment(jenga)
    gateway.create_payment(request)
    found = gateway.fetch_payment(PaymentRef(request.key))
    assert found
    assert (found.status, found.next_action) == (PaymentStatus.REQUIRES_ACTION, None)


@pytest.mark.parametrize("code", sorted(DECLINES))
def test_every_code_in_the_table_has_a_word_of_ours(jenga: TheWorld, gateway: Gateway, code: str) -> None:
    request = a_payment(jenga)
    jenga.refuse(gateway.create_payment(request), code)
    found = gateway.fetch_payment(ref_of(request))
    assert found
    assert (found.decline and found.decline.code) == DECLINES[code]


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, {"status": True, "code": 0}, None),
        (200, {"accessToken": "ey"}, None),
        (200, {"status": False, "code": 401101}, 401),
        (200, {"status": False, "code": 400101}, 422),
        (200, {"status": False, "code": 400105}, 500),
        (200, {"status": False, "code": 999999}, 500),
        (400, {"status": False, "code": 900101}, 403),
        (404, {"status": False, "code": 404}, 404),
        (503, None, 503),
    ],
)
def test_a_refusal_counts_as_one_only_if_it_surely_is(status: int, body: object, found: int | None) -> None:
    told = fault(status, body)
    assert (told.status if told else None) == found


def test_a_notice_is_told_by_the_banks_reference_and_names_our_key_if_it_came_to_its_address(
    jenga: TheWorld, gateway: Gateway
) -> None:
    request, ref = settled(jenga, gateway)
    [notice] = gateway.parse_webhook(replace(jenga.webhook(), query={"key": request.key}))
    assert notice.payment == PaymentRef(request.key, ref.gateway_ref)


def test_a_failed_payment_is_told_of_too(jenga: TheWorld, gateway: Gateway) -> None:
    begun = gateway.create_payment(a_payment(jenga))
    jenga.refuse(begun, "104103")
    [notice] = gateway.parse_webhook(jenga.webhook())
    assert notice.payment
    assert notice.payment.gateway_ref == begun.gateway_ref
    assert notice.dedupe.endswith(":FAILED")


def _said(body: object) -> RawRequest:
    sender = base64.b64encode(b"jenga:jenga_simulator_webhooks").decode()
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RawRequest(content, {"authorization": f"Basic {sender}"})


@pytest.mark.parametrize("body", [{}, {"transaction": None}, {"transaction": {"billNumber": "TILL-7"}}])
def test_a_notice_about_nothing_of_ours_is_none(gateway: Gateway, body: object) -> None:
    assert gateway.parse_webhook(_said(body)) == []


@pytest.mark.parametrize("body", [b"", b"{", [], "text", None])
def test_what_is_no_notice_is_not_taken_for_one(gateway: Gateway, body: object) -> None:
    with pytest.raises(InvalidSignature):
        gateway.parse_webhook(_said(body))
