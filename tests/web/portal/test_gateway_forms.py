"""The gateways' own forms on our pages: filled in, refused, approved, blocked; for an invoice, and for later."""

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, Request, expect
from werkzeug.test import TestResponse

from app.clock import now
from app.db import transaction
from app.domain.errors import Conflict
from app.domain.money import Money
from app.gateways import REGISTRY, gateway_class
from app.gateways.base import Capability
from app.gateways.types import BrowserForm
from app.queries import portal as query
from app.services import charging, credit_notes, payments
from app.web.checkout.gateway_forms import SCRIPTS
from app.web.security_headers import HEADERS
from simulators.faults import Fault, FaultKind
from simulators.frame import Simulator
from tests.house.sources import ROOT
from tests.shop import let_check_fall_due
from tests.simulated import connected, press, simulated
from tests.web.portal.store import Buyer, Store, fill, forms_of, words

GOOD = {"stripe": "4242 4242 4242 4242", "square": "4111 1111 1111 1111"}
ASKED = {"stripe": "4000 0027 6000 3184", "square": "4310 0000 0020 1019"}
DECLINED = {"stripe": "4000 0000 0000 9995", "square": "4000 0000 0000 0002"}
WORDS = {"stripe": "Your card was declined.", "square": "Your bank declined the payment."}
NOT_APPROVED = {"stripe": "unable to authenticate", "square": "could not confirm that it is you"}
OPERATIONS = ROOT / "docs" / "operations.md"
NONCE = "cnon:card-nonce-ok"


@pytest.fixture(params=["stripe", "square"])
def gateway(request: pytest.FixtureRequest, store: Store) -> Iterator[Simulator]:
    """A gateway with a form of its own, connected to the store."""
    with simulated(request.param) as simulator:
        with store.inside():
            connected(simulator, now())
        yield simulator


@pytest.fixture
def square(store: Store) -> Iterator[Simulator]:
    """The gateway whose form gives us a token."""
    with simulated("square") as simulator:
        with store.inside():
            connected(simulator, now())
        yield simulator


def account_at(store: Store, gateway: Simulator) -> str:
    with store.inside():
        return next(one.id for one in query.open_accounts() if one.gateway == gateway.name)


def begin(client: FlaskClient, store: Store, buyer: Buyer, gateway: Simulator, **typed: str) -> str:
    """Choose to pay with the gateway; gives the address of the page with its form."""
    answer = fill(client, store.link(buyer.invoice), choice=account_at(store, gateway), **typed)
    assert answer.status_code == 303, words(answer)
    return answer.location.partition("?")[0]


def statuses(store: Store, buyer: Buyer) -> list[str]:
    return [one.status for one in store.payments(buyer.invoice)]


