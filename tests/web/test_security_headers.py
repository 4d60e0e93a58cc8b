"""What every answer forbids the browser, and what it may keep."""

import re
from datetime import datetime
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.config import Settings
from tests.web.gallery import rendered
from tests.web.people import add, sign_in

EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STATIC_URL = re.compile(r'(?:href|src)="(/[^"]*static/[^"]+)"')


class Inline(HTMLParser):
    """Collects what a strict policy would not run: scripts and styles in the page, and handlers in attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.found += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and not names.get("src")):
            self.found.append(tag)


@pytest.mark.parametrize("path", ["/sign-in", "/password/forgotten", "/nowhere", "/admin/", "/static/nothing.css"])
def test_every_answer_carries_the_headers(client: FlaskClient, tenant: str, path: str) -> None:
    answer = client.get(path)
    assert {name: answer.headers[name] for name in EXPECTED} == EXPECTED
    assert answer.headers["Permissions-Policy"].startswith("camera=()")


def test_the_policy_lets_nothing_in_but_our_own_files(client: FlaskClient, tenant: str) -> None:
    words = dict(part.split(" ", 1) for part in client.get("/sign-in").headers["Content-Security-Policy"].split("; "))
    assert words == {
        "default-src": "'self'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
        "base-uri": "'none'",
    }


@pytest.mark.parametrize("path", ["/sign-in", "/password/forgotten", "/password/abc", "/nowhere"])
def test_no_page_holds_a_script_or_a_style(client: FlaskClient, tenant: str, path: str) -> None:
    page = Inline()
    page.feed(client.get(path).text)
    assert page.found == []


def test_no_component_holds_a_script_or_a_style(app: Flask) -> None:
    page = Inline()
    page.feed(rendered(app, "gallery.html"))
    assert page.found == []


def test_pages_are_kept_nowhere(app: Flask, client: FlaskClient, tenant: str, at: datetime) -> None:
    add(app, tenant, "ada@acme.example", "owner", at)
    assert client.get("/sign-in").headers["Cache-Control"] == "no-store, private"
    sign_in(client, "ada@acme.example")
    assert client.get("/admin/").headers["Cache-Control"] == "no-store, private"


def test_static_files_are_kept_for_ever_under_the_name_of_their_content(client: FlaskClient, tenant: str) -> None:
    urls = STATIC_URL.findall(client.get("/sign-in").text)
    assert len(urls) >= 6
    for url in urls:
        answer = client.get(url)
        assert answer.status_code == 200, url
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", url


@pytest.mark.parametrize("url", ["/static/app.css", "/static/app.css?v=0123456789abcdef"])
def test_a_static_file_under_another_name_is_asked_for_each_time(client: FlaskClient, tenant: str, url: str) -> None:
    assert client.get(url).headers["Cache-Control"] == "no-cache"


def test_a_browser_that_shows_a_pdf_finds_the_icon_where_it_looks(client: FlaskClient) -> None:
    icon = client.get("/favicon.ico", follow_redirects=True)
    assert (icon.status_code, icon.mimetype) == (200, "image/svg+xml")


def test_scripts_and_styles_are_checked_by_the_browser(client: FlaskClient, tenant: str) -> None:
    tags = re.findall(r'<(?:script|link rel="stylesheet")[^>]*>', client.get("/sign-in").text)
    assert len(tags) == 6
    assert all('integrity="sha384-' in tag for tag in tags)


def test_over_https_the_cookie_is_bound_to_the_host_and_http_is_over(settings: Settings) -> None:
    secure = create_app(settings.model_copy(update={"base_url": "https://billing.example", "database_pool_size": 1}))
    answer = secure.test_client().get("/sign-in", base_url="https://billing.example")
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-quittance=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


class TestRequestId:
    def test_a_given_id_is_taken_over(self, client: FlaskClient, tenant: str) -> None:
        assert client.get("/sign-in", headers={"X-Request-Id": "caller-0042"}).headers["X-Request-Id"] == "caller-0042"

    @pytest.mark.parametrize("given", ["short", "x" * 65, "with spaces in it", "quote'; drop", ""])
    def test_an_id_that_could_harm_is_replaced(self, client: FlaskClient, tenant: str, given: str) -> None:
        answer = client.get("/sign-in", headers={"X-Request-Id": given})
        assert re.fullmatch(r"req_[0-9a-z]{26}", answer.headers["X-Request-Id"])
