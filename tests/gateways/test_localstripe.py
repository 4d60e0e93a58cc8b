"""Stripe's adapter and SDK against localstripe, the simulator that others wrote, in a process of its own.

What it can do is tried here: customers, kept methods, charges, declines, authorizations, captures, cancellations,
refunds, what can be asked about them, and signed webhooks. It cannot, and so our own simulator alone tries: idempotency
keys (it ignores them), refunds of more than what is left (it makes them), decline codes of banks, payments by customer
or time and with them the search by our key, lists of what moved the balance, forms and pages, disputes, the card
updater. It charges a card that was never kept, or is detached, though the bank would decline it.
"""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from app.domain.money import Money
from app.gateways.errors import GatewayRefused, MethodRefused
from app.gateways.stripe import StripeGateway
from app.gateways.types import (
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    RawRequest,
    RefundRequest,
    RefundStatus,
    SavedMethod,
    SaveMethodRequest,
)
from app.ids import new_id
from app.processes import wait_until
from crashtest.mailbox import Webhook, mailbox
from tests.gateways.contract import PAYER, ref_of, ref_of_refund
from tests.gateways.worlds import free_port

KEY, SECRET = "sk_test_localstripe", "whsec_of_localstripe"
GOOD, DECLINED_WHEN_KEPT, DECLINED_WHEN_CHARGED = "4242424242424242", "4000000000000002", "4000000000000341"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where localstripe is."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "tests.gateways.localstripe", str(port)]) as process:
        assert wait_until(lambda: _answers(f"http://127.0.0.1:{port}"), 30)
        yield f"http://127.0.0.1:{port}"
        process.kill()


@pytest.fixture
def gateway(url: str, tmp_path: Path) -> StripeGateway:
    return StripeGateway({"api_key": KEY, "base_url": url, "webhook_secrets": SECRET}, timeout=10, workspace=tmp_path)


def card(url: str, number: str) -> str:
    """What a payer's browser does: a card becomes a token."""
    form = {"type": "card", "card[number]": number, "card[exp_month]": 12, "card[exp_year]": 2034, "card[cvc]": "123"}
    return str(requests.post(f"{url}/v1/payment_methods", data=form, auth=(KEY, ""), timeout=5).json()["id"])


def kept(gateway: StripeGateway, url: str, number: str = GOOD) -> SavedMethod:
    return gateway.save_method(SaveMethodRequest(card(url, number), PAYER))


def payment(method: SavedMethod, **changes: bool) -> PaymentRequest:
    asked = PaymentRequest(
        key=new_id("pay"),
        amount=Money(1130, "CAD"),
        payer=PAYER,
        token=method.token,
        off_session=True,
        description="Acme INV-7",
        reference="INV-7",
        return_url="https://shop.example/back",
    )
    return replace(asked, **changes)  # type: ignore[arg-type]


def test_a_customer_keeps_a_card_and_is_charged_without_being_there(gateway: StripeGateway, url: str) -> None:
    method = kept(gateway, url)
    assert (method.brand, method.last4, method.exp_year) == ("visa", "4242", 2034)
    assert kept(gateway, url).token.partition("/")[0] == method.token.partition("/")[0]  # one customer
    request = payment(method)
    paid = gateway.create_payment(request)
    assert (paid.status, paid.amount, paid.fee) == (PaymentStatus.SUCCEEDED, request.amount, Money(0, "CAD"))
    found = gateway.fetch_payment(ref_of(request, paid))
    assert found
    assert (found.status, found.gateway_ref, found.amount) == (paid.status, paid.gateway_ref, paid.amount)


def test_a_decline_is_an_answer_when_a_card_is_charged_and_when_it_is_kept(gateway: StripeGateway, url: str) -> None:
    declined = gateway.create_payment(payment(kept(gateway, url, DECLINED_WHEN_CHARGED)))
    assert declined.status is PaymentStatus.FAILED
    assert declined.decline
    assert declined.decline.code == "card_declined"
    with pytest.raises(MethodRefused) as refused:
        kept(gateway, url, DECLINED_WHEN_KEPT)
    assert refused.value.decline.code == "card_declined"


def test_what_is_authorized_is_captured_or_cancelled(gateway: StripeGateway, url: str) -> None:
    method = kept(gateway, url)
    for verb, status in ((gateway.capture, PaymentStatus.SUCCEEDED), (gateway.void, PaymentStatus.CANCELED)):
        request = payment(method, capture=False)
        held = gateway.create_payment(request)
        assert held.status is PaymentStatus.AUTHORIZED
        assert verb(ref_of(request, held)).status is status


def test_parts_are_refunded_and_found_by_our_key_and_by_theirs(gateway: StripeGateway, url: str) -> None:
    request = payment(kept(gateway, url))
    ref = ref_of(request, gateway.create_payment(request))
    sent = {}
    for minor in (300, 830):
        wish = RefundRequest(new_id("ref"), ref, Money(minor, "CAD"))
        sent[wish.key] = gateway.refund(wish)
        for known in (None, sent[wish.key].gateway_ref):
            assert gateway.fetch_refund(ref_of_refund(wish, known)) == sent[wish.key]
    assert {refund.status for refund in sent.values()} == {RefundStatus.SUCCEEDED}


def test_a_forgotten_card_is_gone(gateway: StripeGateway, url: str) -> None:
    method = kept(gateway, url)
    assert gateway.fetch_method(method.token) == method
    gateway.forget_method(method.token)
    assert gateway.fetch_method(method.token) is None


def test_its_webhooks_are_signed_as_stripes_are(gateway: StripeGateway, url: str) -> None:
    named: set[str | None] = set()
    with mailbox() as letters:
        wish = {"url": f"{letters.url}/webhooks", "secret": SECRET, "events[]": "payment_intent.succeeded"}
        requests.post(f"{url}/_config/webhooks/ours", data=wish, timeout=5).raise_for_status()
        paid = gateway.create_payment(payment(kept(gateway, url)))
        assert wait_until(lambda: paid.gateway_ref in _note(gateway, letters.empty(), named), 10)


def test_a_wrong_key_is_refused(url: str, tmp_path: Path) -> None:
    wrong = StripeGateway({"api_key": "nonsense", "base_url": url}, timeout=10, workspace=tmp_path)
    with pytest.raises(GatewayRefused):
        wrong.check_credentials()
    with pytest.raises(GatewayRefused):
        wrong.fetch_payment(PaymentRef(new_id("pay"), "pi_unknown"))


def _note(gateway: StripeGateway, webhooks: list[Webhook], named: set[str | None]) -> set[str | None]:
    """The payments that webhooks have named by now; the adapter has believed them."""
    for webhook in webhooks:
        headers = {name.lower(): value for name, value in webhook.headers.items()}
        for notice in gateway.parse_webhook(RawRequest(webhook.body, headers)):
            named.add(notice.payment.gateway_ref if notice.payment else None)
    return named


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/v1/customers", auth=(KEY, ""), timeout=5).ok
    except requests.ConnectionError:
        return False
