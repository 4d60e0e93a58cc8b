"""The gateways' own forms on our pages: filled in, refused, approved, blocked; for an invoice, and for later."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Request, expect

from app.clock import now
from app.queries import portal as query
from simulators.frame import Simulator
from tests.simulated import connected, simulated
from tests.web.portal.store import Buyer, Store

GOOD = {"stripe": "4242 4242 4242 4242", "square": "4111 1111 1111 1111"}
DECLINED = {"stripe": "4000 0000 0000 9995", "square": "4000 0000 0000 0002"}
ASKED = {"stripe": "4000 0027 6000 3184", "square": "4310 0000 0020 1019"}
REFUSED = {"stripe": "Your card was declined.", "square": "Your bank declined the payment."}


@pytest.fixture(params=["stripe", "square"])
def gateway(request: pytest.FixtureRequest, store: Store) -> Iterator[Simulator]:
    """A gateway with a form of its own, connected to the store."""
    with simulated(request.param) as simulator:
        with store.inside():
            connected(simulator, now())
        yield simulator


@pytest.fixture
def sent(page: Page, live: str) -> list[str]:
    """What the browser sends to us."""
    bodies: list[str] = []

    def note(request: Request) -> None:
        if request.url.startswith(live):
            bodies.append(request.url + (request.post_data or ""))

    page.on("request", note)
    return bodies


def choose(page: Page, store: Store, buyer: Buyer, gateway: Simulator) -> None:
    page.goto(store.link(buyer.invoice))
    page.get_by_text(gateway.name.title(), exact=True).first.click()
    page.get_by_role("button", name="Pay").click()


def enter(page: Page, card: str, button: str = "Pay") -> None:
    """Fill in the form and send it."""
    field = page.frame_locator("iframe[title='Card details']")
    field.get_by_label("Card number").fill(card)
    field.get_by_label("Expiry").fill("12 / 34")
    field.get_by_label("CVC").fill("123")
    page.get_by_role("button", name=button).click()


def answer_bank(page: Page, choice: str) -> None:
    page.frame_locator("iframe[title='Your bank']").get_by_role("button", name=choice).click()


def test_an_invoice_is_paid_after_a_refusal_and_an_approval(
    page: Page, store: Store, buyer: Buyer, gateway: Simulator, sent: list[str]
) -> None:
    page.on("console", lambda message: print("CONSOLE", message.text))
    page.on("pageerror", lambda message: print("ERR", message))
    choose(page, store, buyer, gateway)
    enter(page, DECLINED[gateway.name])
    expect(page.get_by_role("alert").or_(page.locator("#toasts")).first).to_contain_text(REFUSED[gateway.name])
    enter(page, ASKED[gateway.name])
    answer_bank(page, "Approve")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, it is paid")
