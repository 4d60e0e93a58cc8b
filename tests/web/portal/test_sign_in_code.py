"""Signing in with a code by mail."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.clock import now
from app.db import session, transaction
from app.domain.tax_tables.canada import RATES
from app.models import SignInCode
from app.services import tenants
from tests.conftest import SELLER
from tests.web.people import add
from tests.web.portal.store import Buyer, Store, fill, words

ASK, ENTER = "/sign-in/code", "/sign-in/code/entry"
REFUSAL = "That code is not right, or it is too old"


@pytest.fixture
def fox(store: Store, buyer: Buyer) -> Buyer:
    """A customer with a user."""
    store.let_in(buyer)
    return buyer


def code_of(store: Store) -> str:
    """The code in the newest mail."""
    return str(store.mails("sign_in_code")[-1].context["code"])


def test_a_code_by_mail_lets_in(client: FlaskClient, store: Store, fox: Buyer) -> None:
    assert fill(client, ASK, email=fox.email.upper()).location == ENTER
    code = code_of(store)
    assert len(code) == 6
    assert fill(client, ENTER, code=f" {code[:3]} {code[3:]} ").location == "/"
    assert client.get("/portal/").status_code == 200


def test_it_leads_back_to_the_page_that_was_wanted(client: FlaskClient, store: Store, fox: Buyer) -> None:
    page = f"/portal/invoices/{fox.invoice}"
    sign_in = client.get(client.get(page).location)
    assert f"{ASK}?next={page}" in sign_in.text
    fill(client, f"{ASK}?next={page}", ASK, email=fox.email)
    assert fill(client, ENTER, code=code_of(store)).location == page


def test_it_works_once(app: Flask, store: Store, fox: Buyer) -> None:
    first, second = app.test_client(), app.test_client()
    fill(first, ASK, email=fox.email)
    fill(second, ASK, email="somebody@else.example")
    with second.session_transaction() as cookie:
        cookie["code"] = {"email": fox.email}
    code = code_of(store)
    assert fill(first, ENTER, code=code).status_code == 303
    assert REFUSAL in words(fill(second, ENTER, code=code))


def test_it_works_for_ten_minutes(client: FlaskClient, store: Store, fox: Buyer) -> None:
    fill(client, ASK, email=fox.email)
    with store.inside(), transaction():
        (row,) = session().scalars(select(SignInCode))
        assert row.expires_at - row.created_at == timedelta(minutes=10)
        session().execute(update(SignInCode).values(expires_at=now()))
    assert REFUSAL in words(fill(client, ENTER, code=code_of(store)))


def test_only_the_newest_works(client: FlaskClient, store: Store, fox: Buyer) -> None:
    fill(client, ASK, email=fox.email)
    old = code_of(store)
    fill(client, ASK, email=fox.email)
    assert REFUSAL in words(fill(client, ENTER, code=old if old != code_of(store) else "x"))
    assert fill(client, ENTER, code=code_of(store)).status_code == 303


def test_five_wrong_tries_end_it(app: Flask, store: Store, fox: Buyer) -> None:
    client = app.test_client()
    fill(client, ASK, email=fox.email)
    code = code_of(store)
    for n in range(5):
        assert REFUSAL in words(fill(client, ENTER, code="000000" if code != "000000" else "1"))
        store.let_time_pass() if n == 3 else None
    store.let_time_pass()
    assert REFUSAL in words(fill(client, ENTER, code=code))


def test_guessing_is_slowed_down_like_passwords(client: FlaskClient, store: Store, fox: Buyer) -> None:
    fill(client, ASK, email=fox.email)
    assert [fill(client, ENTER, code="x").status_code for _ in range(6)] == [422] * 5 + [429]


def test_asking_is_slowed_down_too(client: FlaskClient, store: Store, fox: Buyer) -> None:
    assert [fill(client, ASK, email=fox.email).status_code for _ in range(6)] == [303] * 5 + [429]


@pytest.mark.parametrize("role", ["owner", "billing_viewer"])
def test_staff_get_none(client: FlaskClient, store: Store, role: str) -> None:
    add(store.app, store.tenant, "ada@acme.example", role, now())
    answer = fill(client, ASK, email="ada@acme.example")
    assert (answer.location, store.mails("sign_in_code")) == (ENTER, [])


def test_the_answer_does_not_tell_whether_the_address_is_known(client: FlaskClient, store: Store) -> None:
    assert fill(client, ASK, email="nobody@acme.example").location == ENTER
    assert "If nobody@acme.example is known here" in words(client.get(ENTER))
    assert REFUSAL in words(fill(client, ENTER, code="123456"))


def test_the_code_itself_is_not_kept_beside_its_user(client: FlaskClient, store: Store, fox: Buyer) -> None:
    fill(client, ASK, email=fox.email)
    with store.inside():
        (row,) = session().scalars(select(SignInCode))
        assert len(row.code_hash) == 64
        assert code_of(store) not in row.code_hash


def test_whoever_asked_for_none_is_sent_to_ask(client: FlaskClient, store: Store) -> None:
    assert client.get(ENTER).location == ASK


def test_the_code_of_a_workspace_opens_that_workspace(client: FlaskClient, store: Store, fox: Buyer) -> None:
    with store.app.app_context():
        other = tenants.create({**SELLER, "slug": "birch", "name": "Birch"}, RATES, now())
    add(store.app, other, fox.email, "customer", now())
    fill(client, ASK, email=fox.email)
    fill(client, ENTER, code=code_of(store))
    assert "Your account with Acme" in client.get("/portal/").text
