"""What customers see of themselves, and that they see nobody else's."""

from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.clock import now
from app.db import transaction
from app.domain import access as rules
from app.domain.money import Money
from app.domain.outside_payments import Received
from app.gateways.sandbox_bank import SandboxBank
from app.ids import new_id
from app.models import Customer, Invoice, PaymentMethod
from app.queries import portal as query
from app.services import credit_notes, invoices, outside_payments, payment_methods, subscriptions, tenant_settings
from app.services.formats import method_name
from app.web.methods import expiry
from app.web.once import new_submission_key
from app.web.portal.home import ACCESS
from tests.shop import fresh
from tests.web.portal.store import Buyer, Store, fill, forms_of, words

CARD = "4242 4242 4242 4242"


class TestOverview:
    def test_it_tells_the_plan_what_it_costs_next_and_the_latest_invoices(self, store: Store) -> None:
        visitor = store.client_of(store.paid_up())
        page = words(visitor.get("/portal/"))
        for said in ("Basic Active $22.60 Next payment on", "Access Active Until", "All is paid.", "INV-000001"):
            assert said in page
        assert "overdue" not in page

    def test_what_is_overdue_comes_first_with_its_button(
        self, visitor: FlaskClient, store: Store, buyer: Buyer
    ) -> None:
        assert "overdue" not in words(visitor.get("/portal/")), "nobody has tried to charge it yet"
        with store.inside() as shop:
            shop.method(buyer.customer, "tok_soft_decline")
        store.do_what_is_due()
        page = words(visitor.get("/portal/"))
        assert "An invoice is overdue $22.60 for INV-000001" in page
        assert "Pay now" in page

    def test_without_a_method_it_asks_for_one(self, store: Store) -> None:
        assert "You have no payment method" in words(store.client_of(store.buyer(token=None)).get("/portal/"))

    def test_with_nothing_bought_it_says_so(self, store: Store) -> None:
        with store.inside() as shop:
            customer = shop.customer(email="new@foxglove.example")
        page = words(store.client_of(Buyer(customer, "", "", "new@foxglove.example")).get("/portal/"))
        assert "No running subscription" in page
        assert "You have no subscription." in page

    def test_several_subscriptions_stand_side_by_side(self, store: Store) -> None:
        buyer = store.paid_up()
        with store.inside() as shop:
            shop.sell(buyer.customer, shop.plan("5.00", name="Extra"), at=now())
        page = words(store.client_of(buyer).get("/portal/"))
        assert "Basic" in page
        assert "Extra" in page

    def test_every_reason_of_access_has_its_words(self) -> None:
        others = {"grace", "past_due", "payment_settling", rules.NO_SUBSCRIPTION.reason}
        assert ACCESS.keys() == {reason for _, reason in rules._BY_STATUS.values()} | others


