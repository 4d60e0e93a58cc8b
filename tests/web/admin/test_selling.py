"""Customers, products, plans and sales over the pages of the staff, without JavaScript."""

import re
from typing import Any

import pytest

from app.db import session
from app.models import AuditEntry, Customer, Mail, User
from app.queries import lists
from app.queries.base import get
from tests.shop import fresh, invoices_of, status
from tests.web.admin.desk import FRAGMENT, Desk, World, cancelled, error_of, words
from tests.web.people import PASSWORD, sign_in

ADA = {
    "name": "Ada Ltd",
    "email": "ada@ada.example",
    "city": "Guelph",
    "region": "ON",
    "postal_code": "N1H 3A1",
    "country": "CA",
}
NEW_CUSTOMER = "/admin/customers/new"
# What is typed, the field that is wrong, and what is said about it.
Wrong = tuple[dict[str, str], str, str]


def newest_id(desk: Desk, noun: str) -> str:
    with desk.inside():
        return str(getattr(lists, noun)({}).items[0].id)


def assert_refused(desk: Desk, page: str, good: dict[str, Any], cases: list[Wrong]) -> None:
    """Each of them is refused, and the reason stands at its field and leads there from above."""
    for wrong, field, said in cases:
        answer = desk.refused(page, {**good, **wrong})
        assert said in error_of(answer, field), (wrong, words(answer)[-1500:])
        assert f'<a href="#{field}">' in answer


class TestCustomers:
    def test_a_card_number_is_kept_in_no_field_and_searched_for_nowhere(self, desk: Desk) -> None:
        number = "4242 4242 4242 4242"
        answer = desk.refused(NEW_CUSTOMER, {**ADA, "name": f"Ada {number}"})
        assert "looks like a card number" in error_of(answer, "name")
        assert number not in answer
        assert number not in desk.get(f"/admin/customers?q={number}", 422)

    def test_one_is_added_changed_and_forgotten(self, desk: Desk) -> None:
        page = desk.does(NEW_CUSTOMER, {**ADA, "tax_id_kind": "gst_hst", "tax_id": "123456789RT0001"})
        assert "Ada Ltd was added." in page
        assert "Guelph ON N1H 3A1, Canada" in page
        assert "123456789RT0001" in page
        customer = newest_id(desk, "customers")
        page = desk.does(f"/admin/customers/{customer}/edit", {"name": "Ada & Co", "external_id": "crm-7"})
        assert "Ada &amp; Co" in page
        assert "crm-7" in page
        assert "by Owner" in desk.get(f"/admin/customers/{customer}/activity")
        assert "Forget Ada &amp; Co?" in desk.get(f"/admin/customers/{customer}/forgetting")
        assert "The customer was forgotten." in desk.does(f"/admin/customers/{customer}/forgetting")
        page = desk.get(f"/admin/customers/{customer}")
        assert "Forgotten customer" in page
        assert "Sell a plan" not in page

    def test_what_is_wrong_stands_at_its_field(self, desk: Desk) -> None:
        cases: list[Wrong] = [
            ({"name": ""}, "name", "Name is missing."),
            ({"name": "x" * 256}, "name", "Name may have 255 characters; there are 256."),
            ({"email": "ada"}, "email", "That is not an e-mail address."),
            ({"currency": "XXX"}, "currency", "Not a valid choice"),
            ({"timezone": "Mars/Olympus"}, "timezone", "Not a valid choice"),
            ({"region": "x" * 9}, "region", "may have 8 characters"),
            ({"tax_id": "123"}, "tax_id", "Give both the kind of tax number and the number, or neither."),
        ]
        assert_refused(desk, NEW_CUSTOMER, ADA, cases)
        with desk.inside():
            assert lists.customers({}).items == []

    def test_an_id_of_ones_own_is_taken_once_and_a_double_click_adds_one(self, desk: Desk) -> None:
        form = {**ADA, "external_id": "crm-7", "submission": "one and the same key"}
        first, second = desk.fill(NEW_CUSTOMER, form), desk.fill(NEW_CUSTOMER, form)
        assert (first.status_code, second.status_code) == (303, 303)
        assert first.location == second.location
        assert_refused(desk, NEW_CUSTOMER, ADA, [({"external_id": "crm-7"}, "external_id", "“crm-7”")])
        with desk.inside():
            assert len(lists.customers({}).items) == 1

    def test_what_they_owe_stands_beside_them(self, desk: Desk, world: World) -> None:
        # two lines of 2 × 150.00 and 80.00 with 13 % HST: 380.00 + 49.40; and a month of 20.00 + 2.60
        page = words(desk.get(f"/admin/customers/{world.customer_id}"))
        assert "Owes $452.00" in page
        assert "Overdue" not in page
        page = words(desk.get("/admin/customers/"))
        assert "Harbour Hotels" in page
        assert "$22.60 overdue" in page

    def test_somebody_of_theirs_is_invited_and_gets_in(self, desk: Desk, world: World) -> None:
        page = f"/admin/customers/{world.customer_id}"
        bea = {"name": "Bea", "email": "bea@foxglove.example"}
        assert "An invitation is on its way to bea@foxglove.example." in desk.does(f"{page}/people/new", bea)
        with desk.inside():
            mail = session().query(Mail).filter_by(template="invitation").one()
            user_id = session().query(User).filter_by(email=bea["email"]).one().id
        assert "Another invitation" in desk.press(page, f"{page}/people/{user_id}/invitation")
        browser, link = desk.app.test_client(), "/password/" + mail.context["url"].partition("/password/")[2]
        token = re.search(r'csrf_token" value="([^"]+)', browser.get(link).text)
        assert token
        assert browser.post(link, data={"csrf_token": token[1], "password": PASSWORD}).status_code == 303
        assert sign_in(browser, bea["email"]).status_code == 303
        assert "They can sign in no more." in desk.press(page, f"{page}/people/{user_id}/access")
        assert browser.get("/portal/").status_code == 303
        assert "They can sign in again." in desk.press(page, f"{page}/people/{user_id}/access")
        assert desk.post(f"{page}/people/{world.user_id}/invitation").status_code == 409


