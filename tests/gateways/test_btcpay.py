"""BTCPay Server: what the contract does not ask of every gateway."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from app.domain.money import Money
from app.gateways.base import Gateway
from app.gateways.errors import GatewayRefused, GatewayUnavailable
from app.gateways.types import (
    ClaimLink,
    NoticeKind,
    PaymentRequest,
    PaymentResult,
    PaymentStatus,
    QrCode,
    Redirect,
    RefundStatus,
)
from simulators.faults import Fault, FaultKind
from tests.gateways.contract import a_payment, a_refund, ref_of, ref_of_refund, settled
from tests.gateways.worlds import browse
from tests.gateways.worlds.btcpay import TheWorld

HOUR = timedelta(hours=1)
ON_CHAIN = "BTC-CHAIN"


@pytest.fixture
def btcpay(tmp_path: Path) -> Iterator[TheWorld]:
    """BTCPay Server and its surroundings."""
    with TheWorld.begun(tmp_path) as world:
        yield world


@pytest.fixture
def gateway(btcpay: TheWorld) -> Gateway:
    """One store."""
    return btcpay.open()


def begun(btcpay: TheWorld, gateway: Gateway) -> tuple[PaymentRequest, str]:
    """An invoice over 20.00 that waits for its payer, and BTCPay's reference of it."""
    request = a_payment(btcpay, 2000)
    return request, gateway.create_payment(request).gateway_ref or ""


def asked(gateway: Gateway, request: PaymentRequest, ref: str) -> PaymentResult:
    found = gateway.fetch_payment(ref_of(request, PaymentResult(PaymentStatus.PENDING, ref)))
    assert found
    return found


def test_the_payer_goes_to_the_page_of_the_invoice_and_comes_back(btcpay: TheWorld, gateway: Gateway) -> None:
    request = a_payment(btcpay)
    waiting = gateway.create_payment(request)
    assert waiting.next_action == Redirect(f"{btcpay.simulator.url}/i/{waiting.gateway_ref}")
    assert browse(waiting.next_action.url, "BTC-LN 100") == {"x": "1"}  # type: ignore[union-attr]


def test_a_store_can_show_a_code_instead_of_the_page(btcpay: TheWorld) -> None:
    gateway = btcpay.open(code_method=ON_CHAIN)
    request = a_payment(btcpay, 2000)
    waiting = gateway.create_payment(request)
    assert isinstance(waiting.next_action, QrCode)
    # 20.00 at 50,000.00 a bitcoin are 0.0004
    uri = f"bitcoin:bc1{waiting.gateway_ref}?amount=0.00040000"
    assert (waiting.next_action.uri, waiting.next_action.amount_text) == (uri, "0.00040000 BTC")
    assert timedelta(minutes=14) < waiting.next_action.expires_at - datetime.now(UTC) <= timedelta(minutes=15)
    assert asked(gateway, request, waiting.gateway_ref or "").next_action == waiting.next_action


def test_a_code_that_the_store_does_not_have_gives_way_to_the_page(btcpay: TheWorld) -> None:
    assert isinstance(btcpay.open(code_method="XMR-CHAIN").create_payment(a_payment(btcpay)).next_action, Redirect)


def test_what_is_paid_on_chain_waits_for_its_confirmation(btcpay: TheWorld, gateway: Gateway) -> None:
    request, ref = begun(btcpay, gateway)
    btcpay.simulator.pay(ref, method=ON_CHAIN)
    assert (asked(gateway, request, ref).status, asked(gateway, request, ref).amount) == (
        PaymentStatus.PENDING,
        request.amount,
    )
    btcpay.simulator.confirm(ref)
    assert asked(gateway, request, ref).status is PaymentStatus.SUCCEEDED


def test_what_is_never_confirmed_has_failed(btcpay: TheWorld, gateway: Gateway) -> None:
    request, ref = begun(btcpay, gateway)
    btcpay.simulator.pay(ref, method=ON_CHAIN)
    btcpay.simulator.confirm(ref, succeeds=False)
    result = asked(gateway, request, ref)
    assert (result.status, result.decline and result.decline.code) == (PaymentStatus.FAILED, "processing_error")