class TestInvoices:
    @pytest.fixture
    def three(self, store: Store) -> FlaskClient:
        """One paid (22.60), one overdue (11.30) and one withdrawn (5.65)."""
        buyer = store.paid_up()
        with store.inside() as shop:
            late, gone = ((now() - timedelta(days=40), "10.00"), (now(), "5.00"))
            with transaction():
                invoices.create(buyer.customer, [line(late[1])], late[0])
            with transaction():
                invoices.void(invoices.create(buyer.customer, [line(gone[1])], gone[0]).id, gone[0])
            assert shop
        return store.client_of(buyer)

    def test_totals_leave_out_what_was_withdrawn(self, three: FlaskClient) -> None:
        page = words(three.get("/portal/invoices/"))
        assert "Invoiced so far $33.90" in page  # 22.60 + 11.30
        assert "Overdue $11.30" in page

    def test_they_are_found_by_number_and_status(self, three: FlaskClient) -> None:
        for asked, found in {
            "": ["INV-000003", "INV-000002", "INV-000001"],
            "status=owed": ["INV-000002"],
            "status=overdue": ["INV-000002"],
            "status=paid": ["INV-000001"],
            "status=void": ["INV-000003"],
            "status=draft": ["INV-000003", "INV-000002", "INV-000001"],
            "q=0003": ["INV-000003"],
            "q=0003&status=paid": [],
        }.items():
            page = three.get(f"/portal/invoices/?{asked}", headers={"HX-Request": "true"}).text
            assert [f"INV-00000{n}" for n in (3, 2, 1) if f">INV-00000{n}<" in page] == found, asked
            assert ("1 invoice found" if len(found) == 1 else f"{len(found)} invoices found") in page, asked

    def test_one_explains_itself(self, store: Store) -> None:
        buyer = store.paid_up()
        page = words(store.client_of(buyer).get(f"/portal/invoices/{buyer.invoice}"))
        for said in ("Why this amount?", "Rounded to 20.00 CAD", "HST 13% $2.60", "Visa •••• 4242", "Succeeded"):
            assert said in page
        assert "Pay now" not in page

    def test_one_gives_its_pdf(self, visitor: FlaskClient, buyer: Buyer) -> None:
        answer = visitor.get(f"/portal/invoices/{buyer.invoice}/pdf")
        assert answer.data.startswith(b"%PDF")
        assert "INV-000001.pdf" in answer.headers["Content-Disposition"]

    def test_a_late_one_tells_what_was_tried_and_what_comes(self, store: Store) -> None:
        buyer = store.buyer("tok_soft_decline")
        store.do_what_is_due()
        page = words(store.client_of(buyer).get(f"/portal/invoices/{buyer.invoice}"))
        for said in (
            "A payment did not go through",
            "We will remind you by mail",
            "We will try your payment method again",
            "Last day to pay",
            "After that, the subscription is canceled.",
            "There was not enough money in the account.",
        ):
            assert said in page
        assert page.count("Next") == 1

    def test_a_draft_is_nobodys_business(self, visitor: FlaskClient, store: Store, buyer: Buyer) -> None:
        with store.inside(), transaction():
            row = fresh(Invoice, buyer.invoice)
            row.status = "draft"
        assert visitor.get(f"/portal/invoices/{buyer.invoice}").status_code == 404
        assert "INV-000001" not in visitor.get("/portal/invoices/").text

    def test_money_from_outside_of_gateways_stands_among_the_payments(
        self, visitor: FlaskClient, store: Store, buyer: Buyer
    ) -> None:
        with store.inside():
            came = Received("bank_transfer", now() - timedelta(days=1), "RF18")
            outside_payments.receive(buyer.invoice, came, now(), amount=Money(10_00, "CAD"))
        page = words(visitor.get(f"/portal/invoices/{buyer.invoice}"))
        assert "$10.00 · Bank transfer" in page
        assert "· RF18" in page
        assert "$12.60" in page

    def test_what_was_given_back_stands_with_its_paper(self, visitor: FlaskClient, store: Store, buyer: Buyer) -> None:
        with store.inside(), transaction():
            note = credit_notes.issue(buyer.invoice, now(), amount=Money(11_30, "CAD"), reason="two bad weeks")
        page = f"/portal/invoices/{buyer.invoice}"
        assert f"Credit notes {note.number}" in words(visitor.get(page))
        assert "two bad weeks -$11.30" in words(visitor.get(page)).replace("−", "-")
        paper = visitor.get(f"{page}/credit-notes/{note.id}")
        assert (paper.status_code, paper.data[:4]) == (200, b"%PDF")