def test_a_payment_method_is_kept_made_the_default_and_removed(desk: Desk, world: World) -> None:
    customer, form = f"/admin/customers/{world.customer_id}", f"/admin/payment-methods/new?customer={world.customer_id}"
    assert '<option value="tok_hard_decline">Visa •••• 9979: hard decline: reported stolen</option>' in desk.get(form)
    assert_refused(desk, form, {}, [({"token": "4242 4242 4242 4242"}, "token", "That looks like a card number.")])
    assert "SEPA debit •••• 3000" in desk.does(form, {"token": "tok_delayed"})
    page = desk.press(customer, f"/admin/payment-methods/{world.method_id}/default")
    assert "Visa •••• 4242 is charged from now on." in page
    added = newest_id(desk, "payment_methods")
    assert "was removed" in desk.does(f"/admin/payment-methods/{added}/removal")
    refusal = desk.refused(f"/admin/payment-methods/{world.method_id}/removal", {}, 409)
    assert "last payment method of a running subscription" in refusal


class TestCatalog:
    def test_a_product_gets_a_plan_and_another_price_makes_another_version(self, desk: Desk) -> None:
        page = desk.does("/admin/products/new", {"name": "Forms", "code": "forms"})
        assert "Forms was added. Now give it a plan." in page
        product = newest_id(desk, "products")
        plan = {"name": "Team", "code": "team", "price-unit_amount": "1,250"}
        assert "$1,250.00 each, every month" in desk.does(f"/admin/plans/new?product={product}", plan)
        first = newest_id(desk, "plans")
        assert 'value="1250.00"' in desk.get(f"/admin/plans/{first}/edit")
        assert "The changes were saved." in desk.does(f"/admin/plans/{first}/edit", {"name": "Team of ten"})
        page = desk.does(f"/admin/plans/{first}/edit", {"price-unit_amount": "1300"})
        assert "A new version is sold from now on." in page
        assert "$1,300.00 each, every month" in page
        assert "Version 2" in page
        assert "change the newest one" in desk.get(f"/admin/plans/{first}/edit", 409)
        assert "was archived" in desk.does(f"/admin/products/{product}/archiving")
        with desk.inside():
            assert lists.plans({}).items == []
        assert "Forms" not in words(desk.fragment("/admin/products/"))
        assert "Forms" in words(desk.fragment("/admin/products/?archived=yes"))

    def test_a_plan_that_cannot_be_is_refused_at_its_field(self, desk: Desk, world: World) -> None:
        cases: list[Wrong] = [
            ({"price-unit_amount": "12,50"}, "price-unit_amount", "is a number, such as 12.50"),
            ({"price-unit_amount": "-5"}, "price-unit_amount", "is not below zero"),
            ({"price-unit_amount": "NaN"}, "price-unit_amount", "is a number"),
            ({"price-unit_amount": ""}, "price-unit_amount", "is missing"),
            ({"interval_count": "1.5"}, "interval_count", "is a whole number"),
            ({"interval_count": "0"}, "interval_count", "from 1 to"),
            ({"interval_count": "11", "interval": "year"}, "interval_count", "from 1 to 10"),
            ({"trial_days": "9999"}, "trial_days", "from 0 to 730"),
            ({"code": "basic"}, "code", "There is a plan “basic” already."),
        ]
        good = {"name": "Team", "code": "team", "price-unit_amount": "20"}
        assert_refused(desk, f"/admin/plans/new?product={world.product_id}", good, cases)

    def test_who_is_on_which_version(self, desk: Desk, world: World) -> None:
        page = words(desk.get(f"/admin/plans/{world.plan_id}"))
        assert "4 on it" in page
        assert "Foxglove Farm" in page


