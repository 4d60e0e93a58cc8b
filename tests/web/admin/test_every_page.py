"""Every page of the staff, as the routes list them: shown, guarded, walled off, and the same with and without HTMX."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app.permissions import ROLES, Permission
from tests.web.admin.desk import Desk, World

# What an address needs behind its path.
QUERIES = {
    "admin.payment_methods.new": "?customer={customer_id}",
    "admin.plans.new": "?product={product_id}",
    "admin.sales.new": "?customer={customer_id}",
    "admin.one_off.new": "?customer={customer_id}",
    "admin.redemptions.new": "?customer={customer_id}",
    "admin.usage.new_alert": "?customer={customer_id}",
}
NOT_HTML = ("admin.exports.invoices", "admin.exports.payments", "admin.invoices.pdf", "admin.credit_notes.pdf")
# Pages that refuse what this world holds, and with what.
REFUSED = {"admin.users.edit": 404, "admin.users.ask_to_disable": 404, "admin.payments.ask_payout": 404}


def rules(app: Flask, method: str) -> list[Rule]:
    found = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("admin.")]
    return [rule for rule in found if method in (rule.methods or set())]


def address(rule: Rule, world: World) -> str:
    path, ids = rule.rule, world.ids()
    for name in rule.arguments:
        path = path.replace(f"<{name}>", ids[name])
    return path + QUERIES.get(rule.endpoint, "").format(**ids)


def required(app: Flask, rule: Rule) -> tuple[Permission, ...]:
    return app.view_functions[rule.endpoint].permissions  # type: ignore[attr-defined,no-any-return]


def forbidden_to(role: str, app: Flask, method: str) -> Iterator[Rule]:
    return (rule for rule in rules(app, method) if ROLES[role].isdisjoint(required(app, rule)))


def test_owners_see_every_page(desk: Desk, world: World) -> None:
    for rule in rules(desk.app, "GET"):
        text = desk.get(address(rule, world), REFUSED.get(rule.endpoint, 200))
        assert text, rule.rule


def test_every_page_is_a_whole_one_and_its_fragment_is_a_part_of_it(desk: Desk, world: World) -> None:
    for rule in rules(desk.app, "GET"):
        if rule.endpoint in (*NOT_HTML, *REFUSED):
            continue
        page = desk.get(address(rule, world))
        assert "<title>" in page, rule.rule
        assert "<h1" in page, rule.rule


def test_dialogs_and_lists_come_alone_for_htmx(desk: Desk, world: World) -> None:
    for endpoint, part in {
        "/admin/customers/": 'id="customers"',
        "/admin/invoices/": 'id="invoices"',
        "/admin/payments/": 'id="payments"',
        "/admin/subscriptions/": 'id="subscriptions"',
        "/admin/products/new": 'id="dialog"',
        f"/admin/payments/{world.payment_id}/refunds/new": 'id="dialog"',
        f"/admin/invoices/{world.failed_invoice_id}/voiding": 'id="dialog"',
        "/admin/search/?q=fox": 'id="found"',
        "/admin/search/?q=fox&panel=1": 'id="search-panel"',
    }.items():
        fragment = desk.fragment(endpoint)
        assert "<html" not in fragment, endpoint
        assert part in fragment, endpoint
        assert part in desk.get(endpoint) or "panel" in endpoint, endpoint


def test_viewers_see_everything_and_can_change_nothing(viewer: Desk, world: World) -> None:
    for rule in rules(viewer.app, "GET"):
        may = Permission.VIEW in required(viewer.app, rule)
        viewer.get(address(rule, world), 200 if may else 403)
    for rule in rules(viewer.app, "POST"):
        assert viewer.post(address(rule, world)).status_code == 403, rule.rule


def test_viewers_find_no_button_that_they_may_not_press(viewer: Desk, world: World) -> None:
    locked = {address(rule, world).partition("?")[0] for rule in forbidden_to("billing_viewer", viewer.app, "GET")}
    for rule in rules(viewer.app, "GET"):
        if Permission.VIEW not in required(viewer.app, rule) or rule.endpoint in NOT_HTML:
            continue
        page = viewer.get(address(rule, world))
        sent = [action for action in re.findall(r'method="post" action="([^"]+)"', page) if action != "/sign-out"]
        opened = {link.partition("?")[0] for link in re.findall(r'href="([^"]+)"', page)} & locked
        assert (rule.rule, sent, opened) == (rule.rule, [], set())


def test_settings_are_for_owners(biller: Desk, world: World) -> None:
    owners_only = {rule.endpoint for rule in forbidden_to("billing_admin", biller.app, "POST")}
    nouns = {endpoint.split(".")[1] for endpoint in owners_only}
    assert nouns == {"users", "api_keys", "fraud", "gateway_accounts", "routing", "taxes", "workspace"}
    for method in ("GET", "POST"):
        for rule in forbidden_to("billing_admin", biller.app, method):
            path = address(rule, world)
            status = biller.post(path).status_code if method == "POST" else biller.client.get(path).status_code
            assert status == 403, rule.rule


def test_nobody_sees_or_changes_what_another_tenant_has(desk: Desk, world: World, elsewhere: World) -> None:
    for method in ("GET", "POST"):
        for rule in rules(desk.app, method):
            asks = set(rule.arguments) - {"gateway", "purpose"} or rule.endpoint in QUERIES
            if not asks:
                continue
            path = address(rule, elsewhere)
            status = desk.post(path).status_code if method == "POST" else desk.client.get(path).status_code
            assert status == 404, f"{method} {rule.rule}"


def test_what_is_no_id_is_not_there(desk: Desk, world: World) -> None:
    nonsense = World(world.shop, **{name: "nonsense" for name in world.ids() if name.endswith("_id")})
    for rule in rules(desk.app, "GET"):
        if set(rule.arguments) - {"gateway", "purpose"} or rule.endpoint in QUERIES:
            desk.get(address(rule, nonsense), 404)


def test_forms_without_a_token_do_nothing(desk: Desk, world: World) -> None:
    for rule in rules(desk.app, "POST"):
        response = desk.client.post(address(rule, world), data={"name": "Mallory"})
        assert response.status_code in (400, 403), rule.rule


def test_the_menu_leads_everywhere(desk: Desk) -> None:
    page = desk.get("/admin/")
    for path in ("customers", "subscriptions", "invoices", "payments", "ledger", "taxes", "mails", "audit", "settings"):
        assert f'href="/admin/{path}/"' in page, path


@pytest.mark.parametrize("path", ["customers", "invoices", "payments", "subscriptions", "products", "plans", "audit"])
def test_a_cursor_that_is_not_ours_is_refused(desk: Desk, path: str) -> None:
    assert "That cursor is not one of ours" in desk.get(f"/admin/{path}/?cursor=nonsense", 422)


def test_a_day_that_is_none_is_refused(desk: Desk) -> None:
    assert "is not a day" in desk.get("/admin/invoices/?from=yesterday", 422)