class TestSubscriptions:
    def test_one_is_ended_with_its_period_and_that_is_taken_back(self, store: Store) -> None:
        buyer = store.paid_up()
        visitor, page = store.client_of(buyer), f"/portal/subscriptions/{buyer.subscription}"
        ended = fill(visitor, f"{page}/cancellation", reason="too_expensive", comment="We found another one.")
        assert ended.location == page
        assert "You keep it until" in words(visitor.get(page))
        with store.inside():
            row = query.subscriptions_of(buyer.customer)[0]
            assert (row.cancel_at_period_end, row.cancel_reason) == (
                True,
                "too_expensive: We found another one.",
            )
        fill(visitor, page, f"{page}/cancellation/withdrawal")
        with store.inside():
            row = query.subscriptions_of(buyer.customer)[0]
            assert (row.cancel_at_period_end, row.cancel_reason) == (False, None)

    def test_nobody_has_to_say_why(self, store: Store) -> None:
        buyer = store.paid_up()
        visitor, page = store.client_of(buyer), f"/portal/subscriptions/{buyer.subscription}"
        assert fill(visitor, f"{page}/cancellation").status_code == 303
        with store.inside():
            assert query.subscriptions_of(buyer.customer)[0].cancel_reason is None

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"reason": "revenge"}, "Choose one of the reasons, or none."),
            ({"comment": "x" * 501}, "may have 500 characters"),
            ({"comment": CARD}, "That looks like a card number."),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, store: Store, typed: dict[str, str], said: str) -> None:
        buyer = store.paid_up()
        answer = fill(store.client_of(buyer), f"/portal/subscriptions/{buyer.subscription}/cancellation", **typed)
        assert (answer.status_code, said in words(answer), CARD in answer.text) == (422, True, False)

    def test_one_that_has_ended_cannot_be_ended_again(self, store: Store) -> None:
        buyer = store.paid_up()
        visitor, page = store.client_of(buyer), f"/portal/subscriptions/{buyer.subscription}"
        hidden = forms_of(visitor.get(f"{page}/cancellation"))[f"{page}/cancellation"]
        with store.inside(), transaction():
            subscriptions.cancel(buyer.subscription, now(), at_period_end=False)
        assert "Cancel subscription" not in words(visitor.get(page))
        assert visitor.post(f"{page}/cancellation", data=hidden).status_code == 422

    def test_the_next_invoice_is_foretold_with_its_taxes(self, store: Store) -> None:
        buyer = store.paid_up()
        page = words(store.client_of(buyer).get(f"/portal/subscriptions/{buyer.subscription}"))
        assert "Basic Why this amount? 1 × 20 20 Rounded to 20.00 CAD 20.00" in page
        assert "$20.00 HST 13% $2.60 Total $22.60 Charged to Visa •••• 4242" in page

    def test_it_is_told_of_a_next_invoice_that_somebody_looks_at_first_but_not_why(self, store: Store) -> None:
        buyer = store.paid_up()
        visitor = store.client_of(buyer)
        for limit, told in ((100, False), (1, True)):
            with store.inside(), transaction():
                tenant_settings.change_settings({"review_amount": limit}, now())
            for page in ("/portal/", f"/portal/subscriptions/{buyer.subscription}"):
                seen = words(visitor.get(page))
                assert ("nothing is charged until somebody has looked at it" in seen) == told, page
                assert "would come to" not in seen, page


