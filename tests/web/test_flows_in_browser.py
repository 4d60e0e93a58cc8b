"""The main job in a real browser: what staff sells is paid, declined, paid after all and renewed, as people see it."""

import re
from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from app.clock import now
from app.gateways.sandbox_bank import SandboxBank
from app.jobs.schedule import run_due
from tests.shop import assert_books_agree, bank
from tests.web.people import PASSWORD, add
from tests.web.portal.store import Buyer, Store, open_store

__all__ = ["bank"]
OWNER = "ada@acme.example"


@pytest.fixture
def store(app: Flask, tenant: str, bank: SandboxBank) -> Store:
    """A shop that sells a plan of 20.00 a month, 22.60 with tax."""
    return open_store(app, tenant, bank)


def sign_in(page: Page, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text(re.compile("Sign in"))


def test_a_plan_is_sold_seen_paid_and_its_pdf_read(app: Flask, store: Store, page: Page, bank: SandboxBank) -> None:
    with store.inside() as shop:
        shop.plan(name="Team")
    add(app, store.tenant, OWNER, "owner", now())
    sign_in(page, OWNER)
    page.goto("/admin/customers/new")
    for label, typed in {"Name": "Heron Hats", "E-mail": "pay@heron.example", "Province or state": "ON"}.items():
        page.get_by_label(label).first.fill(typed)
    page.get_by_label("Country").select_option("CA")
    page.get_by_role("button", name="Add customer").click()
    expect(page.get_by_role("heading", name="Heron Hats")).to_be_visible()

    page.get_by_role("link", name="Add", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What the sandbox bank does").select_option("tok_ok")
    dialog.get_by_role("button", name="Add").click()
    expect(page.get_by_text("Visa •••• 4242").first).to_be_visible()

    page.get_by_role("link", name="Sell a plan").first.click()
    page.get_by_label("Quantity").fill("3")
    expect(page.locator("#preview")).to_contain_text("$67.80")  # 3 × 20.00 + 13 %
    page.get_by_role("button", name="Sell", exact=True).click()
    expect(page.get_by_role("heading", name="Team")).to_be_visible()
    store.do_what_is_due()
    page.reload()
    expect(page.get_by_text("Active").first).to_be_visible()

    page.get_by_role("link", name="INV-000001").first.click()
    expect(page.get_by_text("Paid", exact=True).first).to_be_visible()
    paper = page.request.get(str(page.get_by_role("link", name="PDF").get_attribute("href")))
    text = PdfReader(BytesIO(paper.body())).pages[0].extract_text()
    for words in ("INV-000001", "Heron Hats", "826393555RT0001", "$67.80"):
        assert words in text
    with store.inside():
        assert_books_agree(bank)


def test_after_a_decline_the_customer_gives_another_card_and_pays(store: Store, page: Page, bank: SandboxBank) -> None:
    buyer = store.buyer("tok_hard_decline")
    store.let_in(buyer)
    store.do_what_is_due()
    sign_in(page, buyer.email)
    expect(page.get_by_text("overdue").first).to_be_visible()
    page.locator(".overdue").get_by_role("link", name="Pay").click()
    page.get_by_text("Another card or account").click()
    page.get_by_label("Test card").select_option("tok_ok")
    pay_twice(page)
    expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    page.goto("/portal/")
    expect(page.get_by_text("Active").first).to_be_visible()
    assert [charge.minor for charge in bank.charges() if charge.status == "succeeded"] == [22_60]
    with store.inside():
        assert_books_agree(bank)


def pay_twice(page: Page) -> None:
    """An impatient double click."""
    page.get_by_role("button", name="Pay").dblclick()


def test_the_next_month_renews_by_itself(app: Flask, store: Store, page: Page, bank: SandboxBank) -> None:
    buyer: Buyer = store.paid_up()
    store.let_in(buyer)
    with app.app_context():
        run_due(now() + timedelta(days=31))
    sign_in(page, buyer.email)
    page.get_by_role("link", name="Invoices", exact=True).click()
    for number in ("INV-000001", "INV-000002"):
        expect(page.get_by_role("row", name=re.compile(number)).get_by_text("Paid", exact=True)).to_be_visible()
    assert [charge.minor for charge in bank.charges()] == [22_60, 22_60]
    with store.inside():
        assert_books_agree(bank)
