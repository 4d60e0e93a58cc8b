"""Paying with a gateway: its page, a code to scan, a prompt on a phone; and leaving a method with it for later."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from app.clock import now
from app.db import transaction
from app.gateways.types import PaymentResult, PaymentStatus, PhonePrompt, QrCode
from app.models import Invoice
from app.queries import portal as query
from app.services import payments
from app.web.checkout.attempts import PATIENT
from simulators.frame import Simulator
from tests.shop import fresh
from tests.simulated import connected, press, simulated
from tests.web.portal.store import Buyer, Store, fill, words

CHOICES = {"stripe": "pm_card_visa", "square": "cnon:card-nonce-ok"}
CODE = "ethereum:0x0000000000000000000000000000000000000001@1/transfer?address=0x2&uint256=22600000"


@pytest.fixture(params=["stripe", "square"])
def simulator(request: pytest.FixtureRequest, store: Store) -> Iterator[Simulator]:
    """A gateway with a page of its own, connected to the store."""
    with simulated(request.param) as simulator:
        yield simulator


def connect(store: Store, simulator: Simulator) -> str:
    with store.inside():
        return connected(simulator, now(), forms=False)


def status(store: Store, buyer: Buyer) -> str:
    with store.inside():
        return fresh(Invoice, buyer.invoice).status


def page_of(client: FlaskClient, store: Store, buyer: Buyer, account: str) -> str:
    """Choose to pay with the gateway; gives the address of its page."""
    answer = fill(client, store.link(buyer.invoice), choice=account)
    assert answer.status_code == 303, words(answer)
    return client.get(answer.location).headers["Refresh"].removeprefix("0; url=")


def test_it_is_offered_paid_on_the_gateways_page_and_the_payer_comes_back(
    client: FlaskClient, store: Store, buyer: Buyer, simulator: Simulator
) -> None:
    account = connect(store, simulator)
    assert simulator.name.title() in words(client.get(store.link(buyer.invoice)))
    back = press(page_of(client, store, buyer, account), CHOICES[simulator.name])
    assert "Thank you, it is paid" in words(client.get(client.get(back).location))
    assert status(store, buyer) == "paid"
    assert [taken.units for taken in simulator.taken()] == [22_60]


def test_a_second_way_supersedes_the_first(
    client: FlaskClient, store: Store, buyer: Buyer, simulator: Simulator
) -> None:
    account = connect(store, simulator)
    first = page_of(client, store, buyer, account)
    assert "A payment waits for your approval" in words(client.get(store.link(buyer.invoice)))
    with store.inside():
        saved = query.methods_of(buyer.customer)[0].id
    assert fill(client, store.link(buyer.invoice), choice=saved).status_code == 303
    assert [one.status for one in store.payments(buyer.invoice)] == ["canceled", "succeeded"]
    press_in_vain(first, CHOICES[simulator.name])
    assert simulator.taken() == []


def press_in_vain(url: str, choice: str) -> None:
    """The page of a closed payment takes no money, whatever it answers."""
    requests.post(url, data={"choice": choice}, allow_redirects=False, timeout=5)


class TestActions:
    """What the page shows while the payer has something to do elsewhere."""

    def shown(self, client: FlaskClient, store: Store, buyer: Buyer, action: QrCode | PhonePrompt) -> str:
        """The address of an attempt that waits for this."""
        page = fill(client, store.link(buyer.invoice), **self.sandbox(store)).location.partition("?")[0]
        with store.inside(), transaction():
            waits = PaymentResult(PaymentStatus.REQUIRES_ACTION, next_action=action)
            payments.record(page.rpartition("/")[2], waits, now())
        return page

    def sandbox(self, store: Store) -> dict[str, str]:
        account = store.shop.account_id
        return {"choice": account, f"{account}-token": "tok_auth"}

    def test_a_code_with_amount_end_and_a_link_for_wallets(
        self, client: FlaskClient, store: Store, buyer: Buyer
    ) -> None:
        ends = now() + timedelta(minutes=14, seconds=30)
        page = client.get(self.shown(client, store, buyer, QrCode(CODE, "22.60 USDC", ends)))
        assert '<svg role="img"' in page.text
        assert "style=" not in page.text.partition("<svg")[2].partition("</svg>")[0]
        assert f'href="{CODE.replace("&", "&amp;")}"' in page.text
        said = words(page)
        assert "it is for exactly 22.60 USDC" in said
        assert "15 minutes left" in said
        assert f'data-countdown="{ends.isoformat()}"' in page.text

    def test_who_sends_it_by_hand_is_told_where_on_which_network_and_what_has_come(
        self, client: FlaskClient, store: Store, buyer: Buyer
    ) -> None:
        rest = QrCode(CODE, "12.60 USDC", now() + timedelta(minutes=5), "0xAbC", "Ethereum", "10 USDC")
        page = client.get(self.shown(client, store, buyer, rest))
        said = words(page)
        assert "Received so far: 10 USDC." in said
        assert "it is for exactly 12.60 USDC , the rest." in said
        assert "Amount 12.60 USDC" in said
        assert "Address 0xAbC" in said
        assert "Network Ethereum, and no other" in said
        assert 'data-copy="0xAbC"' in page.text

    def test_a_code_whose_time_is_over_is_not_shown_any_more(
        self, client: FlaskClient, store: Store, buyer: Buyer
    ) -> None:
        page = client.get(self.shown(client, store, buyer, QrCode(CODE, "22.60 USDC", now() - timedelta(seconds=1))))
        assert "do not pay it any more" in words(page)
        assert CODE[:20] not in page.text

    def test_a_prompt_says_which_phone(self, client: FlaskClient, store: Store, buyer: Buyer) -> None:
        said = words(client.get(self.shown(client, store, buyer, PhonePrompt("254712345678"))))
        assert "Look at the phone +254712345678 : it asks you to confirm $22.60" in said

    def test_it_waits_longer_and_comes_again_without_a_script_too(
        self, client: FlaskClient, store: Store, buyer: Buyer
    ) -> None:
        page = self.shown(client, store, buyer, PhonePrompt("254712345678"))
        last = PATIENT[-1][0]
        for looks, pause in ((0, 1), (last - 1, 15)):
            shown = client.get(f"{page}?looks={looks}")
            assert f'hx-trigger="load delay:{pause}s"' in shown.text
            assert f'<meta http-equiv="refresh" content="{max(pause, 3)}; url={page}?looks={looks + 1}">' in shown.text
        ended = client.get(f"{page}?looks={last}")
        assert "hx-trigger" not in ended.text
        assert "http-equiv" not in ended.text
        assert "Look again" in words(ended)


class TestLeavingAMethod:
    """The portal sends customers to the gateway's page, and keeps what they left there."""

    @pytest.fixture
    def stripe(self, store: Store) -> Iterator[str]:
        with simulated("stripe") as simulator:
            yield connect(store, simulator)

    def leave(self, client: FlaskClient, account: str, choice: str) -> str:
        """The path that the gateway's page leads back to."""
        answer = fill(client, "/portal/payment-methods/new", f"/portal/payment-methods/new/{account}/page")
        return press(answer.headers["Refresh"].removeprefix("0; url="), choice)

    def test_there_and_back(self, visitor: FlaskClient, store: Store, buyer: Buyer, stripe: str) -> None:
        back = self.leave(visitor, stripe, "pm_card_visa")
        for _ in range(2):
            assert visitor.get(back).location == "/portal/payment-methods/"
        with store.inside():
            kept = [(one.gateway_account_id, one.last4, one.is_default) for one in query.methods_of(buyer.customer)]
        assert kept == [(stripe, "4242", True), (store.shop.account_id, "4242", False)]

    def test_coming_back_without_having_left_anything(self, visitor: FlaskClient, store: Store, stripe: str) -> None:
        back = self.leave(visitor, stripe, "cancel")
        assert "Nothing was added" in visitor.get(visitor.get(back).location).text

    def test_what_another_customer_left_is_not_theirs(
        self, visitor: FlaskClient, store: Store, buyer: Buyer, stripe: str
    ) -> None:
        back = self.leave(visitor, stripe, "pm_card_visa")
        other = store.buyer(email="other@foxglove.example", token=None)
        thief = store.client_of(other)
        assert thief.get(back).location == "/portal/payment-methods/new"
        with store.inside():
            assert query.methods_of(other.customer) == []

    @pytest.mark.parametrize("account", ["gac_01h455vb4pex5vsknk084sn02q", "nonsense"])
    def test_an_account_that_is_not_offered_leads_nowhere(
        self, visitor: FlaskClient, stripe: str, account: str
    ) -> None:
        path = "/portal/payment-methods/new"
        answer = fill(visitor, path, f"{path}/{stripe}/page")
        assert answer.status_code == 200
        assert visitor.get(f"{path}/{account}/return?token=cs_1").status_code == 404


def test_in_a_browser_an_invoice_is_paid_on_the_gateways_page(
    page: Page, store: Store, buyer: Buyer, simulator: Simulator
) -> None:
    connect(store, simulator)
    page.goto(store.link(buyer.invoice))
    page.get_by_text(simulator.name.title(), exact=True).first.click()
    page.get_by_role("button", name="Pay").click()
    page.wait_for_url(f"{simulator.url}/**")
    page.locator(f'button[value="{CHOICES[simulator.name]}"]').click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, it is paid")
    assert [taken.units for taken in simulator.taken()] == [22_60]


def test_a_payer_chooses_what_to_pay_in_and_gets_an_address(client: FlaskClient, store: Store, buyer: Buyer) -> None:
    with simulated("web3") as simulator:
        account = connect(store, simulator)
        assert "DAI on chain 31337" in words(client.get(store.link(buyer.invoice)))
        answer = fill(client, store.link(buyer.invoice), choice=account, **{f"{account}-asset": "DAI"})
        assert answer.status_code == 303, words(answer)
        assert "16.617647058823529412 DAI" in words(client.get(answer.location))  # 22.60 ÷ 1.36
