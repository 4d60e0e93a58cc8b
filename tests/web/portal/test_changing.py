"""Customers choose another plan, and read exactly what happens before it does."""

import re

from playwright.sync_api import Page, expect

from app.clock import now
from app.db import transaction
from app.models import Subscription
from app.services import tenant_settings
from tests.shop import fresh, invoices_of, status
from tests.web.people import PASSWORD
from tests.web.portal.store import Buyer, Store, fill, forms_of, words


def other_plans(store: Store) -> tuple[str, str]:
    """A dearer one of the same product, and one in another currency."""
    with store.inside() as shop:
        return shop.plan("40.00", name="Plus"), shop.plan("1.00", name="Dollars", currency="USD")


def test_a_customer_changes_at_the_price_that_was_shown(store: Store) -> None:
    buyer = store.paid_up()
    plus, dollars = other_plans(store)
    visitor, path = store.client_of(buyer), f"/portal/subscriptions/{buyer.subscription}/change/"
    page = visitor.get(path).text
    assert "Plus" in page
    assert "Dollars" not in page
    unseen = fill(visitor, path, path, plan=plus, quantity="1")
    assert unseen.status_code == 422
    said = words(unseen)
    assert "Look at what it costs first" in said
    charged = re.search(r"Plus begins today, and \$(\d+\.\d\d) is charged now", said)
    assert charged
    seen = forms_of(unseen)[path]
    assert visitor.post(path, data={**seen, "plan": plus, "quantity": "1"}).status_code == 303
    with store.inside():
        assert fresh(Subscription, buyer.subscription).plan_id == plus
        totals = sorted(invoice.total_minor for invoice in invoices_of(buyer.subscription))
    assert f"{totals[0] / 100:.2f}" == charged[1]
    assert fill(visitor, path, path, plan=dollars, quantity="1").status_code == 422


def test_a_customer_reads_that_somebody_looks_at_the_invoice_first(store: Store) -> None:
    buyer = store.paid_up()
    plus, _ = other_plans(store)
    switch(store, review_amount=1)
    visitor, path = store.client_of(buyer), f"/portal/subscriptions/{buyer.subscription}/change/"
    said = words(fill(visitor, path, path, plan=plus, quantity="1"))
    assert "nothing is charged until somebody has looked at it." in said
    assert "more than 1 is" not in said  # which limits there are is the seller's own affair


def test_nobody_changes_what_another_customer_has(store: Store, buyer: Buyer) -> None:
    thief = store.client_of(store.buyer(email="other@foxglove.example"))
    assert thief.get(f"/portal/subscriptions/{buyer.subscription}/change/").status_code == 404


def switch(store: Store, **settings: int) -> None:
    with store.inside(), transaction():
        tenant_settings.change_settings(settings, now())


def test_where_the_seller_changes_plans_customers_do_not(store: Store) -> None:
    buyer = store.paid_up()
    visitor, page = store.client_of(buyer), f"/portal/subscriptions/{buyer.subscription}"
    assert "Change plan" in words(visitor.get(page))
    switch(store, portal_changes=False)
    assert "Change plan" not in words(visitor.get(page))
    assert visitor.get(f"{page}/change/").status_code == 403


def test_customers_pause_and_go_on_where_the_seller_lets_them(store: Store) -> None:
    buyer = store.paid_up()
    visitor, page = store.client_of(buyer), f"/portal/subscriptions/{buyer.subscription}"
    assert "Pause" not in words(visitor.get(page))
    assert visitor.get(f"{page}/pause/").status_code == 403
    switch(store, portal_pauses=True)
    past = fill(visitor, f"{page}/pause/", resume_on="2020-01-01")
    assert (past.status_code, "A pause must end after it starts" in words(past)) == (422, True)
    assert fill(visitor, f"{page}/pause/", resume_on="").status_code == 303
    assert "It is paused It goes on when it is resumed. Resume now" in words(visitor.get(page))
    assert fill(visitor, page, f"{page}/pause/end").status_code == 303
    with store.inside():
        assert status(buyer.subscription) == "active"


def test_in_a_browser_the_price_comes_before_the_button(page: Page, store: Store) -> None:
    buyer = store.paid_up()
    other_plans(store)
    store.let_in(buyer)
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(buyer.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"/portal/subscriptions/{buyer.subscription}/change/")
    button = page.get_by_role("button", name="Change it")
    expect(button).to_be_disabled()
    page.get_by_label("Plus").check()
    expect(page.locator("#quote")).to_contain_text("Plus begins today, and $")
    expect(button).to_be_enabled()
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Plus")
