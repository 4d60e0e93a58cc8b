"""The portal in a real browser: seen, heard, and worked with the keyboard."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect

from app.web.security_headers import HEADERS
from tests.web.gallery import rendered
from tests.web.people import PASSWORD, add

EMAIL = "ada@acme.example"
LOOKS = [("light", 1280), ("dark", 1280), ("light", 320), ("dark", 320)]
Axe = Callable[[Page], list[Any]]


@pytest.fixture
def owner(app: Flask, tenant: str, at: datetime) -> str:
    return add(app, tenant, EMAIL, "owner", at)


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser refused or failed at: policy violations and errors of scripts."""
    heard: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 4" not in message.text:
            heard.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


@pytest.fixture
def gallery(app: Flask, page: Page, live: str) -> Page:
    """The page of all components, and the fragments that its parts load, at the address of the application."""

    def answer(route: Route, source: str, **context: Any) -> None:
        headers = {**HEADERS, "Content-Type": "text/html; charset=utf-8"}
        route.fulfill(body=rendered(app, source, **context), headers=headers)

    def found(route: Route) -> None:
        more = "cursor" in route.request.url
        numbers = [4, 5] if more else [3]
        said = "2 more invoices" if more else "1 invoice found"
        context = {"numbers": numbers, "next_url": None, "announcement": said, "fragment": True}
        answer(route, "gallery_answer.html", **context)

    page.route("**/gallery", lambda route: answer(route, "gallery.html"))
    page.route("**/gallery/portal", lambda route: answer(route, "gallery.html", layout="layouts/portal.html"))
    page.route("**/gallery/wrong", lambda route: answer(route, "gallery.html", method="POST", typed={"name": "x" * 30}))
    page.route("**/gallery/list*", found)
    page.route("**/gallery/dialog", lambda route: answer(route, "gallery_dialog.html", fragment=True))
    page.goto("/gallery")
    return page


def look(page: Page, theme: str, width: int) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways to be read."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


class TestSignIn:
    def test_in_and_out(self, page: Page, owner: str, complaints: list[str]) -> None:
        sign_in(page)
        expect(page.get_by_role("heading", name="Home")).to_be_visible()
        page.get_by_role("button", name="Account of Ada").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("#toasts")).to_contain_text("You are signed out.")
        assert complaints == []

    def test_a_refusal_takes_the_focus_and_leads_to_the_field(self, page: Page, owner: str) -> None:
        page.goto("/sign-in")
        page.get_by_role("button", name="Sign in").click()
        summary = page.get_by_role("alert")
        expect(summary).to_be_focused()
        summary.get_by_role("link", name="E-mail is missing.").click()
        expect(page.get_by_label("E-mail")).to_be_focused()

    def test_all_of_it_works_without_javascript(self, browser: Browser, live: str, owner: str) -> None:
        page = browser.new_context(java_script_enabled=False, base_url=live).new_page()
        sign_in(page)
        page.get_by_role("button", name="Account of Ada").click()
        page.get_by_role("link", name="Profile and sessions").click()
        page.get_by_label("Present password", exact=True).fill("not mine")
        page.get_by_label("New password", exact=True).fill("a new and longer pass phrase")
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_role("alert")).to_contain_text("That is not your present password.")
        page.get_by_role("button", name="Account of Ada").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("#toasts")).to_contain_text("You are signed out.")
        page.context.close()

    def test_the_password_can_be_shown(self, page: Page, live: str) -> None:
        page.goto("/sign-in")
        field = page.get_by_label("Password", exact=True)
        page.get_by_role("button", name="Show Password").click()
        expect(field).to_have_attribute("type", "text")

    @pytest.mark.parametrize(("theme", "width"), LOOKS)
    def test_its_pages_are_accessible(
        self, page: Page, owner: str, axe_violations: Axe, theme: str, width: int
    ) -> None:
        look(page, theme, width)
        for path in ("/sign-in", "/password/forgotten", "/password/a-link", "/nowhere"):
            page.goto(path)
            assert axe_violations(page) == [], path
            assert fits(page), path
        sign_in(page, "wrong")
        expect(page.get_by_role("alert")).to_be_visible()
        assert axe_violations(page) == []
        sign_in(page)
        page.goto("/profile")
        assert axe_violations(page) == []
        assert fits(page)


class TestTheme:
    def test_the_choice_outlives_the_page_and_is_there_before_the_first_paint(self, page: Page, live: str) -> None:
        look(page, "light", 1280)
        page.goto("/sign-in")
        toggle = page.get_by_role("button", name="Dark mode")
        expect(toggle).to_have_attribute("aria-pressed", "false")
        toggle.click()
        expect(toggle).to_have_attribute("aria-pressed", "true")
        page.route("**/app.js*", lambda route: route.abort())
        page.goto("/password/forgotten", wait_until="commit")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")

    def test_without_a_choice_the_system_decides(self, page: Page, live: str) -> None:
        look(page, "dark", 1280)
        page.goto("/sign-in")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


