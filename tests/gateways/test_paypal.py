"""PayPal: what the contract does not ask of every gateway."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.domain.declines import DECLINES as OUR_WORDS
from app.domain.money import Money
from app.gateways import paypal_words as words
from app.gateways.base import Gateway
from app.gateways.errors import GatewayRefused, GatewayUnavailable, InvalidSignature, MethodRefused, OutcomeUnknown
from app.gateways.types import (
    DisputeStatus,
    NoticeKind,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    RawRequest,
    SaveMethodRequest,
)
from simulators.faults import Fault, FaultKind
from simulators.paypal_base import HOUR, WEBHOOK_ID, stamp
from simulators.paypal_keys import Authority, pem, signing
from tests.gateways.contract import OTHER_PAYER, PAYER, a_payment, ref_of, settled
from tests.gateways.worlds import browse
from tests.gateways.worlds.paypal import TheWorld

DAY = timedelta(days=1)


@pytest.fixture
def paypal(tmp_path: Path) -> Iterator[TheWorld]:
    """PayPal and its surroundings."""
    with TheWorld.begun(tmp_path) as world:
        yield world


@pytest.fixture
def gateway(paypal: TheWorld) -> Gateway:
    """One business account."""
    return paypal.open()


def _lost(paypal: TheWorld, gateway: Gateway, kind: FaultKind) -> PaymentRequest:
    request = a_payment(paypal)
    paypal.strike(kind)
    with pytest.raises(OutcomeUnknown):
        gateway.create_payment(request)
    return request


def _hours_later(paypal: TheWorld, request: PaymentRequest, hours: int) -> PaymentRef:
    """So long after the payment: PayPal has forgotten its keys, and lists what was captured then."""
    then = datetime.now(UTC) - timedelta(hours=hours)
    paypal.simulator.age_keys(hours * HOUR)
    for capture in paypal.simulator.books.rows("captures"):
        capture["create_time"] = stamp(then.timestamp() + 2)
    return PaymentRef(request.key, None, then, request)


@pytest.mark.parametrize("hours", [5, 7, 40])
def test_a_lost_answer_is_found_while_paypal_keeps_our_key_and_after_that_in_its_list(
    paypal: TheWorld, gateway: Gateway, hours: int
) -> None:
    request = _lost(paypal, gateway, FaultKind.DROP_AFTER)
    found = gateway.fetch_payment(_hours_later(paypal, request, hours))
    assert found
    assert (found.status, found.amount) == (PaymentStatus.SUCCEEDED, request.amount)
    assert [taken.ref for taken in paypal.books()] == [found.gateway_ref]


@pytest.mark.parametrize("hours", [5, 7, 40])
def test_a_charge_that_never_arrived_is_surely_unknown_and_asking_takes_nothing(
    paypal: TheWorld, gateway: Gateway, hours: int
) -> None:
    request = _lost(paypal, gateway, FaultKind.DROP_BEFORE)
    assert gateway.fetch_payment(_hours_later(paypal, request, hours)) is None
    assert paypal.books() == []


def test_an_order_that_was_not_made_for_sure_moved_no_money(paypal: TheWorld, gateway: Gateway) -> None:
    paypal.simulator.faults.add(Fault(FaultKind.DROP_AFTER, on="POST /v2/checkout/orders"))
    with pytest.raises(GatewayUnavailable):
        gateway.create_payment(a_payment(paypal))
    assert paypal.books() == []


def test_a_charge_sent_again_after_paypal_forgot_our_key_is_no_second_charge(
    paypal: TheWorld, gateway: Gateway
) -> None:
    request, _ = settled(paypal, gateway)
    paypal.simulator.age_keys(7 * HOUR)
    with pytest.raises(OutcomeUnknown):
        gateway.create_payment(request)
    assert len(paypal.books()) == 1


def test_a_key_used_for_another_amount_means_that_something_was_charged(paypal: TheWorld, gateway: Gateway) -> None:
    request, _ = settled(paypal, gateway, 1130)
    with pytest.raises(OutcomeUnknown):
        gateway.create_payment(a_payment(paypal, 2260, key=request.key))


def test_an_access_token_that_was_taken_back_is_replaced(paypal: TheWorld, gateway: Gateway) -> None:
    settled(paypal, gateway)
    paypal.simulator.revoke_tokens()
    request = a_payment(paypal)
    with pytest.raises(GatewayUnavailable):
        gateway.create_payment(request)
    assert gateway.create_payment(request).status is PaymentStatus.SUCCEEDED


def _page(paypal: TheWorld, gateway: Gateway, choice: str, **changes: object) -> tuple[PaymentRequest, PaymentRef]:
    request = replace(a_payment(paypal), token=None, **changes)  # type: ignore[arg-type]
    begun = gateway.create_payment(request)
    browse(begun.next_action.url, choice)  # type: ignore[union-attr]
    return request, ref_of(request, begun)


def test_a_payer_who_approved_and_did_not_come_back_has_paid_once_we_ask(paypal: TheWorld, gateway: Gateway) -> None:
    request, ref = _page(paypal, gateway, "approve")
    assert paypal.books() == []
    [notice] = gateway.parse_webhook(paypal.webhook())
    assert notice.payment == PaymentRef(request.key, ref.gateway_ref)
    for _ in ("asked", "asked again"):
        found = gateway.fetch_payment(ref)
        assert found
        assert found.status is PaymentStatus.SUCCEEDED
    assert [taken.units for taken in paypal.books()] == [1130]


def test_a_payer_who_went_back_can_still_pay(paypal: TheWorld, gateway: Gateway) -> None:
    _, ref = _page(paypal, gateway, "cancel")
    assert gateway.resume_payment(ref, {}).status is PaymentStatus.REQUIRES_ACTION


def test_an_approved_payment_may_still_be_declined(paypal: TheWorld, gateway: Gateway) -> None:
    _, ref = _page(paypal, gateway, "decline")
    refused = gateway.resume_payment(ref, {})
    assert (refused.status, bool(refused.decline)) == (PaymentStatus.FAILED, True)


def test_a_wallet_can_be_kept_while_paying(paypal: TheWorld, gateway: Gateway) -> None:
    _, ref = _page(paypal, gateway, "approve", save_method=True)
    paid = gateway.resume_payment(ref, {})
    assert paid.saved_method
    charge = replace(a_payment(paypal), token=paid.saved_method.token, off_session=True)
    assert gateway.create_payment(charge).status is PaymentStatus.SUCCEEDED


def test_an_authorized_payment_on_the_page_is_taken_by_its_capture(paypal: TheWorld, gateway: Gateway) -> None:
    _, ref = _page(paypal, gateway, "approve", capture=False)
    assert gateway.resume_payment(ref, {}).status is PaymentStatus.AUTHORIZED
    assert gateway.capture(ref).amount == Money(1130, "CAD")


def test_a_charge_says_who_began_it(paypal: TheWorld, gateway: Gateway) -> None:
    for token, off_session in (("paypal/wallet-ok", True), ("card/visa", True), ("venmo/venmo-ok", False)):
        gateway.create_payment(replace(a_payment(paypal), token=token, off_session=off_session))
    said = [call.json["payment_source"] for call, _ in paypal.simulator.journal if call.path.endswith("/capture")]
    by_us = {"payment_initiator": "MERCHANT", "usage": "SUBSEQUENT"}
    assert said == [
        {"paypal": {"vault_id": "wallet-ok", "stored_credential": by_us}},
        {"card": {"vault_id": "visa", "stored_credential": by_us | {"payment_type": "UNSCHEDULED"}}},
        {"venmo": {"vault_id": "venmo-ok"}},
    ]


@pytest.mark.parametrize(
    ("kind", "shown"), [("card", ("card", "visa", "4242", 2034)), ("venmo", ("venmo", None, None, None))]
)
def test_what_a_payer_left_by_a_form_is_kept_as_what_it_is(
    paypal: TheWorld, gateway: Gateway, kind: str, shown: tuple[str, str | None, str | None, int | None]
) -> None:
    saved = gateway.save_method(SaveMethodRequest(paypal.simulator.leave(PAYER.customer_id, kind), PAYER))
    assert (saved.kind, saved.brand, saved.last4, saved.exp_year) == shown
    assert saved.token.startswith(f"{kind}/")


def test_a_method_that_paypal_will_not_keep_is_refused_with_the_reason(paypal: TheWorld, gateway: Gateway) -> None:
    token = paypal.simulator.leave(PAYER.customer_id, name="issue-INSTRUMENT_DECLINED")
    with pytest.raises(MethodRefused) as refused:
        gateway.save_method(SaveMethodRequest(token, PAYER))
    assert refused.value.decline == OUR_WORDS["card_declined"]


def test_a_method_left_by_another_customer_or_by_nobody_is_not_kept(paypal: TheWorld, gateway: Gateway) -> None:
    for token in (paypal.simulator.leave(OTHER_PAYER.customer_id), "unknown"):
        with pytest.raises(GatewayRefused):
            gateway.save_method(SaveMethodRequest(token, PAYER))


def test_a_payer_who_takes_back_their_permission_is_told_of(paypal: TheWorld, gateway: Gateway) -> None:
    saved = gateway.save_method(SaveMethodRequest(paypal.leave("ok", PAYER), PAYER))
    paypal.simulator.revoke(saved.token.partition("/")[2])
    [notice] = gateway.parse_webhook(paypal.webhook())
    assert (notice.kind, notice.method_token) == (NoticeKind.METHOD, saved.token)
    assert gateway.fetch_method(saved.token) is None


@pytest.mark.parametrize(
    ("outcome", "status"), [("RESOLVED_BUYER_FAVOUR", DisputeStatus.LOST), ("CANCELED_BY_BUYER", DisputeStatus.WON)]
)
def test_a_dispute_ends_one_way_or_the_other(
    paypal: TheWorld, gateway: Gateway, outcome: str, status: DisputeStatus
) -> None:
    _, ref = settled(paypal, gateway)
    case = paypal.dispute(ref.gateway_ref or "")
    paypal.simulator.resolve_dispute(case, outcome)
    told = gateway.fetch_dispute(case)
    assert told
    assert told.status is status


def test_a_settled_payment_tells_its_fee(paypal: TheWorld, gateway: Gateway) -> None:
    assert gateway.create_payment(a_payment(paypal, 10000)).fee == Money(320, "CAD")  # 2.9 % is 2.90, and 0.30


def test_a_payment_that_waits_for_the_seller_is_pending_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    held = {"id": "C1", "status": "PENDING", "amount": {"currency_code": "CAD", "value": "1.00"}}
    with caplog.at_level(logging.WARNING):
        for reason in ("PENDING_REVIEW", "UNILATERAL"):
            result = words.capture(held | {"status_details": {"reason": reason}})
            assert result.status is PaymentStatus.PENDING
    assert ["UNILATERAL" in record.getMessage() for record in caplog.records] == [True]


def test_an_advice_to_stop_outweighs_a_soft_code() -> None:
    told = {"id": "C1", "status": "DECLINED", "amount": {"currency_code": "CAD", "value": "1.00"}}
    for advice, word in (("21", "mandate_revoked"), ("03", "not_permitted"), ("02", "insufficient_funds")):
        said = {"response_code": "5120", "payment_advice_code": advice}
        assert words.capture(told | {"processor_response": said}).decline == OUR_WORDS[word]


def test_a_long_span_is_listed_a_month_at_a_time_and_every_row_once(paypal: TheWorld, gateway: Gateway) -> None:
    settled(paypal, gateway)
    ref = paypal.simulator.pay_out("500.00")
    now = datetime.now(UTC)
    listed = gateway.list_transactions(now - 95 * DAY, now + DAY)
    assert sorted(row.kind for row in listed) == ["payment", "payout"]
    assert next(row.amount for row in listed if row.gateway_ref == ref) == Money(50000, "CAD")
    asked = [call for call, _ in paypal.simulator.journal if call.path == "/v1/reporting/transactions"]
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("age", "believed"),
    [
        (timedelta(days=3), True),
        (timedelta(days=5), False),
        (timedelta(minutes=-4), True),
        (timedelta(minutes=-6), False),
    ],
)
def test_a_webhook_is_good_for_as_long_as_paypal_repeats_it_and_not_before_its_time(
    paypal: TheWorld, gateway: Gateway, age: timedelta, believed: bool
) -> None:
    settled(paypal, gateway)
    signed = paypal.webhook(age=int(age.total_seconds()))
    if believed:
        assert gateway.parse_webhook(signed)
        return
    with pytest.raises(InvalidSignature):
        gateway.parse_webhook(signed)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example/.paypal.com",
        "https://evilpaypal.com/certs/CERT-1",
        "https://paypal.com@evil.example/certs",
        "https://api.paypal.com:8443/certs",
        "https://[/certs",
        "file:///etc/passwd",
        "",
    ],
)
def test_a_certificate_elsewhere_is_not_even_fetched(paypal: TheWorld, url: str) -> None:
    settled(paypal, paypal.open())
    signed = paypal.webhook()
    with pytest.raises(InvalidSignature):
        _as_usual(paypal).parse_webhook(replace(signed, headers={**signed.headers, "paypal-cert-url": url}))


def test_by_default_nothing_but_paypals_own_address_and_a_public_authority_is_believed(paypal: TheWorld) -> None:
    settled(paypal, paypal.open())
    half = ({"certificate_root": ""}, {"certificate_address": ""})
    for account in (_as_usual(paypal), *(paypal.open(**changes) for changes in half)):
        with pytest.raises(InvalidSignature):
            account.parse_webhook(paypal.webhook())


def _as_usual(paypal: TheWorld) -> Gateway:
    return paypal.open(certificate_address="", certificate_root="")


def test_a_certificate_of_another_authority_is_not_believed(paypal: TheWorld) -> None:
    settled(paypal, paypal.open())
    with pytest.raises(InvalidSignature):
        paypal.open(certificate_root=pem(Authority().certificate)).parse_webhook(paypal.webhook())


def test_a_certificate_is_good_in_its_time_only(paypal: TheWorld, gateway: Gateway) -> None:
    settled(paypal, gateway)
    signed = paypal.webhook(age=-40 * 86400)
    with pytest.raises(InvalidSignature):
        gateway.parse_webhook(replace(signed, received_at=datetime.now(UTC) + 40 * DAY))


def test_a_signature_by_another_key_is_not_believed(paypal: TheWorld, gateway: Gateway) -> None:
    settled(paypal, gateway)
    other = rsa.generate_private_key(65537, 2048)
    forged = paypal.simulator.signed(paypal.simulator.events[-1], WEBHOOK_ID, key=other)
    headers = {name.lower(): value for name, value in forged.headers.items()}
    with pytest.raises(InvalidSignature):
        gateway.parse_webhook(RawRequest(forged.content, headers))
    assert signing()[0] is not other


@pytest.mark.parametrize("code", sorted(words.DECLINES))
def test_every_code_in_the_table_has_a_word_of_ours(code: str) -> None:
    assert words.decline(code).code == words.DECLINES[code]