def test_an_invoice_that_nobody_paid_in_time_is_given_up(btcpay: TheWorld, gateway: Gateway) -> None:
    request, ref = begun(btcpay, gateway)
    btcpay.simulator.expire(ref)
    assert asked(gateway, request, ref).status is PaymentStatus.CANCELED


def test_too_much_is_told_as_what_was_received(btcpay: TheWorld, gateway: Gateway) -> None:
    request, ref = begun(btcpay, gateway)
    btcpay.simulator.pay(ref, 200)
    result = asked(gateway, request, ref)
    assert (result.status, result.amount) == (PaymentStatus.SUCCEEDED, Money(4000, "CAD"))


def test_too_little_waits_for_the_rest_and_is_final_when_nobody_watches_any_more(
    btcpay: TheWorld, gateway: Gateway
) -> None:
    request, ref = begun(btcpay, gateway)
    btcpay.simulator.pay(ref, 50)
    assert asked(gateway, request, ref).status is PaymentStatus.REQUIRES_ACTION
    btcpay.simulator.expire(ref)
    half = Money(1000, "CAD")
    assert (asked(gateway, request, ref).status, asked(gateway, request, ref).amount) == (PaymentStatus.PENDING, half)
    btcpay.simulator.stop_watching(ref)
    assert (asked(gateway, request, ref).status, asked(gateway, request, ref).amount) == (PaymentStatus.SUCCEEDED, half)


def test_the_rest_that_comes_late_counts(btcpay: TheWorld, gateway: Gateway) -> None:
    request, ref = begun(btcpay, gateway)
    btcpay.simulator.pay(ref, 50)
    btcpay.simulator.expire(ref)
    btcpay.simulator.pay(ref, 50)
    result = asked(gateway, request, ref)
    assert (result.status, result.amount) == (PaymentStatus.SUCCEEDED, request.amount)


@pytest.mark.parametrize("closed_by", ["expired", "void"])
def test_money_that_comes_after_the_end_is_told_once_it_is_confirmed(
    btcpay: TheWorld, gateway: Gateway, closed_by: str
) -> None:
    request, ref = begun(btcpay, gateway)
    if closed_by == "void":
        gateway.void(ref_of(request))
    else:
        btcpay.simulator.expire(ref)
    assert asked(gateway, request, ref).status is PaymentStatus.CANCELED
    btcpay.simulator.pay(ref, method=ON_CHAIN)
    [notice] = gateway.parse_webhook(btcpay.webhook())
    assert notice.payment
    assert notice.payment.gateway_ref == ref
    assert asked(gateway, request, ref).status is PaymentStatus.PENDING
    btcpay.simulator.confirm(ref)
    result = asked(gateway, request, ref)
    assert (result.status, result.amount) == (PaymentStatus.SUCCEEDED, request.amount)


def test_money_on_its_way_is_not_voided(btcpay: TheWorld, gateway: Gateway) -> None:
    request, ref = begun(btcpay, gateway)
    btcpay.simulator.pay(ref, method=ON_CHAIN)
    assert gateway.void(ref_of(request)).status is PaymentStatus.PENDING
    btcpay.simulator.confirm(ref)
    assert asked(gateway, request, ref).status is PaymentStatus.SUCCEEDED


def test_an_invoice_that_a_person_marked_as_settled_is_paid_in_full(btcpay: TheWorld, gateway: Gateway) -> None:
    request, ref = begun(btcpay, gateway)
    invoice = btcpay.simulator.books.tables["invoices"][ref]
    invoice |= {"status": "Settled", "additionalStatus": "Marked"}
    result = asked(gateway, request, ref)
    assert (result.status, result.amount) == (PaymentStatus.SUCCEEDED, request.amount)


@pytest.mark.parametrize(
    ("rate", "paid"),
    [
        # 20.00 / 64,392.23 = 0.000310596…, rounded up to 0.0003106 BTC, which are worth 20.0002…
        ("64392.23", 2000),
        # 20.00 / 1,500,000.00 = 0.0000133…, rounded up to 0.00001334 BTC, which are worth 20.01
        ("1500000.00", 2001),
    ],
)
def test_what_was_received_is_rounded_to_the_cent(btcpay: TheWorld, gateway: Gateway, rate: str, paid: int) -> None:
    btcpay.simulator.rate = Decimal(rate)
    request, ref = begun(btcpay, gateway)
    btcpay.simulator.pay(ref)
    assert asked(gateway, request, ref).amount == Money(paid, "CAD")