class TestComponents:
    @pytest.mark.parametrize(("theme", "width"), LOOKS)
    def test_all_of_them_are_accessible(
        self, gallery: Page, axe_violations: Axe, complaints: list[str], theme: str, width: int
    ) -> None:
        look(gallery, theme, width)
        for path in ("/gallery", "/gallery/portal", "/gallery/wrong"):
            gallery.goto(path)
            assert axe_violations(gallery) == [], path
            assert fits(gallery), path
        assert complaints == []

    def test_typing_filters_the_list_and_the_address_and_says_so(self, gallery: Page) -> None:
        gallery.get_by_placeholder("Number or customer").press_sequentially("INV-3")
        expect(gallery.locator("#invoices-rows tr")).to_have_count(1)
        expect(gallery).to_have_url("/gallery/list?q=INV-3&status=&currency=")
        expect(gallery.locator("#announcement")).to_have_text("1 invoice found")
        expect(gallery.get_by_placeholder("Number or customer")).to_be_focused()

    def test_more_rows_join_those_that_are_there(self, gallery: Page) -> None:
        gallery.get_by_role("link", name="Show more").click()
        expect(gallery.locator("#invoices-rows tr")).to_have_count(5)
        expect(gallery.get_by_role("link", name="Show more")).to_have_count(0)
        expect(gallery.locator("#announcement")).to_have_text("2 more invoices")
        assert gallery.evaluate("document.activeElement !== document.body")

    def test_a_dialog_opens_keeps_the_focus_and_gives_it_back(self, gallery: Page, axe_violations: Axe) -> None:
        opener = gallery.get_by_role("link", name="Void").first
        opener.click()
        dialog = gallery.get_by_role("dialog", name="Void this invoice?")
        expect(dialog).to_be_visible()
        assert axe_violations(gallery) == []
        assert gallery.evaluate("document.querySelector('#modal').contains(document.activeElement)")
        gallery.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(opener).to_be_focused()

    def test_cancel_closes_the_dialog_and_stays_on_the_page(self, gallery: Page) -> None:
        gallery.get_by_role("link", name="Void").first.click()
        gallery.get_by_role("dialog").get_by_role("link", name="Cancel").click()
        expect(gallery.get_by_role("dialog")).to_be_hidden()
        expect(gallery).to_have_url("/gallery")

    def test_a_refusal_in_a_dialog_is_seen(self, gallery: Page, owner: str) -> None:
        gallery.get_by_role("link", name="Void").first.click()
        gallery.get_by_role("dialog").get_by_role("button", name="Void it").click()
        expect(gallery.get_by_role("dialog")).to_be_hidden()
        expect(gallery.locator("#toasts")).to_contain_text("This page was open for too long")

    def test_no_answer_is_said_so(self, gallery: Page) -> None:
        gallery.unroute("**/gallery/dialog")
        gallery.route("**/gallery/dialog", lambda route: route.abort())
        gallery.get_by_role("link", name="Void").first.click()
        expect(gallery.locator("#toasts")).to_contain_text("No answer from the server.")
        gallery.get_by_role("button", name="Close message").click()
        expect(gallery.locator("#toasts .note")).to_have_count(0)

    def test_a_row_has_its_menu_beside_it(self, gallery: Page, axe_violations: Axe) -> None:
        look(gallery, "light", 1280)
        button = gallery.get_by_role("button", name="Actions for INV-2")
        button.click()
        menu = gallery.locator("#menu-2")
        expect(menu).to_be_visible()
        assert axe_violations(gallery) == []
        near, box = button.bounding_box(), menu.bounding_box()
        assert near
        assert box
        assert abs(box["y"] - near["y"] - near["height"]) < 8
        gallery.keyboard.press("Escape")
        expect(menu).to_be_hidden()

    def test_an_id_is_copied(self, gallery: Page) -> None:
        gallery.context.grant_permissions(["clipboard-read", "clipboard-write"])
        gallery.get_by_role("button", name="Copy inv_01h455vb4pex5vsknk084sn02q").click()
        expect(gallery.locator("#announcement")).to_have_text("Copied")
        assert gallery.evaluate("navigator.clipboard.readText()") == "inv_01h455vb4pex5vsknk084sn02q"

    def test_the_keyboard_reaches_content_search_and_menu(self, gallery: Page) -> None:
        gallery.keyboard.press("Tab")
        expect(gallery.get_by_role("link", name="Skip to content")).to_be_focused()
        gallery.keyboard.press("Enter")
        expect(gallery.locator("#main")).to_be_focused()
        gallery.keyboard.press("Control+k")
        expect(gallery.get_by_label("Search everything")).to_be_focused()

    def test_on_a_small_screen_the_menu_opens_and_closes(self, gallery: Page, axe_violations: Axe) -> None:
        look(gallery, "light", 320)
        menu = gallery.get_by_role("navigation", name="Main")
        expect(menu).to_be_hidden()
        gallery.get_by_role("button", name="Menu").click()
        expect(menu).to_be_visible()
        assert axe_violations(gallery) == []
        gallery.keyboard.press("Escape")
        expect(menu).to_be_hidden()
        expect(gallery.get_by_role("button", name="Menu")).to_be_focused()
