"""A page or its fragment; what follows a good form; forms that count once."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask, flash, session
from flask_login import login_user
from sqlalchemy import update
from werkzeug.wrappers import Response

from app.clock import now
from app.db import session as rows
from app.db import tenant_scope, transaction
from app.domain.errors import Conflict, InvalidInput
from app.models import IdempotencyKey
from app.permissions import Permission
from app.web.auth_guard import requires
from app.web.once import new_submission_key, once
from app.web.rendering import announce, done, render, url_with
from app.web.signed_in import SignedIn, load
from tests.web.people import add, sign_in

CONFIRM = {"title": "Void it?", "text": "It stays void.", "action": "/void", "label": "Void", "back": "/invoices"}


@pytest.mark.parametrize(
    ("headers", "is_page"),
    [
        ({}, True),
        ({"HX-Request": "true"}, False),
        ({"HX-Request": "true", "HX-Boosted": "true"}, True),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, True),
    ],
)
def test_the_fragment_is_only_for_who_puts_it_into_a_page(app: Flask, headers: dict[str, str], is_page: bool) -> None:
    with app.test_request_context("/", headers=headers):
        answer = render("shared/confirm.html", **CONFIRM)
    assert ("<html" in answer.get_data(as_text=True)) == is_page
    assert "Void it?" in answer.get_data(as_text=True)
    assert "HX-Request" in answer.vary


def test_messages_and_announcements_travel_with_a_fragment(app: Flask) -> None:
    with app.test_request_context("/", headers={"HX-Request": "true"}):
        flash("Saved.", "success")
        announce("12 invoices found")
        answer = render("shared/confirm.html", **CONFIRM)
    assert 'id="toasts" hx-swap-oob="beforeend"' in answer.get_data(as_text=True)
    assert "Saved." in answer.get_data(as_text=True)
    assert '<div id="announcement" hx-swap-oob="innerHTML">12 invoices found</div>' in answer.get_data(as_text=True)


def test_a_good_form_leads_on(app: Flask) -> None:
    with app.test_request_context("/", method="POST"):
        answer = done("/invoices", "Voided.")
        assert (answer.status_code, answer.location) == (303, "/invoices")
        assert session["_flashes"] == [("success", "Voided.")]


def test_a_good_form_of_htmx_leads_on_as_a_whole_page_or_shows_its_fragment(app: Flask) -> None:
    with app.test_request_context("/", method="POST", headers={"HX-Request": "true"}):
        assert done("/invoices", "Voided.").headers["HX-Redirect"] == "/invoices"
    with app.test_request_context("/", method="POST", headers={"HX-Request": "true"}):
        answer = done("/invoices", "Voided.", page="shared/confirm.html", **CONFIRM)
    assert answer.status_code == 200
    assert "Void it?" in answer.get_data(as_text=True)
    assert "Voided." in answer.get_data(as_text=True)


def test_an_address_keeps_its_filters_when_one_changes(app: Flask) -> None:
    with app.test_request_context("/sign-in?q=open&cursor=abc&status=paid"):
        assert url_with(cursor="def", status=None) == "/sign-in?q=open&cursor=def"


class TestOnce:
    @pytest.fixture
    def person(self, app: Flask, tenant: str, at: datetime) -> SignedIn:
        add(app, tenant, "ada@acme.example", "owner", at)
        client = app.test_client()
        sign_in(client, "ada@acme.example")
        with client.session_transaction() as cookie, app.test_request_context():
            someone = load(cookie["_user_id"])
        assert someone
        return someone

    @pytest.fixture
    def pressed(self, app: Flask, person: SignedIn) -> Callable[..., Response]:
        """Presses the button of a form with that key, over a view."""

        def press(view: Callable[[], Response], key: str, path: str = "/plans", **headers: str) -> Response:
            data = {"submission": key}
            with app.test_request_context(path, method="POST", data=data, headers=headers):
                login_user(person)
                return requires(Permission.SELL)(once(view))()

        return press

    @pytest.fixture
    def made(self) -> list[str]:
        return []

    @pytest.fixture
    def make(self, made: list[str]) -> Callable[[], Response]:
        def view() -> Response:
            made.append("a plan")
            return done(f"/plans/{len(made)}")

        return view

    def test_a_double_is_sent_where_the_first_one_led(
        self, pressed: Callable[..., Response], make: Callable[[], Response], made: list[str]
    ) -> None:
        key = new_submission_key()
        answers = [pressed(make, key) for _ in range(3)]
        assert [(answer.status_code, answer.location) for answer in answers] == [(303, "/plans/1")] * 3
        assert made == ["a plan"]

    def test_another_form_is_another_submission(
        self, pressed: Callable[..., Response], make: Callable[[], Response], made: list[str]
    ) -> None:
        pressed(make, new_submission_key())
        pressed(make, new_submission_key())
        assert len(made) == 2

    def test_a_double_that_comes_during_the_first_is_told_to_wait(
        self, pressed: Callable[..., Response], made: list[str]
    ) -> None:
        key = new_submission_key()

        def slow() -> Response:
            made.append("a plan")
            with pytest.raises(Conflict, match="sent twice"):
                pressed(slow, key)
            return done("/plans/1")

        assert pressed(slow, key).location == "/plans/1"
        assert made == ["a plan"]

    def test_a_refused_form_can_be_sent_again(
        self, pressed: Callable[..., Response], make: Callable[[], Response], made: list[str]
    ) -> None:
        key = new_submission_key()
        assert pressed(lambda: render("shared/confirm.html", status=422, **CONFIRM), key).status_code == 422
        assert pressed(make, key).location == "/plans/1"

    def test_a_refusal_that_is_raised_gives_the_key_back_too(
        self, pressed: Callable[..., Response], make: Callable[[], Response]
    ) -> None:
        def refuse() -> Response:
            raise InvalidInput("No")

        key = new_submission_key()
        with pytest.raises(InvalidInput, match="No"):
            pressed(refuse, key)
        assert pressed(make, key).location == "/plans/1"

    def test_after_a_failure_the_key_is_free_once_its_lease_is_over(
        self, app: Flask, tenant: str, pressed: Callable[..., Response], make: Callable[[], Response]
    ) -> None:
        def fail() -> Response:
            raise RuntimeError("the power went out")

        key = new_submission_key()
        with pytest.raises(RuntimeError):
            pressed(fail, key)
        with pytest.raises(Conflict, match="sent twice"):
            pressed(make, key)
        with app.app_context(), tenant_scope(tenant), transaction():
            rows().execute(update(IdempotencyKey).values(locked_until=now() - timedelta(seconds=1)))
        assert pressed(make, key).location == "/plans/1"

    def test_a_double_of_an_answer_that_was_a_fragment_reloads_the_page(self, pressed: Callable[..., Response]) -> None:
        key, htmx = new_submission_key(), {"HX-Request": "true"}

        def view() -> Response:
            return done("/invoices", page="shared/confirm.html", **CONFIRM)

        assert pressed(view, key, **htmx).status_code == 200
        assert pressed(view, key, **htmx).headers["HX-Refresh"] == "true"

    @pytest.mark.parametrize("key", ["", "short", "x" * 65])
    def test_a_form_without_its_key_is_refused(
        self, pressed: Callable[..., Response], make: Callable[[], Response], key: str
    ) -> None:
        with pytest.raises(InvalidInput, match="load the page again"):
            pressed(make, key)

    def test_a_key_belongs_to_one_page(self, pressed: Callable[..., Response], make: Callable[[], Response]) -> None:
        key = new_submission_key()
        pressed(make, key, path="/plans")
        with pytest.raises(InvalidInput, match="another page"):
            pressed(make, key, path="/products")
