"""Pricing, discounting and giving back in a real browser, as staff sees it, without any finding of axe."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.web.admin.desk import OWNER, Desk, World
from tests.web.people import PASSWORD

Axe = Callable[[Page], list[Any]]


def enter(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(OWNER)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_the_price_table_follows_what_is_typed(desk: Desk, world: World, page: Page, axe_violations: Axe) -> None:
    enter(page)
    page.goto(f"/admin/plans/new?product={world.product_id}")
    page.get_by_label("Name").first.fill("Seats")
    page.get_by_label("Code").fill("seats")
    page.get_by_label("Price of one unit").fill("3")
    table = page.locator("#price-table")
    expect(table).to_contain_text("$300.00")  # 100 × 3
    page.get_by_label("How it is priced").select_option("graduated")
    page.get_by_label("Up to of tier 1").fill("10")
    page.get_by_label("Price of one unit of tier 1").fill("5")
    page.get_by_label("Price of one unit of tier 2").fill("4")
    expect(table).to_contain_text("$410.00")  # 10 × 5 + 90 × 4
    page.get_by_role("button", name="Another tier").click()
    expect(page.get_by_label("Up to of tier 3")).to_be_visible()
    page.get_by_role("button", name="Another charge").click()
    expect(page.get_by_role("heading", name="Further charge 1")).to_be_visible()
    assert axe_violations(page) == []
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="Further charge 1")).to_have_count(0)
    page.get_by_role("button", name="Add plan").click()
    expect(page.get_by_role("heading", name="Seats", level=1)).to_be_visible()
    assert axe_violations(page) == []


def test_a_credit_note_is_reckoned_in_the_dialog_and_issued(
    desk: Desk, world: World, page: Page, axe_violations: Axe
) -> None:
    enter(page)
    page.goto(f"/admin/invoices/{world.manual_invoice_id}")
    page.get_by_role("link", name="Credit note", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("#credit-preview")).to_contain_text("$429.40")
    dialog.get_by_label("An amount, tax included").check()
    dialog.get_by_label("Amount", exact=True).fill("214.70")
    expect(dialog.locator("#credit-preview")).to_contain_text("$24.70")  # half of the tax
    assert axe_violations(page) == []
    dialog.get_by_role("button", name="Issue credit note").click()
    expect(page.get_by_role("heading", name="CN-000002")).to_be_visible()
    assert axe_violations(page) == []


def test_a_coupon_is_sold_and_seen_on_the_invoice(desk: Desk, world: World, page: Page, axe_violations: Axe) -> None:
    enter(page)
    page.goto("/admin/coupons/new")
    assert axe_violations(page) == []
    page.get_by_label("Code").fill("HALF")
    page.get_by_label("Percent", exact=True).fill("50")
    page.get_by_role("button", name="Add coupon").click()
    expect(page.get_by_role("heading", name="HALF")).to_be_visible()
    page.goto(f"/admin/sales/new?customer={world.customer_id}")
    page.get_by_label("Coupon").fill("HALF")
    page.get_by_role("button", name="Sell", exact=True).click()
    page.get_by_role("link", name="INV-").first.click()
    expect(page.locator(".lines tfoot")).to_contain_text("Discount")
    page.get_by_text("Why this amount?").first.click()
    expect(page.get_by_text("HALF: 50 % off").first).to_be_visible()
    for path in ("coupons", "credit-notes", "meters", f"customers/{world.customer_id}/usage"):
        page.goto(f"/admin/{path}")
        assert axe_violations(page) == [], path