class TestInABrowser:
    """Through the gateway's own script and frames, under the policy of the page."""

    @pytest.fixture(autouse=True)
    def told(self, page: Page, live: str) -> Iterator[list[str]]:
        """What the browser sends to us. No card number is among it, nor does the policy stop anything."""
        sent, complaints = list[str](), list[str]()

        def note(request: Request) -> None:
            if request.url.startswith(live):
                sent.append(request.url + (request.post_data or ""))

        page.on("request", note)
        page.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
        yield sent
        numbers = {card.replace(" ", "") for cards in (GOOD, ASKED, DECLINED) for card in cards.values()}
        assert not [one for one in sent if any(number in re.sub(r"\D", "", one) for number in numbers)]
        assert complaints == []

    def enter(self, page: Page, card: str, button: str) -> None:
        """Fill in the form and send it, with a double click."""
        field = page.frame_locator("iframe[title='Card details']")
        for label, typed in {"Card number": card, "Expiry": "12 / 34", "CVC": "123"}.items():
            field.get_by_label(label).fill(typed)
        page.get_by_role("button", name=button).dblclick()

    def answer_bank(self, page: Page, choice: str) -> None:
        page.frame_locator("iframe[title='Your bank']").get_by_role("button", name=choice).click()

    def choose(self, page: Page, store: Store, buyer: Buyer, gateway: Simulator) -> None:
        page.goto(store.link(buyer.invoice))
        page.get_by_text(gateway.name.title(), exact=True).first.click()
        page.get_by_role("button", name="Pay").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Your card or account")

    def test_an_invoice_is_paid_after_two_refusals(
        self, page: Page, store: Store, buyer: Buyer, gateway: Simulator
    ) -> None:
        self.choose(page, store, buyer, gateway)
        self.enter(page, DECLINED[gateway.name], "Pay")
        expect(page.get_by_role("alert")).to_contain_text(WORDS[gateway.name])
        self.enter(page, ASKED[gateway.name], "Pay")
        self.answer_bank(page, "Refuse")
        expect(page.get_by_role("alert")).to_contain_text(NOT_APPROVED[gateway.name])
        expect(page.locator("#gateway-instead")).to_be_hidden()
        assert scripts_of(page, gateway) == inventory("an attempt", "a form", f"{gateway.name.title()}'s form")
        self.enter(page, ASKED[gateway.name], "Pay")
        self.answer_bank(page, "Approve")
        expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, it is paid")
        assert [taken.units for taken in gateway.taken()] == [22_60]
        assert statuses(store, buyer)[-1] == "succeeded"
        with store.inside():
            assert query.methods_of(buyer.customer)[-1].last4 == ASKED[gateway.name][-4:]

    def test_a_card_is_left_for_later(
        self, page: Page, live: str, visitor: FlaskClient, store: Store, buyer: Buyer, gateway: Simulator
    ) -> None:
        session = visitor.get_cookie("quittance")
        assert session
        page.context.add_cookies([{"name": session.key, "value": session.value, "url": live}])
        page.goto("/portal/payment-methods/new")
        page.get_by_role("link", name="Enter a card or account").click()
        self.enter(page, DECLINED[gateway.name], "Keep this method")
        expect(page.get_by_role("alert")).to_contain_text(WORDS[gateway.name])
        assert scripts_of(page, gateway) == inventory("a form", f"{gateway.name.title()}'s form")
        self.enter(page, ASKED[gateway.name], "Keep this method")
        self.answer_bank(page, "Approve")
        expect(page.locator("#toasts")).to_contain_text(f"{ASKED[gateway.name][-4:]} was added")
        with store.inside():
            kept = [(one.last4, one.is_default) for one in query.methods_of(buyer.customer)]
        assert kept == [(ASKED[gateway.name][-4:], True), ("4242", False)]
        assert gateway.taken() == []

    def test_a_form_that_does_not_come_up_leads_to_the_gateways_page(
        self, page: Page, store: Store, buyer: Buyer, square: Simulator
    ) -> None:
        page.route("**/v1/square.js", lambda route: route.abort())
        self.choose(page, store, buyer, square)
        page.get_by_role("button", name="Go to the page of Square").click()
        page.wait_for_url(f"{square.url}/pay/**")
        page.get_by_role("button", name="Pay by card", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, it is paid")
        assert statuses(store, buyer) == ["canceled", "succeeded"]
        assert [taken.units for taken in square.taken()] == [22_60]

    def test_every_other_page_has_our_own_scripts_alone(
        self, page: Page, store: Store, buyer: Buyer, square: Simulator
    ) -> None:
        page.goto(store.link(buyer.invoice))
        assert scripts_of(page, square) == inventory()


def scripts_of(page: Page, gateway: Simulator) -> set[str]:
    """The scripts of a page as it stands: ours by their files, a gateway's by the address it has at the gateway."""
    found = set()
    for source in page.locator("script").evaluate_all("scripts => scripts.map((script) => script.src)"):
        parts = urlsplit(source)
        at_gateway = source.startswith(gateway.url)
        found.add(live_form(gateway.name).script if at_gateway else parts.path)
        assert not at_gateway or parts.path == urlsplit(live_form(gateway.name).script).path
    return found


def inventory(*places: str) -> set[str]:
    """The scripts that docs/operations.md names for such places."""
    table = OPERATIONS.read_text().partition("<!-- scripts -->")[2].partition("<!-- end of scripts -->")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines() if "`" in line]
    return {script.strip("`") for script, _whose, where, _why in rows if where in ("every page", *places)}


def live_form(gateway: str) -> BrowserForm:
    """The form of an account that is none at a simulator."""
    keys = {field.name: "x" for field in gateway_class(gateway).credentials if field.name != "base_url"}
    form = gateway_class(gateway)(keys, timeout=1, workspace=OPERATIONS.parent).browser_form()
    assert form
    return form


def policy(answer: TestResponse) -> dict[str, list[str]]:
    parts = answer.headers["Content-Security-Policy"].split("; ")
    return {name: words for name, *words in (part.split(" ") for part in parts)}