class TestPaymentMethods:
    PAGE = "/portal/payment-methods/"

    def add(self, visitor: FlaskClient, store: Store, token: str, **more: str) -> int:
        account = store.shop.account_id
        action = f"{self.PAGE}new/{account}"
        return fill(visitor, f"{self.PAGE}new", action, **{f"{account}-token": token}, **more).status_code

    def shown(self, store: Store, buyer: Buyer) -> list[tuple[str | None, bool]]:
        with store.inside():
            return [(method.last4, method.is_default) for method in query.methods_of(buyer.customer)]

    def test_one_is_added_made_default_and_removed(self, visitor: FlaskClient, store: Store, buyer: Buyer) -> None:
        assert self.add(visitor, store, "tok_auth") == 303
        assert self.shown(store, buyer) == [("4242", True), ("3155", False)]
        with store.inside():
            first, second = (method.id for method in query.methods_of(buyer.customer))
        fill(visitor, self.PAGE, f"{self.PAGE}{second}/default")
        assert self.shown(store, buyer) == [("3155", True), ("4242", False)]
        fill(visitor, f"{self.PAGE}{first}/removal")
        assert self.shown(store, buyer) == [("3155", True)]

    def test_the_last_one_of_a_running_subscription_stays_and_it_is_said_why(
        self, visitor: FlaskClient, store: Store, buyer: Buyer
    ) -> None:
        page = visitor.get(self.PAGE)
        assert "Your subscription needs it: add another one before you remove it." in words(page)
        assert "/removal" not in page.text
        with store.inside():
            method = query.methods_of(buyer.customer)[0].id
        refused = fill(visitor, f"{self.PAGE}{method}/removal")
        assert refused.status_code == 422
        assert "This is the last payment method of a running subscription" in words(refused)
        assert self.shown(store, buyer) == [("4242", True)]

    def test_a_form_sent_twice_adds_one(self, visitor: FlaskClient, store: Store, buyer: Buyer) -> None:
        account = store.shop.account_id
        action = f"{self.PAGE}new/{account}"
        typed = {**forms_of(visitor.get(f"{self.PAGE}new"))[action], f"{account}-token": "tok_ok"}
        assert [visitor.post(action, data=typed).status_code for _ in range(2)] == [303, 303]
        assert len(self.shown(store, buyer)) == 2

    @pytest.mark.parametrize("token", ["tok_nonsense", CARD, ""])
    def test_what_is_no_token_is_refused(self, visitor: FlaskClient, store: Store, buyer: Buyer, token: str) -> None:
        assert self.add(visitor, store, token) == 422
        assert len(self.shown(store, buyer)) == 1

    def test_an_account_that_is_not_offered_takes_nothing(
        self, visitor: FlaskClient, store: Store, buyer: Buyer
    ) -> None:
        action = f"{self.PAGE}new/{store.shop.account_id}"
        hidden = forms_of(visitor.get(f"{self.PAGE}new"))[action]
        assert visitor.post(f"{self.PAGE}new/gac_01h455vb4pex5vsknk084sn02q", data=hidden).status_code == 404

    @pytest.mark.parametrize(
        ("year", "month", "state"),
        [(2026, 10, "expired"), (2026, 11, "soon"), (2026, 12, "soon"), (2027, 1, None), (None, None, None)],
    )
    def test_a_card_is_good_to_the_end_of_its_month(self, year: int | None, month: int | None, state: str) -> None:
        assert expiry(PaymentMethod(exp_year=year, exp_month=month), date(2026, 11, 30)) == state

    @pytest.mark.parametrize(
        ("brand", "kind", "last4", "name"),
        [
            ("visa", "card", "4242", "Visa •••• 4242"),
            ("sepa", "sepa_debit", "3000", "SEPA debit •••• 3000"),
            (None, "us_bank_account", "6789", "Us bank account •••• 6789"),
            ("paypal", "wallet", None, "Paypal"),
        ],
    )
    def test_each_has_a_name(self, brand: str | None, kind: str, last4: str | None, name: str) -> None:
        assert method_name(PaymentMethod(brand=brand, kind=kind, last4=last4)) == name

    def test_an_expired_one_is_marked(self, visitor: FlaskClient, store: Store, buyer: Buyer) -> None:
        with store.inside(), transaction():
            query.methods_of(buyer.customer)[0].exp_year = 2020
        assert "Expired" in words(visitor.get(self.PAGE))


