"""Another plan, pauses and ends over the pages of the staff: nothing counts before its price was looked at."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from app.clock import now
from app.db import transaction
from app.models import Subscription
from app.services import tenant_settings
from tests.shop import fresh, invoices_of, status
from tests.web.admin.desk import Desk, World, words
from tests.web.admin.test_selling_in_browser import enter
from tests.web.form_reader import forms_of


def dearer(desk: Desk, world: World) -> str:
    with desk.inside():
        return world.shop.plan("40.00", code="plus", name="Plus")


def test_a_plan_is_changed_at_the_price_that_was_seen(desk: Desk, world: World) -> None:
    page, plus = f"/admin/subscriptions/{world.subscription_id}", dearer(desk, world)
    assert "Choose another plan or quantity" in desk.get(f"{page}/change")
    assert 'id="change-submit" class="btn btn-primary" disabled' in desk.get(f"{page}/change")
    unseen = desk.refused(f"{page}/change", {"plan": plus, "proration": "full"}, 422)
    assert "Look at what it costs first" in unseen
    charged = re.search(r"Plus begins today, and \$(\d+\.\d\d) is charged now", words(unseen))
    assert charged
    form = forms_of(unseen)[-1]
    answer = desk.client.post(form.action, data=form.fields)
    assert answer.status_code == 303, words(answer.text)[-800:]
    with desk.inside():
        assert fresh(Subscription, world.subscription_id).plan_id == plus
        last = max(invoices_of(world.subscription_id), key=lambda one: str(one.number))
        assert f"{last.due_minor / 100:.2f}" == charged[1]  # the balance pays the rest


def test_who_changes_a_plan_is_told_that_the_invoice_would_be_set_aside(desk: Desk, world: World) -> None:
    page, plus = f"/admin/subscriptions/{world.subscription_id}", dearer(desk, world)
    seen = words(desk.refused(f"{page}/change", {"plan": plus, "proration": "full"}, 422))
    assert "set aside" not in seen
    with desk.inside(), transaction():
        tenant_settings.change_settings({"review_amount": 1}, now())
    seen = words(desk.refused(f"{page}/change", {"plan": plus, "proration": "full"}, 422))
    assert "set aside first, and nothing is charged until somebody has looked at it. This invoice would come to" in seen


def test_a_price_that_moved_is_shown_anew(desk: Desk, world: World) -> None:
    page, plus = f"/admin/subscriptions/{world.subscription_id}", dearer(desk, world)
    form = forms_of(desk.refused(f"{page}/change", {"plan": plus}))[-1]
    answer = desk.client.post(form.action, data={**form.fields, "quantity": "3"})
    assert answer.status_code == 422
    assert "no longer what it was" in answer.text
    assert "Plus × 3 begins today" in words(answer.text)


def test_a_change_is_planned_shown_and_taken_back(desk: Desk, world: World) -> None:
    page, plus = f"/admin/subscriptions/{world.subscription_id}", dearer(desk, world)
    seen = desk.refused(f"{page}/change", {"plan": plus, "proration": "next_period"})
    assert "Nothing is charged now. Plus begins on" in words(seen)
    form = forms_of(seen)[-1]
    shown = desk.get(desk.client.post(form.action, data=form.fields).location)
    assert "Changes with the next period" in shown
    assert "It stays on what it is on." in desk.press(page, f"{page}/change/withdrawal")


def test_in_a_browser_the_change_waits_for_its_price(
    desk: Desk, world: World, page: Page, axe_violations: Callable[[Page], list[Any]]
) -> None:
    dearer(desk, world)
    enter(page)
    page.goto(f"/admin/subscriptions/{world.subscription_id}")
    page.get_by_role("link", name="Change plan").click()
    dialog = page.get_by_role("dialog")
    button = dialog.get_by_role("button", name="Change")
    expect(button).to_be_disabled()
    dialog.get_by_label("Plan").select_option(label="Plus · $40.00 each, every month")
    expect(dialog.locator("#quote")).to_contain_text("Plus begins today, and $")
    expect(button).to_be_enabled()
    assert axe_violations(page) == []
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Plus", timeout=20_000)


def test_one_is_paused_and_resumed(desk: Desk, world: World) -> None:
    page = f"/admin/subscriptions/{world.subscription_id}"
    past = {"resume_on": "2020-01-01", "billing": "skip", "credit": "day"}
    assert "A pause must end after it starts." in desk.refused(f"{page}/pause", past)
    assert "Paused since" in desk.does(f"{page}/pause", {"billing": "skip", "credit": "none"})
    with desk.inside():
        assert status(world.subscription_id) == "paused"
    assert "It goes on." in desk.press(page, f"{page}/resumption")


def test_an_end_now_gives_back_what_is_not_used(desk: Desk, world: World) -> None:
    page = f"/admin/subscriptions/{world.subscription_id}/cancellation"
    desk.does(page, {"when": "now", "credit": "second", "reason": "unused"})
    with desk.inside():
        first, last = sorted(invoices_of(world.subscription_id), key=lambda one: str(one.number))
        assert (first.total_minor > 0, last.status, last.total_minor < 0) == (True, "paid", True)
        assert fresh(Subscription, world.subscription_id).cancel_reason == "unused"
