"""Getting in, staying in, getting out."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import select, update

from app.clock import now
from app.db import session, tenant_scope, transaction
from app.domain.tax_tables.canada import RATES
from app.models import LoginSession, User
from app.services import tenants
from tests.conftest import SELLER
from tests.web.people import PASSWORD, TOKEN, add, sign_in

REFUSAL = "The e-mail address or the password is wrong."
NOT_AT_ALL = Retry(NoBackoff(), retries=0)
Rows = Callable[[], list[LoginSession]]


@pytest.fixture
def owner(app: Flask, tenant: str, at: datetime) -> str:
    return add(app, tenant, "ada@acme.example", "owner", at)


@pytest.fixture
def logins(app: Flask, tenant: str) -> Rows:
    """Reads the sessions of the tenant, oldest first."""

    def read() -> list[LoginSession]:
        with app.app_context(), tenant_scope(tenant):
            return list(session().scalars(select(LoginSession).order_by(LoginSession.id)))

    return read


def change_login(app: Flask, tenant: str, **values: datetime) -> None:
    with app.app_context(), tenant_scope(tenant), transaction():
        session().execute(update(LoginSession).values(**values))


@pytest.mark.parametrize(
    ("role", "home"),
    [("owner", "/admin/"), ("billing_admin", "/admin/"), ("billing_viewer", "/admin/"), ("customer", "/portal/")],
)
def test_everybody_arrives_at_their_own_first_page(
    app: Flask, client: FlaskClient, tenant: str, at: datetime, role: str, home: str
) -> None:
    add(app, tenant, "someone@acme.example", role, at)
    sign_in(client, "someone@acme.example")
    assert client.get("/").location == home
    assert client.get(home).status_code == 200


@pytest.mark.parametrize(
    ("role", "closed"), [("customer", "/admin/"), ("owner", "/portal/"), ("billing_viewer", "/portal/")]
)
def test_the_other_side_stays_closed(
    app: Flask, client: FlaskClient, tenant: str, at: datetime, role: str, closed: str
) -> None:
    add(app, tenant, "someone@acme.example", role, at)
    sign_in(client, "someone@acme.example")
    assert client.get(closed).status_code == 403


def test_the_address_may_be_written_in_any_case(client: FlaskClient, owner: str) -> None:
    assert sign_in(client, "  ADA@acme.example ").status_code == 303


def test_every_refusal_reads_the_same(app: Flask, client: FlaskClient, tenant: str, owner: str, at: datetime) -> None:
    disabled = add(app, tenant, "gone@acme.example", "owner", at)
    with app.app_context(), tenant_scope(tenant), transaction():
        session().execute(update(User).where(User.id == disabled).values(disabled_at=at))
    tries = [("ada@acme.example", "wrong"), ("nobody@acme.example", PASSWORD), ("gone@acme.example", PASSWORD)]
    for email, password in tries:
        answer = sign_in(client, email, password)
        assert (answer.status_code, REFUSAL in answer.text) == (422, True), email


def test_an_empty_form_names_its_fields(client: FlaskClient, tenant: str) -> None:
    answer = sign_in(client, " ", "")
    assert answer.status_code == 422
    assert "E-mail is missing." in answer.text
    assert "Password is missing." in answer.text


def test_what_was_typed_stays_except_the_password(client: FlaskClient, owner: str) -> None:
    answer = sign_in(client, "ada@acme.example", "a wrong one, surely")
    assert 'value="ada@acme.example"' in answer.text
    assert "a wrong one, surely" not in answer.text


def test_the_cookie_holds_the_key_of_the_session_and_nothing_about_the_person(
    client: FlaskClient, owner: str, tenant: str, logins: Rows
) -> None:
    sign_in(client, "ada@acme.example")
    with client.session_transaction() as cookie:
        assert cookie["_user_id"] == f"{tenant}/{logins()[0].id}"
        assert cookie.keys() <= {"_user_id", "_fresh", "_id"}


def test_a_token_from_before_sign_in_is_worth_nothing_after_it(client: FlaskClient, owner: str) -> None:
    before = TOKEN.search(client.get("/sign-in").text)
    sign_in(client, "ada@acme.example")
    assert before
    assert client.post("/sign-out", data={"csrf_token": before[1]}).status_code == 400


def test_a_signed_out_cookie_opens_nothing(client: FlaskClient, owner: str) -> None:
    sign_in(client, "ada@acme.example")
    kept = client.get_cookie("quittance")
    token = TOKEN.search(client.get("/admin/").text)
    assert kept
    assert token
    kept = client.get_cookie("quittance")
    assert client.post("/sign-out", data={"csrf_token": token[1]}).location == "/sign-in"
    client.set_cookie("quittance", kept.value)  # type: ignore[union-attr]
    assert client.get("/admin/").location == "/sign-in?next=/admin/"


def test_a_session_ends_when_it_was_idle_for_too_long(app: Flask, client: FlaskClient, owner: str, tenant: str) -> None:
    sign_in(client, "ada@acme.example")
    change_login(app, tenant, expires_at=now() - timedelta(seconds=1))
    assert client.get("/admin/").location == "/sign-in?next=/admin/"
    assert "Your session has ended." in client.get("/sign-in").text


def test_using_a_session_keeps_it_open(app: Flask, client: FlaskClient, owner: str, tenant: str, logins: Rows) -> None:
    sign_in(client, "ada@acme.example")
    change_login(app, tenant, seen_at=now() - timedelta(minutes=50), expires_at=now() + timedelta(minutes=10))
    client.get("/admin/")
    assert logins()[0].expires_at > now() + timedelta(minutes=59)


def test_no_use_keeps_a_session_open_beyond_its_absolute_end(
    app: Flask, client: FlaskClient, owner: str, tenant: str, logins: Rows
) -> None:
    sign_in(client, "ada@acme.example")
    began = now() - timedelta(hours=11, minutes=50)
    change_login(app, tenant, created_at=began, seen_at=now() - timedelta(minutes=5))
    client.get("/admin/")
    assert logins()[0].expires_at == began + timedelta(hours=12)


def test_a_user_who_is_disabled_is_out_at_once(
    app: Flask, client: FlaskClient, owner: str, tenant: str, at: datetime
) -> None:
    sign_in(client, "ada@acme.example")
    with app.app_context(), tenant_scope(tenant), transaction():
        session().execute(update(User).values(disabled_at=at))
    assert client.get("/admin/").status_code == 303


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/profile", "/profile"),
        ("/profile?tab=sessions", "/profile?tab=sessions"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("profile", "/"),
    ],
)
def test_signing_in_leads_back_but_never_elsewhere(client: FlaskClient, owner: str, wanted: str, led_to: str) -> None:
    assert sign_in(client, "ada@acme.example", next=wanted).location == led_to


def test_whoever_is_signed_in_does_not_see_the_form_again(client: FlaskClient, owner: str) -> None:
    sign_in(client, "ada@acme.example")
    assert client.get("/sign-in").location == "/"


def test_htmx_is_sent_to_sign_in_as_a_whole_page_and_back_to_where_it_was(client: FlaskClient, tenant: str) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/admin/?q=open"}
    answer = client.post("/profile/sessions/end", headers=headers)
    assert answer.status_code == 400, "without a token, the token is what is wrong first"
    answer = client.get("/profile", headers=headers)
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/admin/?q%3Dopen"
    assert answer.text == ""


class TestSeveralWorkspaces:
    @pytest.fixture
    def both(self, app: Flask, tenant: str, owner: str, at: datetime) -> tuple[str, str]:
        with app.app_context():
            other = tenants.create({**SELLER, "slug": "birch", "name": "Birch"}, RATES, at)
        add(app, other, "ada@acme.example", "billing_viewer", at)
        return tenant, other

    def test_the_workspace_is_chosen_after_the_password(self, client: FlaskClient, both: tuple[str, str]) -> None:
        assert sign_in(client, "ada@acme.example").location == "/sign-in/workspace"
        choice = client.get("/sign-in/workspace")
        assert "Acme" in choice.text
        assert "Birch" in choice.text
        token = TOKEN.search(choice.text)
        assert token
        client.post("/sign-in/workspace", data={"csrf_token": token[1], "tenant": both[1]})
        assert "Birch" in client.get("/admin/").text

    def test_only_those_that_the_password_opened_can_be_chosen(
        self, app: Flask, client: FlaskClient, both: tuple[str, str], at: datetime
    ) -> None:
        with app.app_context():
            third = tenants.create({**SELLER, "slug": "cedar", "name": "Cedar"}, RATES, at)
        add(app, third, "bob@cedar.example", "owner", at)
        sign_in(client, "ada@acme.example")
        token = TOKEN.search(client.get("/sign-in/workspace").text)
        assert token
        answer = client.post("/sign-in/workspace", data={"csrf_token": token[1], "tenant": third})
        assert answer.location == "/sign-in"
        assert client.get("/admin/").location == "/sign-in?next=/admin/"

    def test_the_choice_is_open_for_five_minutes(self, client: FlaskClient, both: tuple[str, str]) -> None:
        sign_in(client, "ada@acme.example")
        with client.session_transaction() as cookie:
            left = cookie["choice"]["until"] - now().timestamp()
            cookie["choice"] = {**cookie["choice"], "until": 0}
        assert 295 < left <= 300
        assert client.get("/sign-in/workspace").location == "/sign-in"

    def test_nobody_chooses_without_a_password(self, client: FlaskClient, both: tuple[str, str]) -> None:
        assert client.get("/sign-in/workspace").location == "/sign-in"


class TestGuessing:
    """The limit is five failures a minute and thirty an hour, for an account and for an address."""

    def test_the_sixth_try_for_an_account_waits_even_with_the_right_password(
        self, client: FlaskClient, owner: str
    ) -> None:
        for n in range(5):
            assert sign_in(client, "ada@acme.example", "wrong", ip=f"10.0.0.{n}").status_code == 422
        answer = sign_in(client, "Ada@acme.example", PASSWORD, ip="10.0.0.9")
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert "Too many tries" in answer.text

    def test_the_sixth_try_from_an_address_waits_whoever_is_guessed(self, client: FlaskClient, owner: str) -> None:
        for n in range(5):
            assert sign_in(client, f"user{n}@acme.example", "wrong", ip="10.0.0.1").status_code == 422
        assert sign_in(client, "ada@acme.example", ip="10.0.0.1").status_code == 429
        assert sign_in(client, "ada@acme.example", ip="10.0.0.2").status_code == 303

    def test_success_does_not_count(self, app: Flask, owner: str) -> None:
        answers = [sign_in(app.test_client(), "ada@acme.example").status_code for _ in range(6)]
        assert answers == [303] * 6

    def test_an_account_that_does_not_exist_is_limited_just_the_same(self, client: FlaskClient, tenant: str) -> None:
        answers = [sign_in(client, "nobody@acme.example", "x", ip=f"10.0.0.{n}").status_code for n in range(6)]
        assert answers == [422] * 5 + [429]

    @pytest.fixture
    def without_redis(self, app: Flask) -> Iterator[None]:
        there, app.extensions["redis"] = app.extensions["redis"], Redis(port=1, retry=NOT_AT_ALL)
        yield
        app.extensions["redis"] = there

    def test_without_redis_people_sign_in_and_guessing_is_still_slow(
        self, app: Flask, client: FlaskClient, owner: str, without_redis: None
    ) -> None:
        assert sign_in(app.test_client(), "ada@acme.example", ip="10.9.0.1").status_code == 303
        answers = [sign_in(client, "eve@acme.example", "x", ip=f"10.9.1.{n}").status_code for n in range(6)]
        assert answers == [422] * 5 + [429]