class TestThePolicy:
    """A page with a form lets in its gateway; all other pages are as strict as ever."""

    def test_of_the_page_with_the_form_and_of_those_around_it(
        self, client: FlaskClient, store: Store, buyer: Buyer, gateway: Simulator
    ) -> None:
        page = begin(client, store, buyer, gateway)
        shown = policy(client.get(page))
        assert [shown[name] for name in ("script-src", "frame-src", "connect-src")] == [["'self'", gateway.url]] * 3
        assert (shown["form-action"], shown["object-src"], shown["frame-ancestors"]) == (
            ["'self'"],
            ["'none'"],
            ["'none'"],
        )
        for other in (store.link(buyer.invoice), "/sign-in"):
            assert client.get(other).headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
        with store.inside():
            charging.supersede(buyer.invoice, now())
        assert client.get(page).headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]

    @pytest.mark.parametrize("name", [name for name in REGISTRY if Capability.FORM in gateway_class(name).capabilities])
    def test_each_form_has_a_script_of_ours_and_lets_in_https_alone(self, name: str) -> None:
        form = live_form(name)
        assert f"/static/{SCRIPTS[name]}" in inventory(f"{name.title()}'s form")
        assert form.script in inventory(f"{name.title()}'s form")
        assert all(host.startswith("https://") for hosts in form.sources.values() for host in hosts)
        assert any(form.script.startswith(host) for host in form.sources["script-src"])

    def test_nothing_else_lets_anybody_in(self) -> None:
        files = (ROOT / "app").rglob("*.py")
        callers = {file.name for file in files if re.search(r'(?<!def )let_in\(|"Content-Security', file.read_text())}
        assert callers == {"gateway_forms.py", "security_headers.py"}

    def test_squares_sandbox_has_hosts_of_its_own(self) -> None:
        keys = {"location_id": "L1", "application_id": "sandbox-1", "base_url": "https://connect.squareupsandbox.com"}
        form = gateway_class("square")(keys, timeout=1, workspace=OPERATIONS.parent).browser_form()
        assert form
        assert form.script == "https://sandbox.web.squarecdn.com/v1/square.js"
        assert "https://pci-connect.squareupsandbox.com" in form.sources["connect-src"]
        assert "https://web.squarecdn.com" not in form.sources["script-src"]


