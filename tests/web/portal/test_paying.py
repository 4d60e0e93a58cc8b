"""Paying an invoice by its link: with a saved method or a new one, to whatever end the bank gives it."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.clock import now
from app.db import session, transaction
from app.domain.lifecycle import statuses
from app.gateways.sandbox_bank import SandboxBank
from app.gateways.types import PaymentResult, PaymentStatus, PhonePrompt, QrCode
from app.models import AuditEntry, Invoice, Tenant
from app.queries import portal as query
from app.services import invoices, payments
from app.web.checkout.attempts import PAUSES, STANDINGS
from tests.shop import assert_books_agree, fresh, let_check_fall_due
from tests.web.portal.store import Buyer, Store, fill, forms_of, words

NEW = "new"  # stands for the sandbox account: a card that is not saved yet


def choice(store: Store, buyer: Buyer, wanted: str) -> dict[str, str]:
    """The fields that choose the saved method, or a new card with that token."""
    if wanted == "saved":
        with store.inside():
            return {"choice": query.methods_of(buyer.customer)[0].id}
    account = store.shop.account_id
    return {"choice": account, f"{account}-token": wanted, "keep": "y"}


def pay(client: FlaskClient, store: Store, buyer: Buyer, wanted: str) -> str:
    """Pay with it; gives the address of the page that tells what came of it."""
    answer = fill(client, store.link(buyer.invoice), **choice(store, buyer, wanted))
    assert answer.status_code == 303, words(answer)
    return answer.location.partition("?")[0]


def status(store: Store, buyer: Buyer) -> str:
    with store.inside():
        return fresh(Invoice, buyer.invoice).status


def test_whoever_has_the_link_sees_what_is_to_be_paid(client: FlaskClient, store: Store, buyer: Buyer) -> None:
    page = words(client.get(store.link(buyer.invoice)))
    for said in ("Amount due $22.60", "Basic", "Subtotal $20.00", "HST 13% $2.60", "Visa •••• 4242", "Pay $22.60"):
        assert said in page


@pytest.mark.parametrize(
    ("wanted", "title", "invoice", "attempt"),
    [
        ("saved", "Thank you, it is paid", "paid", "succeeded"),
        ("tok_ok", "Thank you, it is paid", "paid", "succeeded"),
        ("tok_soft_decline", "There was not enough money in the account.", "open", "failed"),
        ("tok_hard_decline", "Your bank declined the payment.", "open", "failed"),
        ("tok_expired", "The card has expired.", "open", "failed"),
        ("tok_auth", "One more step", "open", "requires_action"),
        ("tok_delayed", "Your payment is on its way", "open", "pending"),
        ("tok_no_answer", "We are checking your payment", "open", "unknown"),
        ("tok_unavailable", "The payment service could not be reached.", "open", "failed"),
    ],
)
def test_what_came_of_it_is_said(
    client: FlaskClient, store: Store, buyer: Buyer, wanted: str, title: str, invoice: str, attempt: str
) -> None:
    page = client.get(pay(client, store, buyer, wanted))
    assert title in words(page)
    assert [one.status for one in store.payments(buyer.invoice)] == [attempt]
    assert status(store, buyer) == invoice


def test_every_status_of_an_attempt_has_its_words() -> None:
    assert STANDINGS.keys() == statuses("payment")


def test_a_failed_payment_leads_to_another_way(client: FlaskClient, store: Store, buyer: Buyer) -> None:
    link = store.link(buyer.invoice)
    failed = client.get(pay(client, store, buyer, "tok_hard_decline"))
    assert "Try again or pay in another way" in words(failed)
    assert client.get(link).status_code == 200
    pay(client, store, buyer, "tok_ok")
    assert [one.status for one in store.payments(buyer.invoice)] == ["failed", "succeeded"]


def test_a_double_click_charges_once(client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank) -> None:
    link = store.link(buyer.invoice)
    typed = {**forms_of(client.get(link))[link], **choice(store, buyer, "tok_ok")}
    first, second = (client.post(link, data=typed) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert len(bank.charges()) == 1


def test_a_declined_card_is_not_charged_again_by_a_double_click(
    client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
) -> None:
    link = store.link(buyer.invoice)
    typed = {**forms_of(client.get(link))[link], **choice(store, buyer, "tok_soft_decline")}
    assert len({client.post(link, data=typed).location for _ in range(2)}) == 1
    assert len(bank.charges()) == 1


def test_two_pages_open_at_once_charge_once(client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank) -> None:
    link = store.link(buyer.invoice)
    pages = [forms_of(client.get(link))[link] for _ in range(2)]
    answers = [client.post(link, data={**page, **choice(store, buyer, "saved")}) for page in pages]
    assert [answer.status_code for answer in answers] == [303, 422]
    assert "This invoice is paid" in words(answers[1])
    assert len(bank.charges()) == 1


def test_a_form_without_a_key_charges_nothing(
    client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
) -> None:
    answer = fill(client, store.link(buyer.invoice), **choice(store, buyer, "saved"), submission="")
    assert (answer.status_code, bank.charges()) == (422, [])


class TestApproval:
    """The bank asks the payer: on to its page, back from it, and what came of it."""

    def at_the_bank(self, client: FlaskClient, store: Store, buyer: Buyer) -> str:
        link = store.link(buyer.invoice)
        arrived = client.get(fill(client, link, **choice(store, buyer, "tok_auth")).location)
        leads, _, page = arrived.headers["Refresh"].partition("url=")
        assert leads == "0; "
        return page

    @pytest.mark.parametrize(
        ("answer", "said", "invoice"),
        [
            ("approval", "Thank you, it is paid", "paid"),
            ("refusal", "It was not approved at your bank. Nothing was charged.", "open"),
        ],
    )
    def test_there_and_back(
        self,
        client: FlaskClient,
        store: Store,
        buyer: Buyer,
        bank: SandboxBank,
        answer: str,
        said: str,
        invoice: str,
    ) -> None:
        page = self.at_the_bank(client, store, buyer)
        assert "CA$22.60" in words(client.get(page))
        path = page[page.index("/sandbox-bank") :]
        answered = fill(client, path, f"{path}/{answer}")
        back = client.get(answered.headers["Refresh"].partition("url=")[2])
        assert said in words(client.get(back.location))
        assert status(store, buyer) == invoice
        with store.inside():
            assert_books_agree(bank)

    def test_coming_back_twice_changes_nothing(self, client: FlaskClient, store: Store, buyer: Buyer) -> None:
        page = self.at_the_bank(client, store, buyer)
        path = page[page.index("/sandbox-bank") :]
        address = fill(client, path, f"{path}/approval").headers["Refresh"].partition("url=")[2]
        for _ in range(2):
            assert "it is paid" in words(client.get(client.get(address).location))
        assert [one.status for one in store.payments(buyer.invoice)] == ["succeeded"]

    def test_coming_back_without_an_answer_leaves_it_waiting(
        self, client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
    ) -> None:
        self.at_the_bank(client, store, buyer)
        page = client.get(client.get(bank.charges()[0].return_url).location)
        assert "One more step" in words(page)
        assert "Refresh" not in page.headers, "whoever comes back is not sent away again"

    def test_another_way_gives_up_the_one_that_waits(
        self, client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
    ) -> None:
        self.at_the_bank(client, store, buyer)
        assert "A payment waits for your approval" in words(client.get(store.link(buyer.invoice)))
        pay(client, store, buyer, "tok_ok")
        assert [one.status for one in store.payments(buyer.invoice)] == ["canceled", "succeeded"]
        assert [charge.status for charge in bank.charges()] == ["canceled", "succeeded"]

    def test_the_return_address_cannot_be_made_up(
        self, client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
    ) -> None:
        self.at_the_bank(client, store, buyer)
        address = bank.charges()[0].return_url
        assert client.get(f"{address}x").status_code == 404
        token = store.link(buyer.invoice).removeprefix("/pay/")
        assert client.get(f"/pay/return/{token}").status_code == 404, "a link of one kind is worth nothing as another"


class TestWaiting:
    """A page that waits asks by itself until it knows the end."""

    def test_a_delayed_payment_ends_paid_and_the_asking_stops(
        self, client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
    ) -> None:
        page = pay(client, store, buyer, "tok_delayed")
        waiting = client.get(f"{page}?looks=1", headers={"HX-Request": "true"})
        assert 'hx-trigger="load delay:1s"' in waiting.text
        assert "looks=2" in waiting.text
        bank.settle(bank.charges()[0].ref)
        store.let_time_pass()
        ended = client.get(f"{page}?looks=2", headers={"HX-Request": "true"})
        assert "hx-trigger" not in ended.text
        assert "Thank you, it is paid" in ended.text
        assert status(store, buyer) == "paid"

    def test_it_asks_ever_more_slowly_and_ends_after_two_minutes(
        self, client: FlaskClient, store: Store, buyer: Buyer
    ) -> None:
        page = pay(client, store, buyer, "tok_delayed")
        last = PAUSES[-1][0]
        pauses = [next(seconds for until, seconds in PAUSES if looks < until) for looks in range(last)]
        assert pauses == sorted(pauses)
        assert 110 <= sum(pauses) <= 130
        assert f"delay:{pauses[-1]}s" in client.get(f"{page}?looks={last - 1}").text
        patient = client.get(f"{page}?looks={last}")
        assert "hx-trigger" not in patient.text
        assert "It takes longer this time." in words(patient)

    def test_a_lost_answer_is_found_by_the_page_and_paid_once(
        self, client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
    ) -> None:
        answer = fill(client, store.link(buyer.invoice), **choice(store, buyer, "tok_charged_no_answer"))
        assert "Please do not pay again" in words(client.get(answer.location))
        assert "Thank you, it is paid" in words(client.get(answer.location.partition("?")[0]))
        assert len(bank.charges()) == 1
        with store.inside():
            assert_books_agree(bank)

    def test_a_lost_answer_is_found_by_reconciliation_and_paid_once(
        self, client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
    ) -> None:
        fill(client, store.link(buyer.invoice), **choice(store, buyer, "tok_charged_no_answer"))
        assert [one.status for one in store.payments(buyer.invoice)] == ["unknown"]
        with store.inside():
            let_check_fall_due()
        store.do_what_is_due()
        assert status(store, buyer) == "paid"
        assert len(bank.charges()) == 1

    def test_while_it_is_open_its_page_stands_in_for_the_form(
        self, client: FlaskClient, store: Store, buyer: Buyer
    ) -> None:
        page = pay(client, store, buyer, "tok_delayed")
        assert client.get(store.link(buyer.invoice)).location.endswith(page.rpartition("/")[2])

    def test_many_pages_together_ask_the_gateway_once_at_a_time(
        self, client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
    ) -> None:
        page = pay(client, store, buyer, "tok_delayed")
        assert "on its way" in words(client.get(page))
        bank.settle(bank.charges()[0].ref)
        assert "on its way" in words(client.get(page)), "asked a moment ago"

    def test_looking_does_not_put_off_the_planned_check(self, client: FlaskClient, store: Store, buyer: Buyer) -> None:
        page = pay(client, store, buyer, "tok_delayed")
        before = store.payments(buyer.invoice)[0]
        client.get(page)
        after = store.payments(buyer.invoice)[0]
        assert (after.check_at, after.checks) == (before.check_at, before.checks)

    @pytest.mark.parametrize(
        ("action", "said"),
        [
            (PhonePrompt("+254 700 000 000"), "Look at the phone +254 700 000 000"),
            (QrCode("bitcoin:abc", "0.0004 BTC", now() + timedelta(hours=1)), "for exactly 0.0004 BTC"),
        ],
    )
    def test_each_kind_of_action_has_its_words(
        self, client: FlaskClient, store: Store, buyer: Buyer, action: PhonePrompt | QrCode, said: str
    ) -> None:
        page = pay(client, store, buyer, "tok_delayed")
        with store.inside(), transaction():
            waits = PaymentResult(PaymentStatus.REQUIRES_ACTION, next_action=action)
            payments.record(store.payments(buyer.invoice)[0].id, waits, now())
        store_page = client.get(f"{page}?onward=1")
        assert said in words(store_page)
        assert "Refresh" not in store_page.headers


class TestMethods:
    def saved(self, store: Store, buyer: Buyer) -> list[tuple[str | None, bool]]:
        with store.inside():
            return [(method.last4, method.is_default) for method in query.methods_of(buyer.customer)]

    @pytest.mark.parametrize(
        ("token", "keep", "saved"),
        [
            ("tok_delayed", "y", [("3000", True), ("4242", False)]),
            ("tok_delayed", "", [("4242", True), ("3000", False)]),
            ("tok_hard_decline", "y", [("4242", True)]),
        ],
    )
    def test_a_new_one_becomes_the_default_if_wanted_and_is_dropped_if_it_fails(
        self, client: FlaskClient, store: Store, buyer: Buyer, token: str, keep: str, saved: list[tuple[str, bool]]
    ) -> None:
        typed = {**choice(store, buyer, token), "keep": keep}
        fill(client, store.link(buyer.invoice), **{name: value for name, value in typed.items() if value})
        assert self.saved(store, buyer) == saved

    @pytest.mark.parametrize("wanted", ["", "pm_01h455vb4pex5vsknk084sn02q", "nonsense"])
    def test_only_what_is_offered_can_be_chosen(
        self, client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank, wanted: str
    ) -> None:
        answer = fill(client, store.link(buyer.invoice), choice=wanted)
        assert (answer.status_code, bank.charges()) == (422, [])
        assert "Choose what to pay with." in words(answer)

    def test_another_customers_method_cannot_be_chosen(
        self, client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
    ) -> None:
        other = store.buyer(email="other@foxglove.example")
        answer = fill(client, store.link(buyer.invoice), **choice(store, other, "saved"))
        assert (answer.status_code, bank.charges()) == (422, [])

    def test_a_live_workspace_never_offers_a_test_account(self, client: FlaskClient, store: Store, tenant: str) -> None:
        buyer = store.buyer(token=None)
        with store.inside(), transaction():
            session().get_one(Tenant, tenant).mode = "live"
        assert "This invoice cannot be paid online at the moment" in words(client.get(store.link(buyer.invoice)))

    def test_a_card_number_is_refused_and_not_repeated(
        self, client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
    ) -> None:
        for field in ("choice", "seen", f"{store.shop.account_id}-token"):
            typed = {**choice(store, buyer, "tok_ok"), field: "4242 4242 4242 4242"}
            answer = fill(client, store.link(buyer.invoice), **typed)
            assert (answer.status_code, bank.charges()) == (422, []), field
            assert "4242 4242" not in answer.text


class TestAmount:
    def test_nobody_pays_another_amount_than_they_saw(
        self, client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
    ) -> None:
        answer = fill(client, store.link(buyer.invoice), **choice(store, buyer, "saved"), seen="100")
        assert (answer.status_code, bank.charges()) == (422, [])
        assert "The amount has changed" in words(answer)

    def test_a_paid_invoice_says_so(self, client: FlaskClient, store: Store) -> None:
        buyer = store.paid_up()
        page = words(client.get(store.link(buyer.invoice)))
        assert "This invoice is paid" in page
        assert "Pay with" not in page

    def test_a_withdrawn_invoice_says_so(self, client: FlaskClient, store: Store, buyer: Buyer) -> None:
        with store.inside(), transaction():
            invoices.void(buyer.invoice, now())
        assert "This invoice was withdrawn" in words(client.get(store.link(buyer.invoice)))


class TestLinks:
    def test_one_that_has_ended_says_what_to_do_and_sends_a_new_one_by_mail(
        self, client: FlaskClient, store: Store, buyer: Buyer
    ) -> None:
        ended = store.link(buyer.invoice, now() - timedelta(days=61))
        page = client.get(ended)
        assert (page.status_code, "This link has ended" in words(page)) == (410, True)
        answer = client.post(f"{ended}/renewal", data=forms_of(page)[f"{ended}/renewal"])
        assert answer.location == "/pay/renewed"
        (mail,) = store.mails("pay_link")
        assert mail.to == buyer.email
        path = mail.context["link"].partition("/pay/")[2]
        assert "Amount due $22.60" in words(client.get(f"/pay/{path}"))

    def test_one_that_has_ended_pays_nothing(
        self, client: FlaskClient, store: Store, buyer: Buyer, bank: SandboxBank
    ) -> None:
        link = store.link(buyer.invoice)
        typed = {**forms_of(client.get(link))[link], **choice(store, buyer, "saved")}
        ended = store.link(buyer.invoice, now() - timedelta(days=61))
        assert client.post(ended, data=typed).status_code == 410
        assert bank.charges() == []

    @pytest.mark.parametrize("change", [lambda link: f"{link}x", lambda link: link[:-5], lambda _: "/pay/anything"])
    def test_an_altered_one_opens_nothing(
        self, client: FlaskClient, store: Store, buyer: Buyer, change: object
    ) -> None:
        assert callable(change)
        link = change(store.link(buyer.invoice))
        for path in (link, f"{link}/invoice.pdf", f"{link}/payments/{buyer.invoice}"):
            page = client.get(path)
            assert (page.status_code, "This link does not work" in words(page)) == (404, True), path

    def test_one_shows_no_attempt_on_another_invoice(self, client: FlaskClient, store: Store, buyer: Buyer) -> None:
        other = store.buyer(email="other@foxglove.example")
        page = pay(client, store, buyer, "tok_ok")
        assert client.get(f"{store.link(other.invoice)}/payments/{page.rpartition('/')[2]}").status_code == 404

    def test_one_gives_the_pdf(self, client: FlaskClient, store: Store, buyer: Buyer) -> None:
        answer = client.get(f"{store.link(buyer.invoice)}/invoice.pdf")
        assert (answer.status_code, answer.content_type) == (200, "application/pdf")
        assert answer.data.startswith(b"%PDF")

    def test_new_links_are_not_sent_without_end(self, client: FlaskClient, store: Store, buyer: Buyer) -> None:
        ended = store.link(buyer.invoice, now() - timedelta(days=61))
        hidden = forms_of(client.get(ended))[f"{ended}/renewal"]
        answers = [client.post(f"{ended}/renewal", data=hidden).status_code for _ in range(6)]
        assert answers == [303] * 5 + [429]


class TestWhoDidIt:
    def actors(self, store: Store) -> set[str]:
        with store.inside():
            entries = session().scalars(select(AuditEntry).where(AuditEntry.action == "payment.start"))
            return {entry.actor_kind for entry in entries}

    def test_by_link_it_is_written_down_as_the_payers(self, client: FlaskClient, store: Store, buyer: Buyer) -> None:
        pay(client, store, buyer, "saved")
        assert self.actors(store) == {"payer"}

    def test_signed_in_it_is_written_down_as_the_users(self, visitor: FlaskClient, store: Store, buyer: Buyer) -> None:
        link = visitor.get(f"/portal/invoices/{buyer.invoice}/payment").location
        assert "Back to your account" in visitor.get(link).text
        fill(visitor, link, **choice(store, buyer, "saved"))
        assert self.actors(store) == {"user"}