def test_of_two_invoices_with_one_key_the_paid_one_counts(btcpay: TheWorld, gateway: Gateway) -> None:
    request, ref = begun(btcpay, gateway)
    twin = dict(btcpay.simulator.books.tables["invoices"][ref], id="twin")
    btcpay.simulator.books.put("invoices", twin)
    btcpay.simulator.pay("twin")
    found = gateway.fetch_payment(ref_of(request))
    assert found
    assert (found.gateway_ref, found.status) == ("twin", PaymentStatus.SUCCEEDED)


def test_when_it_is_not_known_whether_there_is_an_invoice_none_is_made(btcpay: TheWorld, gateway: Gateway) -> None:
    btcpay.simulator.faults.add(Fault(FaultKind.DROP_BEFORE, on="GET /api/v1/stores/S1/invoices"))
    with pytest.raises(GatewayUnavailable):
        gateway.create_payment(a_payment(btcpay))
    assert btcpay.simulator.books.rows("invoices") == []


def test_another_store_is_refused(btcpay: TheWorld) -> None:
    with pytest.raises(GatewayRefused, match="missing-permission"):
        btcpay.open(store_id="S2").check_credentials()


@pytest.mark.parametrize("address", ["btcpay.example", "ftp://btcpay.example", "http://"])
def test_what_is_no_web_address_is_refused(btcpay: TheWorld, address: str) -> None:
    with pytest.raises(GatewayRefused, match="not a web address"):
        btcpay.open(base_url=address).check_credentials()


def test_a_refund_waits_for_the_payer_to_claim_it_and_for_a_person_to_send_it(
    btcpay: TheWorld, gateway: Gateway
) -> None:
    _, payment = settled(btcpay, gateway, 2000)
    request = a_refund(btcpay, payment, 500)
    sent = gateway.refund(request)
    link = ClaimLink(f"{btcpay.simulator.url}/pull-payments/{sent.gateway_ref}")
    assert (sent.status, sent.next_step) == (RefundStatus.PENDING, link)
    browse(link.url, "claim")
    [notice] = gateway.parse_webhook(btcpay.webhook())
    assert (notice.kind, notice.refund and notice.refund.gateway_ref) == (NoticeKind.REFUND, sent.gateway_ref)
    claimed = gateway.fetch_refund(ref_of_refund(request))
    assert claimed
    assert (claimed.status, claimed.next_step) == (RefundStatus.PENDING, link)
    btcpay.simulator.pay_out(sent.gateway_ref or "")
    found = gateway.fetch_refund(ref_of_refund(request))
    assert found
    assert (found.status, found.next_step) == (RefundStatus.SUCCEEDED, None)


def test_a_refund_closed_after_a_part_was_paid_out_is_left_to_people(btcpay: TheWorld, gateway: Gateway) -> None:
    _, payment = settled(btcpay, gateway, 2000)
    request = a_refund(btcpay, payment, 500)
    ref = gateway.refund(request).gateway_ref or ""
    btcpay.simulator.claim(ref)
    btcpay.simulator.pay_out(ref)
    [payout] = btcpay.simulator.books.rows("payouts")
    payout["originalAmount"] = "2.00"
    btcpay.simulator.archive(ref)
    found = gateway.fetch_refund(ref_of_refund(request))
    assert found
    assert (found.status, found.message) == (RefundStatus.PENDING, "Closed at BTCPay after 2.00 of it was paid out.")


def test_a_refund_that_was_closed_leaves_its_amount_to_another(btcpay: TheWorld, gateway: Gateway) -> None:
    _, payment = settled(btcpay, gateway, 2000)
    first = gateway.refund(a_refund(btcpay, payment, 2000))
    assert gateway.refund(a_refund(btcpay, payment, 1)).status is RefundStatus.FAILED
    btcpay.simulator.archive(first.gateway_ref or "")
    assert gateway.refund(a_refund(btcpay, payment, 2000)).status is RefundStatus.PENDING


