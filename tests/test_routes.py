"""Every route has an owner: it requires a permission, asks for a signed link, or stands in the list of public ones."""

import pytest
from flask import Flask

from app.permissions import Permission

# What anybody may open. To stand here is a decision: a page that shows or changes anything of a tenant never does.
PUBLIC = frozenset(
    [
        "static",
        "favicon",
        "bootstrap.static",
        "auth.welcome",
        "auth.sign_in",
        "auth.check_password",
        "auth.ask_for_code",
        "auth.check_code",
        "auth.choose_workspace",
        "auth.enter_code",
        "auth.enter_workspace",
        "auth.forgotten",
        "auth.send_code",
        "auth.send_reset",
        "auth.new_password",
        "auth.set_password",
        "checkout.ask_address",
        "checkout.come_back",
        "checkout.give_address",
        "checkout.renew",
        "checkout.renewed",
        "docs.openapi",
        "docs.page",
        "health.live",
        "health.ready",
        "sandbox_bank.ask",
        "sandbox_bank.take_answer",
    ]
)


def required(app: Flask, endpoint: str) -> tuple[Permission, ...]:
    return getattr(app.view_functions[endpoint], "permissions", ())


def asks_for_a_link(app: Flask, endpoint: str) -> bool:
    return getattr(app.view_functions[endpoint], "by_link", False)


def test_every_route_requires_a_permission_or_a_link_or_is_public_on_purpose(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert {one for one in endpoints if not required(app, one) and not asks_for_a_link(app, one)} == PUBLIC


def test_links_open_the_pages_where_an_invoice_is_paid_and_no_others(app: Flask) -> None:
    by_link = [rule.rule for rule in app.url_map.iter_rules() if asks_for_a_link(app, rule.endpoint)]
    assert by_link
    assert [rule for rule in by_link if not rule.startswith("/pay/<token>")] == []


def test_only_known_permissions_are_required(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        assert all(isinstance(one, Permission) for one in required(app, rule.endpoint)), rule.endpoint


@pytest.mark.parametrize(
    ("prefix", "forbidden"),
    [("/admin", Permission.OWN), ("/portal", Permission.VIEW)],
)
def test_staff_and_customers_have_pages_of_their_own(app: Flask, prefix: str, forbidden: Permission) -> None:
    pages = [rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith(prefix)]
    assert pages
    assert not [endpoint for endpoint in pages if forbidden in required(app, endpoint)]


def test_no_page_changes_anything_by_being_read(app: Flask) -> None:
    mixed = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if {"GET", "POST"} <= (rule.methods or set()) or {"GET", "DELETE"} <= (rule.methods or set())
    ]
    assert mixed == []