class TestWhatTheFormGives:
    """A one-time token is input like any other: for one attempt, once, and nothing but a token."""

    @pytest.fixture
    def shown(self, client: FlaskClient, store: Store, buyer: Buyer, square: Simulator) -> str:
        return begin(client, store, buyer, square)

    def test_it_is_charged_once_however_often_it_is_sent(
        self, client: FlaskClient, store: Store, buyer: Buyer, square: Simulator, shown: str
    ) -> None:
        pages = [forms_of(client.get(shown))[f"{shown}/form"] for _ in range(2)]
        answers = [client.post(f"{shown}/form", data={**sent, "token": NONCE}) for sent in (pages[0], *pages)]
        assert [answer.location for answer in answers] == [shown, shown, store_page(shown)]
        assert (statuses(store, buyer), len(square.taken())) == (["succeeded"], 1)

    def test_nothing_else_is_charged(
        self, client: FlaskClient, store: Store, buyer: Buyer, square: Simulator, shown: str
    ) -> None:
        number = "4111111111111111"
        for token in ("", "ccof:1", "cnon:", "pay_1", "cnon:a b", "cnon:" + "x" * 201, number, f"cnon: {number}"):
            assert fill(client, shown, f"{shown}/form", token=token).location == store_page(shown), token
        assert (statuses(store, buyer), square.taken()) == (["requires_action"], [])
        assert "POST /v2/payments" not in {call.line for call, _ in square.journal}

    def test_one_of_a_way_that_was_given_up_takes_no_money(
        self, client: FlaskClient, store: Store, buyer: Buyer, square: Simulator, shown: str
    ) -> None:
        sent = forms_of(client.get(shown))[f"{shown}/form"]
        with store.inside():
            saved = query.methods_of(buyer.customer)[0].id
        fill(client, store.link(buyer.invoice), choice=saved)
        client.post(f"{shown}/form", data={**sent, "token": NONCE})
        assert (statuses(store, buyer), square.taken()) == (["canceled", "succeeded"], [])

    def test_one_for_more_than_is_still_due_takes_no_money(
        self, client: FlaskClient, store: Store, buyer: Buyer, square: Simulator, shown: str
    ) -> None:
        sent = forms_of(client.get(shown))[f"{shown}/form"]
        with store.inside(), transaction():
            credit_notes.issue(buyer.invoice, now(), amount=Money(1_13, "CAD"))
        assert client.post(f"{shown}/form", data={**sent, "token": NONCE}).location == store_page(shown)
        assert square.taken() == []

    def test_it_is_not_taken_from_an_address(
        self, client: FlaskClient, store: Store, buyer: Buyer, square: Simulator, shown: str
    ) -> None:
        back = re.search(r'data-return-url="([^"]+)"', client.get(shown).text)
        assert back
        client.get(f"{urlsplit(back[1]).path}?token={NONCE}&source_id={NONCE}")
        assert client.get(f"{shown}/form?token={NONCE}").status_code == 405
        assert client.post(f"{shown}/form", data={"token": NONCE}).status_code == 400  # nor from elsewhere: CSRF
        assert (statuses(store, buyer), square.taken()) == (["requires_action"], [])

    def test_it_pays_no_invoice_of_another(
        self, client: FlaskClient, store: Store, buyer: Buyer, square: Simulator, shown: str
    ) -> None:
        other = store.link(store.buyer(email="other@foxglove.example").invoice)
        elsewhere = f"{other}/payments/{shown.rpartition('/')[2]}"
        sent = forms_of(client.get(shown))[f"{shown}/form"]
        assert client.post(f"{elsewhere}/form", data={**sent, "token": NONCE}).status_code == 404
        assert square.taken() == []

    def test_without_an_answer_it_is_asked_about_and_never_sent_again(
        self, client: FlaskClient, store: Store, buyer: Buyer, square: Simulator, shown: str
    ) -> None:
        sent = forms_of(client.get(shown))[f"{shown}/form"]
        square.faults.add(Fault(FaultKind.DROP_AFTER, on="POST /v2/payments"))
        assert client.post(f"{shown}/form", data={**sent, "token": NONCE}).location == shown
        assert statuses(store, buyer) == ["unknown"]
        with store.inside(), pytest.raises(Conflict):
            charging.finish(shown.rpartition("/")[2], NONCE, now())
        store.let_time_pass()
        assert "Thank you, it is paid" in words(client.get(shown))
        assert len(square.taken()) == 1

    def test_a_process_that_dies_before_the_charge_leaves_nothing_behind(
        self, store: Store, buyer: Buyer, square: Simulator, shown: str
    ) -> None:
        with store.inside():
            payment_id = shown.rpartition("/")[2]
            with transaction():
                payments.send(payment_id, now())
            with pytest.raises(Conflict, match="under way"):
                charging.supersede(buyer.invoice, now())
            let_check_fall_due()
        store.do_what_is_due()
        assert (statuses(store, buyer), square.taken()) == (["failed"], [])

    def test_a_form_that_nobody_fills_in_is_given_up_after_a_day(
        self, store: Store, buyer: Buyer, square: Simulator, shown: str
    ) -> None:
        asked = len(square.journal)
        with store.inside():
            payment_id = shown.rpartition("/")[2]
            assert charging.check(payment_id, now()).status == "requires_action"
            charging.check(payment_id, now() + timedelta(days=1))
        assert (statuses(store, buyer), len(square.journal)) == (["canceled"], asked)

    def test_a_card_of_another_customers_payment_is_not_kept(
        self, visitor: FlaskClient, store: Store, buyer: Buyer, square: Simulator
    ) -> None:
        page = f"/portal/payment-methods/new/{account_at(store, square)}/form"
        for token in ("ccof:1", "pay_1", "4111111111111111"):
            assert fill(visitor, page, token=token).status_code == 422
        assert visitor.get(page.replace("/form", "/return?token=" + NONCE)).location == "/portal/payment-methods/"
        with store.inside():
            assert len(query.methods_of(buyer.customer)) == 1
        assert fill(visitor, page, token=NONCE).location == "/portal/payment-methods/"


def store_page(page: str) -> str:
    """The page of the invoice that an attempt's page belongs to."""
    return page.partition("/payments/")[0]


def test_without_javascript_the_way_leads_to_the_gateways_page(
    client: FlaskClient, store: Store, buyer: Buyer, gateway: Simulator
) -> None:
    page = begin(client, store, buyer, gateway)
    shown = client.get(page)
    assert f"Go to the page of {gateway.name.title()}" in words(shown)
    assert re.search(r'<button type="submit" class="btn btn-primary btn-pay" hidden', shown.text)
    leads = client.get(fill(client, page, f"{page}/page").location).headers["Refresh"].removeprefix("0; url=")
    press(leads, {"stripe": "pm_card_visa", "square": NONCE}[gateway.name])
    assert client.post(f"{page}/page", data=forms_of(shown)[f"{page}/page"]).location == store_page(page)
    assert statuses(store, buyer)[0] == "canceled"
    assert len(gateway.taken()) == 1