class TestBillingDetails:
    PAGE = "/portal/billing-details/"
    ADDRESS = {"line1": "2 King Street", "city": "Ottawa", "region": "ON", "postal_code": "K1A 0B1", "country": "CA"}
    TYPED = {"name": "Foxglove Inc.", "locale": "fr_CA", "tax_id_kind": "", "tax_id": "", **ADDRESS}

    def test_they_are_changed_and_the_address_for_mail_is_not(
        self, visitor: FlaskClient, store: Store, buyer: Buyer
    ) -> None:
        assert fill(visitor, self.PAGE, **{**self.TYPED, "email": "eve@evil.example"}).status_code == 303
        with store.inside():
            row = fresh(Customer, buyer.customer)
            assert (row.name, row.locale, row.address) == ("Foxglove Inc.", "fr_CA", self.ADDRESS)
            assert row.email == buyer.email
        assert "22,60 $" in words(visitor.get("/portal/invoices/")), "amounts are written in the language chosen"

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"name": " "}, "Name is missing."),
            ({"name": CARD}, "That looks like a card number."),
            ({"line2": CARD}, "That looks like a card number."),
            ({"region": ""}, "The tax in CA depends on the region"),
            ({"region": "XX"}, "The tax in CA depends on the region"),
            ({"country": "ZZ"}, "Not a valid choice"),
            ({"tax_id": "826393555RT0001"}, "Give both the kind of tax number and the number, or neither."),
            ({"locale": "xx_YY"}, "Not a valid choice"),
        ],
    )
    def test_what_makes_no_sense_is_refused_at_its_field(
        self, visitor: FlaskClient, store: Store, buyer: Buyer, typed: dict[str, str], said: str
    ) -> None:
        answer = fill(visitor, self.PAGE, **{**self.TYPED, **typed})
        assert (answer.status_code, said in words(answer), CARD in answer.text) == (422, True, False)
        with store.inside():
            assert fresh(Customer, buyer.customer).name == "Foxglove Farm"


def line(amount: str) -> invoices.OneOff:
    return invoices.OneOff("Work", amount)


def test_another_customers_things_are_not_there_on_any_page(
    app: Flask, store: Store, visitor: FlaskClient, buyer: Buyer, bank: SandboxBank
) -> None:
    other = store.buyer(email="other@foxglove.example")
    with store.inside():
        method = query.methods_of(other.customer)[0].id
        with transaction():
            note = credit_notes.issue(other.invoice, now(), amount=Money(100, "CAD")).id
    theirs = {"invoice_id": other.invoice, "subscription_id": other.subscription, "method_id": method}
    theirs["refund_id"] = new_id("ref")
    theirs["credit_note_id"] = note
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/portal") and rule.arguments]
    hidden = next(iter(forms_of(visitor.get("/portal/billing-details/")).values()))
    asked = 0
    for rule in rules:
        if rule.arguments == {"account_id"}:
            continue  # the seller's, not a customer's
        url = rule.build({name: theirs[name] for name in rule.arguments})
        assert url
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        for http in methods:
            sent = {**hidden, "submission": new_submission_key()} if http == "POST" else None
            answer = visitor.open(url[1], method=http, data=sent)
            assert answer.status_code == 404, (http, url[1])
            asked += 1
    assert asked >= 11
    assert bank.charges() == []


def test_another_customers_things_are_in_no_list(store: Store, visitor: FlaskClient, buyer: Buyer) -> None:
    other = store.buyer(email="other@foxglove.example")
    with store.inside():
        numbers = {fresh(Invoice, one.invoice).number for one in (buyer, other)}
    pages = " ".join(
        visitor.get(page).text
        for page in ("/portal/", "/portal/invoices/", "/portal/subscriptions/", "/portal/payment-methods/")
    )
    assert {number for number in numbers if number and number in pages} == {"INV-000001"}
    assert other.subscription not in pages


def test_a_row_id_that_makes_no_sense_is_not_there(visitor: FlaskClient) -> None:
    for page in ("invoices/nonsense", "subscriptions/inv_01h455vb4pex5vsknk084sn02q", "payment-methods/x/removal"):
        assert visitor.get(f"/portal/{page}").status_code == 404, page


def test_a_default_that_is_made_default_again_is_still_one(visitor: FlaskClient, store: Store, buyer: Buyer) -> None:
    with store.inside(), transaction():
        payment_methods.make_default(query.methods_of(buyer.customer)[0].id, now())
    with store.inside():
        assert [method.is_default for method in query.methods_of(buyer.customer)] == [True]
