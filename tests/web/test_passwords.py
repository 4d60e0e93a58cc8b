"""Forgotten passwords, new ones, and the sessions of one's own."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.clock import now
from app.db import session, tenant_scope, transaction
from app.models import LoginSession, Mail, PasswordReset
from tests.web.people import PASSWORD, add, send, sign_in

EMAIL = "ada@acme.example"
NEW = "a new and longer pass phrase"


@pytest.fixture
def owner(app: Flask, tenant: str, at: datetime) -> str:
    return add(app, tenant, EMAIL, "owner", at)


def reset_link(app: Flask, client: FlaskClient, tenant: str) -> str:
    """Ask for a link, and find it in the mail."""
    send(client, "/password/forgotten", "/password/forgotten", email=EMAIL)
    with app.app_context(), tenant_scope(tenant):
        mail = session().scalars(select(Mail)).one()
        return str(mail.context["url"]).partition("/password/")[2]


class TestForgotten:
    def test_a_link_sets_a_new_password(self, app: Flask, client: FlaskClient, owner: str, tenant: str) -> None:
        link = f"/password/{reset_link(app, client, tenant)}"
        assert send(client, link, link, password=NEW).location == "/sign-in"
        assert sign_in(client, EMAIL, PASSWORD).status_code == 422
        assert sign_in(client, EMAIL, NEW).status_code == 303

    def test_a_link_works_once(self, app: Flask, client: FlaskClient, owner: str, tenant: str) -> None:
        link = f"/password/{reset_link(app, client, tenant)}"
        send(client, link, link, password=NEW)
        again = send(client, link, link, password="another long pass phrase")
        assert again.status_code == 422
        assert "This link was used already or is too old" in again.text

    def test_opening_a_link_does_not_use_it_up(self, app: Flask, client: FlaskClient, owner: str, tenant: str) -> None:
        link = f"/password/{reset_link(app, client, tenant)}"
        assert [client.get(link).status_code for _ in range(3)] == [200] * 3
        assert send(client, link, link, password=NEW).status_code == 303

    def test_a_link_is_too_old_after_its_hour(self, app: Flask, client: FlaskClient, owner: str, tenant: str) -> None:
        link = f"/password/{reset_link(app, client, tenant)}"
        with app.app_context(), tenant_scope(tenant), transaction():
            session().execute(update(PasswordReset).values(expires_at=now() - timedelta(seconds=1)))
        assert send(client, link, link, password=NEW).status_code == 422

    @pytest.mark.parametrize(
        ("password", "message"),
        [
            ("too short", "The password must have 12 to 256 characters."),
            ("passwordpassword", "That password is too easy to guess"),
            ("ada and some more words", "That password is too easy to guess"),
            ("", "New password is missing."),
        ],
    )
    def test_a_weak_password_is_refused_and_the_link_still_works(
        self, app: Flask, client: FlaskClient, owner: str, tenant: str, password: str, message: str
    ) -> None:
        link = f"/password/{reset_link(app, client, tenant)}"
        refused = send(client, link, link, password=password)
        assert refused.status_code == 422
        assert message in refused.text
        assert send(client, link, link, password=NEW).status_code == 303

    def test_a_new_password_ends_every_session(self, app: Flask, owner: str, tenant: str) -> None:
        thief, honest = app.test_client(), app.test_client()
        sign_in(thief, EMAIL)
        link = f"/password/{reset_link(app, honest, tenant)}"
        send(honest, link, link, password=NEW)
        assert thief.get("/admin/").status_code == 303

    def test_the_answer_does_not_tell_whether_an_address_is_known(
        self, app: Flask, client: FlaskClient, owner: str, tenant: str
    ) -> None:
        answers = []
        for email in (EMAIL, "nobody@acme.example"):
            answer = send(client, "/password/forgotten", "/password/forgotten", email=email)
            said = client.get(answer.location).text.count("If that address is known here")
            answers.append((answer.status_code, answer.location, said))
        assert answers[0] == answers[1] == (303, "/sign-in", 1)

    def test_asking_again_and_again_has_to_wait(self, client: FlaskClient, tenant: str) -> None:
        answers = [
            send(client, "/password/forgotten", "/password/forgotten", email="nobody@acme.example").status_code
            for _ in range(6)
        ]
        assert answers == [303] * 5 + [429]


class TestProfile:
    def test_the_present_password_is_needed_for_a_new_one(self, client: FlaskClient, owner: str) -> None:
        sign_in(client, EMAIL)
        refused = send(client, "/profile", "/profile/password", present="not mine", password=NEW)
        assert refused.status_code == 422
        assert "That is not your present password." in refused.text

    def test_a_changed_password_ends_the_other_sessions_and_keeps_this_one(self, app: Flask, owner: str) -> None:
        here, elsewhere = app.test_client(), app.test_client()
        sign_in(elsewhere, EMAIL)
        sign_in(here, EMAIL)
        assert send(here, "/profile", "/profile/password", present=PASSWORD, password=NEW).status_code == 303
        assert here.get("/profile").status_code == 200
        assert elsewhere.get("/profile").status_code == 303
        assert sign_in(elsewhere, EMAIL, NEW).status_code == 303

    def test_guessing_the_present_password_has_to_wait(self, client: FlaskClient, owner: str) -> None:
        sign_in(client, EMAIL)
        tries = [send(client, "/profile", "/profile/password", present="x", password=NEW) for _ in range(6)]
        assert [answer.status_code for answer in tries] == [422] * 5 + [429]

    def test_a_session_elsewhere_can_be_ended(self, app: Flask, client: FlaskClient, owner: str, tenant: str) -> None:
        elsewhere = app.test_client()
        sign_in(elsewhere, EMAIL)
        with app.app_context(), tenant_scope(tenant):
            other = session().scalars(select(LoginSession.id)).one()
        sign_in(client, EMAIL)
        send(client, "/profile", f"/profile/sessions/{other}/end")
        assert elsewhere.get("/profile").status_code == 303
        assert client.get("/profile").status_code == 200

    def test_nobody_ends_a_session_of_somebody_else(
        self, app: Flask, client: FlaskClient, owner: str, tenant: str, at: datetime
    ) -> None:
        add(app, tenant, "bob@acme.example", "billing_admin", at)
        bob = app.test_client()
        sign_in(bob, "bob@acme.example")
        with app.app_context(), tenant_scope(tenant):
            bobs = session().scalars(select(LoginSession.id)).one()
        sign_in(client, EMAIL)
        assert send(client, "/profile", f"/profile/sessions/{bobs}/end").status_code == 404
        assert send(client, "/profile", "/profile/sessions/end").status_code == 303
        assert bob.get("/profile").status_code == 200

    def test_all_other_sessions_end_after_a_question(self, app: Flask, client: FlaskClient, owner: str) -> None:
        others = [app.test_client() for _ in range(2)]
        for other in others:
            sign_in(other, EMAIL)
        sign_in(client, EMAIL)
        assert "End your other sessions?" in client.get("/profile/sessions/end").text
        send(client, "/profile/sessions/end", "/profile/sessions/end")
        assert [other.get("/profile").status_code for other in others] == [303, 303]
        assert client.get("/profile").status_code == 200
