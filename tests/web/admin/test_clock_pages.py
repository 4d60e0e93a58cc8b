"""Test clocks at a desk: set up, chosen for a customer, advanced, and what that brings."""

import re
from datetime import datetime, timedelta

from playwright.sync_api import Page, expect

from app.db import transaction
from app.gateways.sandbox_bank import SandboxBank
from app.jobs import clocks
from app.models import Tenant, TestClock
from app.queries import test_clocks as query
from app.queries.base import get
from app.services import test_clocks
from tests.shop import fresh, invoices_of, open_shop
from tests.web.admin.desk import OWNER, Desk, words
from tests.web.people import PASSWORD

NOON = "2026-03-01T12:00"


def arrive(desk: Desk) -> None:
    """What the worker does meanwhile."""
    with desk.app.app_context():
        clocks.advance_all()


def test_a_clock_is_set_up_chosen_and_advanced(desk: Desk) -> None:
    page = desk.does("/admin/test-clocks/new", {"name": "Spring", "now": NOON})
    clock_id = re.findall(r"clk_\w{26}", page)[0]
    new = {"name": "Ada", "email": "ada@ada.example", "test_clock_id": clock_id}
    page = words(desk.does(f"/admin/customers/new?clock={clock_id}", new))
    assert "On the test clock Spring" in page
    with desk.inside():
        assert (
            fresh(TestClock, clock_id).now_at.isoformat() == "2026-03-01T17:00:00+00:00"
        )  # Toronto is five hours behind
        assert [customer.name for customer in query.customers_on(clock_id)] == ["Ada"]
    page = desk.press(f"/admin/test-clocks/{clock_id}", f"/admin/test-clocks/{clock_id}/advance/month")
    assert "on its way to" in page
    assert 'hx-trigger="load delay:1s"' in desk.fragment(f"/admin/test-clocks/{clock_id}")
    arrive(desk)
    page = desk.get(f"/admin/test-clocks/{clock_id}")
    assert "on its way to" not in page
    assert 'hx-trigger="load' not in page
    with desk.inside():
        assert fresh(TestClock, clock_id).now_at.isoformat() == "2026-04-01T16:00:00+00:00"  # noon in summer time


def test_backwards_is_refused_in_words(desk: Desk) -> None:
    page = desk.does("/admin/test-clocks/new", {"name": "Spring", "now": NOON})
    clock_id = re.findall(r"clk_\w{26}", page)[0]
    response = desk.post(f"/admin/test-clocks/{clock_id}/advance", {"to": "2026-02-01T12:00"})
    assert response.status_code == 422
    assert "has already happened here" in words(response.text)


def test_there_is_nothing_to_set_up_in_live_mode(desk: Desk) -> None:
    with desk.inside(), transaction() as session:
        session.get_one(Tenant, desk.tenant).mode = "live"
    assert "/admin/test-clocks/" not in desk.get("/admin/")
    assert "test mode only" in words(desk.get("/admin/test-clocks/"))
    assert "test mode only" in words(desk.refused("/admin/test-clocks/new", {"name": "Spring", "now": NOON}))


def test_a_renewal_is_seen_by_advancing_a_clock(desk: Desk, bank: SandboxBank, at: datetime, page: Page) -> None:
    with desk.inside():
        shop = open_shop(at, bank)
        with transaction():
            clock_id = test_clocks.create("Spring", at, at).id
        customer_id = shop.buyer(test_clock_id=clock_id)
        subscription_id = shop.sell(customer_id)
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(OWNER)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"/admin/test-clocks/{clock_id}")
    page.get_by_role("button", name="A month").click()
    expect(page.get_by_text("on its way to")).to_be_visible()
    arrive(desk)
    expect(page.get_by_text("on its way to")).to_be_hidden()
    expect(page.get_by_role("button", name="A month")).to_be_visible()
    page.get_by_role("link", name="Foxglove Farm").click()
    expect(page.get_by_text("On the test clock")).to_be_visible()
    with desk.inside():
        assert get(TestClock, clock_id).now_at > at + timedelta(days=27)
        assert [invoice.status for invoice in invoices_of(subscription_id)] == ["paid", "paid"]