def test_an_invoice_that_nobody_paid_cannot_be_refunded(btcpay: TheWorld, gateway: Gateway) -> None:
    request, _ = begun(btcpay, gateway)
    refused = gateway.refund(a_refund(btcpay, ref_of(request), 2000))
    assert (refused.status, refused.message) == (RefundStatus.FAILED, "More than what is left of this payment.")


def test_refunds_that_were_paid_out_are_listed(btcpay: TheWorld, gateway: Gateway) -> None:
    _, payment = settled(btcpay, gateway, 2000)
    request, unclaimed = (a_refund(btcpay, payment, minor) for minor in (500, 700))
    gateway.refund(unclaimed)
    sent = gateway.refund(request)
    btcpay.settle_refund(sent.gateway_ref or "", succeeds=True)
    now = datetime.now(UTC)
    rows = [row for row in gateway.list_transactions(now - HOUR, now + HOUR) if row.kind == "refund"]
    assert [(row.key, row.gateway_ref, row.amount) for row in rows] == [(request.key, sent.gateway_ref, request.amount)]


@pytest.mark.parametrize(("amount", "currency"), [("5.00", "CAD"), ("0.0001", "BTC")])  # a bitcoin costs 50,000 CAD
def test_refunds_made_on_btcpays_own_pages_are_listed(
    btcpay: TheWorld, gateway: Gateway, amount: str, currency: str
) -> None:
    _, payment = settled(btcpay, gateway, 2000)
    ref = btcpay.simulator.refund_on_page(payment.gateway_ref or "", amount, currency)
    btcpay.settle_refund(ref, succeeds=True)
    btcpay.simulator.books.tables["pull_payments"]["pay"] = {
        "id": "pay",
        "name": "Refund desk, June",
        "archived": False,
    }
    btcpay.simulator.books.put(
        "payouts", btcpay.simulator.books.rows("payouts")[0] | {"id": "p2", "pullPaymentId": "pay"}
    )
    now = datetime.now(UTC)
    rows = [row for row in gateway.list_transactions(now - HOUR, now + HOUR) if row.kind == "refund"]
    listed = [(row.key, row.gateway_ref, row.payment_ref, row.amount) for row in rows]
    assert listed == [(None, ref, payment.gateway_ref, Money(500, "CAD"))]
    assert gateway.list_transactions(now + HOUR, now + 2 * HOUR) == []


def test_what_was_offered_on_btcpays_own_pages_is_not_offered_again(btcpay: TheWorld, gateway: Gateway) -> None:
    _, payment = settled(btcpay, gateway, 2000)
    btcpay.simulator.refund_on_page(payment.gateway_ref or "", "15.00", "CAD")
    assert gateway.refund(a_refund(btcpay, payment, 501)).status is RefundStatus.FAILED
    assert gateway.refund(a_refund(btcpay, payment, 500)).status is RefundStatus.PENDING


def test_a_long_list_is_read_to_its_end(btcpay: TheWorld, gateway: Gateway) -> None:
    _, ref = settled(btcpay, gateway)
    paid = btcpay.simulator.books.tables["invoices"][ref.gateway_ref or ""]
    for number in range(104):
        btcpay.simulator.books.put("invoices", dict(paid, id=f"i{number}"))
    now = datetime.now(UTC)
    rows = gateway.list_transactions(now - HOUR, now + HOUR)
    assert len({row.gateway_ref for row in rows}) == 105


def test_a_redelivery_is_told_by_the_delivery_it_repeats(btcpay: TheWorld, gateway: Gateway) -> None:
    settled(btcpay, gateway)
    [once] = gateway.parse_webhook(btcpay.webhook())
    btcpay.simulator.events[-1].body.update({"deliveryId": "again", "isRedelivery": True})
    [again] = gateway.parse_webhook(btcpay.webhook())
    assert once.dedupe == again.dedupe


def test_an_event_about_nothing_of_ours_gives_no_notice(btcpay: TheWorld, gateway: Gateway) -> None:
    btcpay.simulator.tell("SubscriberCreated", {"subscriber": {}})
    assert gateway.parse_webhook(btcpay.webhook()) == []


def test_a_signature_covers_the_body_as_it_came_and_not_what_it_means(btcpay: TheWorld, gateway: Gateway) -> None:
    settled(btcpay, gateway)
    webhook = btcpay.webhook()
    assert json.dumps(json.loads(webhook.body)).encode() != webhook.body