class TestSales:
    def test_the_price_is_shown_before_and_charged_after(self, desk: Desk, world: World) -> None:
        with desk.inside():
            pine = world.shop.buyer(name="Plain Pine", email="pay@pine.example")
        sale = {"customer": pine, "plan": world.plan_id, "quantity": "3"}
        preview = desk.post("/admin/sales/preview", sale, **FRAGMENT).text
        assert "<html" not in preview
        assert "$67.80" in preview  # 3 × 20.00 + 13 %
        assert "<html" in desk.post("/admin/sales/preview", sale).text
        assert "Nothing until" in words(desk.post("/admin/sales/preview", {**sale, "trial_days": "30"}).text)
        form = f"/admin/sales/new?customer={pine}"
        assert "Sold to Plain Pine." in desk.does(form, {"plan": world.plan_id, "quantity": "3"})
        sold = newest_id(desk, "subscriptions")
        desk.run()
        with desk.inside():
            assert status(sold) == "active"
            assert invoices_of(sold)[0].total.minor == 6_780
        assert "$67.80" in desk.get(f"/admin/subscriptions/{sold}")

    def test_a_sale_that_cannot_be_is_refused(self, desk: Desk, world: World) -> None:
        cases: list[Wrong] = [
            ({"quantity": "0"}, "quantity", "from 1 to"),
            ({"quantity": "-1"}, "quantity", "from 1 to"),
            ({"quantity": "many"}, "quantity", "is a whole number"),
            ({"trial_days": "-3"}, "trial_days", "from 0 to"),
        ]
        assert_refused(desk, f"/admin/sales/new?customer={world.customer_id}", {"plan": world.plan_id}, cases)
        with desk.inside():
            euro = world.shop.customer(name="Eder", currency="EUR", email="e@eder.example")
        assert "There is nothing to sell in EUR yet" in desk.get(f"/admin/sales/new?customer={euro}")

    def test_a_customer_is_chosen_by_name(self, desk: Desk, world: World) -> None:
        found = desk.fragment("/admin/customers/choice/sale?q=harb")
        assert "Harbour Hotels" in found
        assert "Foxglove" not in found
        assert "Foxglove" in desk.get("/admin/customers/choice/invoice?q=fox")
        desk.get("/admin/customers/choice/ransom", 404)


class TestSubscriptions:
    def test_one_ends_with_its_period_or_goes_on_or_ends_now(self, desk: Desk, world: World) -> None:
        page = f"/admin/subscriptions/{world.subscription_id}"
        assert "$22.60" in desk.get(page)
        ending = {"when": "period_end", "reason": "too_expensive", "comment": "over budget"}
        answer = desk.does(f"{page}/cancellation", ending)
        assert "too expensive: over budget" in answer
        assert "Ends with the period that is paid" in answer
        assert "The subscription goes on." in desk.press(page, f"{page}/cancellation/withdrawal")
        assert "The subscription has ended." in desk.does(f"{page}/cancellation", {"when": "now"})
        with desk.inside():
            assert status(world.subscription_id) == "canceled"
        assert "is canceled" in desk.refused(f"{page}/cancellation", {"when": "now"})

    def test_one_that_was_set_aside_shows_why_and_is_let_go(self, desk: Desk, world: World) -> None:
        page = f"/admin/subscriptions/{world.parked_id}"
        assert "The customer has no province." in desk.get(page)
        assert "Parked Pottery" in desk.fragment("/admin/subscriptions/?status=parked")
        answer = desk.press(page, f"{page}/release")
        assert "It is billed again from where it stopped." in answer
        assert "The customer has no province." not in answer.partition("Activity")[0]
        assert desk.post(f"{page}/release").status_code == 409

    def test_the_list_tells_those_that_are_about_to_end(self, desk: Desk, world: World) -> None:
        with desk.inside():
            cancelled(world.subscription_id, desk.at)
        ending = words(desk.fragment("/admin/subscriptions/?status=ending"))
        assert "Foxglove Farm" in ending
        assert "Parked Pottery" not in ending


def test_what_somebody_did_is_written_down_as_theirs(desk: Desk, world: World) -> None:
    desk.does(f"/admin/customers/{world.customer_id}/edit", {"name": "Foxglove"})
    with desk.inside():
        entry = session().query(AuditEntry).filter_by(action="customer.update").one()
        assert (entry.actor_kind, get(User, str(entry.actor_id)).email) == ("user", "owner@acme.example")
        assert entry.changes == {"fields": ["name"]}
        assert fresh(Customer, world.customer_id).name == "Foxglove"


@pytest.mark.parametrize(
    "text", ["a\0b", "'; DROP TABLE customers; --", "<script>alert(1)</script>", "%_\\", "🙂" * 50]
)
def test_odd_words_are_looked_for_as_they_are(desk: Desk, text: str) -> None:
    page = desk.client.get("/admin/customers/", query_string={"q": text})
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert desk.fill(NEW_CUSTOMER, {**ADA, "name": text}).status_code == 303
