"""People: signing in to one tenant or several, links that work once, passwords that can be used."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.crypto import secret_hash
from app.db import all_tenants, session, tenant_scope, transaction
from app.domain.errors import BillingError
from app.models import LoginSession, Mail, PasswordReset, User
from app.queries import logins as sessions
from app.services import logins, passwords, tenants, users
from tests.conftest import SELLER
from tests.shop import fresh

IDLE = timedelta(hours=1)
GOOD, BETTER = "correct horse battery", "staple of the battery"


def person(at: datetime, email: str = "ann@acme.example", role: str = "owner", password: str | None = GOOD) -> str:
    with transaction():
        return users.create(email, "Ann", role, at, password=password).id


def link(at: datetime, email: str = "ann@acme.example") -> str:
    """The secret of the newest link that was mailed."""
    users.request_reset(email, at, "http://portal")
    newest = select(Mail).where(Mail.template == "password_reset").order_by(Mail.id.desc()).limit(1)
    url = str(session().scalars(newest).one().context["url"])
    return url.rpartition("/")[2]


WEAK = {
    "too short": "short one",
    "too long": "x" * 257,
    "the address itself": "ann-ann-ann-ann",
    "one that everybody uses": "Password1234",
    "another": "qwertyuiopas",
}


@pytest.mark.parametrize("password", WEAK.values(), ids=WEAK)
def test_a_weak_password_is_refused(in_tenant: str, at: datetime, password: str) -> None:
    with pytest.raises(BillingError) as refusal, transaction():
        users.create("ann@acme.example", "Ann", "owner", at, password=password)
    assert (refusal.value.code, refusal.value.field) == ("weak_password", "password")


@pytest.mark.parametrize("password", ["x" * 12, "пароль которым никто не пользуется", "a b c d e f g", "x" * 256])
def test_a_long_one_is_taken_whatever_it_is_made_of(in_tenant: str, password: str) -> None:
    assert passwords.matches(passwords.hashed(password, email="ann@acme.example"), password)


def test_a_hash_is_argon2id_and_salted_and_tells_nothing(in_tenant: str) -> None:
    first, second = (passwords.hashed(GOOD, email="ann@acme.example") for _ in range(2))
    assert first != second
    assert first.startswith("$argon2id$")
    assert not passwords.matches(first, BETTER)
    assert not passwords.matches(None, GOOD)
    assert not passwords.matches("no hash at all", GOOD)


def test_an_address_is_one_user_whatever_its_letters(in_tenant: str, at: datetime) -> None:
    person(at, "ann@acme.example")
    with pytest.raises(BillingError) as refusal:
        person(at, "Ann@ACME.example")
    assert refusal.value.code == "email_taken"


@pytest.mark.parametrize("role", ["customer", "king", ""])
def test_a_role_that_does_not_fit_is_refused(in_tenant: str, at: datetime, role: str) -> None:
    with pytest.raises(BillingError) as refusal:
        person(at, role=role)
    assert refusal.value.code == "invalid_role"


class TestSigningIn:
    def test_one_address_may_lead_into_several_tenants(self, app: Flask, in_tenant: str, at: datetime) -> None:
        second = tenants.create({**SELLER, "slug": "second", "name": "Second"}, [], at)
        third = tenants.create({**SELLER, "slug": "third", "name": "Third"}, [], at)
        for tenant_id, password in ((in_tenant, GOOD), (second, GOOD), (third, BETTER)):
            with tenant_scope(tenant_id):
                person(at, password=password)
        with all_tenants():
            led_to = {user.tenant_id for user in users.matching(" ANN@acme.example ", GOOD)}
        assert led_to == {in_tenant, second}

    def test_a_wrong_password_a_stranger_and_somebody_disabled_are_let_in_nowhere(
        self, in_tenant: str, at: datetime
    ) -> None:
        person(at)
        out = person(at, "bob@acme.example")
        with transaction():
            fresh(User, out).disabled_at = at
        with all_tenants():
            tries = [("ann@acme.example", BETTER), ("eve@acme.example", GOOD), ("bob@acme.example", GOOD)]
            assert [users.matching(*words) for words in tries] == [[], [], []]

    def test_one_without_a_password_is_not_let_in_by_an_empty_one(self, in_tenant: str, at: datetime) -> None:
        person(at, password=None)
        with all_tenants():
            assert users.matching("ann@acme.example", "") == []

    def test_a_session_ends_when_idle_when_ended_and_after_its_longest_time(self, in_tenant: str, at: datetime) -> None:
        user_id = person(at)
        with transaction():
            login = users.sign_in(fresh(User, user_id), at, idle=IDLE, ip="not an address", agent=None)
        assert login.ip is None
        assert sessions.open_login(login.id, at + IDLE - timedelta(seconds=1))
        assert sessions.open_login(login.id, at + IDLE) is None
        with transaction():
            logins.see(login.id, at + IDLE / 2, idle=IDLE, absolute=timedelta(hours=1))
        assert fresh(LoginSession, login.id).expires_at == at + timedelta(hours=1)
        with transaction():
            users.sign_out(login.id, at)
        assert sessions.open_login(login.id, at) is None


class TestLinks:
    def test_a_link_sets_a_password_once_and_ends_all_sessions(self, in_tenant: str, at: datetime) -> None:
        user_id = person(at)
        with transaction():
            login = users.sign_in(fresh(User, user_id), at, idle=IDLE, ip="127.0.0.1", agent="test")
        secret = link(at)
        users.reset_password(secret, BETTER, at)
        assert passwords.matches(fresh(User, user_id).password_hash, BETTER)
        assert fresh(LoginSession, login.id).ended_at == at
        with pytest.raises(BillingError) as refusal:
            users.reset_password(secret, GOOD, at)
        assert refusal.value.code == "link_expired"

    def test_it_ends_after_an_hour(self, in_tenant: str, at: datetime) -> None:
        person(at)
        secret = link(at)
        with pytest.raises(BillingError):
            users.reset_password(secret, BETTER, at + timedelta(hours=1))

    def test_a_weak_password_does_not_use_it_up(self, in_tenant: str, at: datetime) -> None:
        person(at)
        secret = link(at)
        with pytest.raises(BillingError, match="characters"):
            users.reset_password(secret, "short", at)
        users.reset_password(secret, BETTER, at)

    def test_using_one_ends_the_others(self, in_tenant: str, at: datetime) -> None:
        person(at)
        older, newer = link(at), link(at + timedelta(minutes=1))
        users.reset_password(newer, BETTER, at + timedelta(minutes=2))
        with pytest.raises(BillingError):
            users.reset_password(older, GOOD, at + timedelta(minutes=3))

    def test_changing_the_password_ends_them_too(self, in_tenant: str, at: datetime) -> None:
        user_id = person(at)
        with transaction():
            login = users.sign_in(fresh(User, user_id), at, idle=IDLE, ip=None, agent=None)
        secret = link(at)
        with transaction():
            logins.change_password(login.id, user_id, GOOD, BETTER, at)
        with pytest.raises(BillingError):
            users.reset_password(secret, GOOD, at)

    def test_only_the_hash_of_its_secret_is_kept(self, in_tenant: str, at: datetime) -> None:
        person(at)
        secret = link(at)
        kept = session().scalars(select(PasswordReset.secret_hash)).one()
        assert kept == secret_hash(secret) != secret

    def test_nobody_and_the_disabled_get_none(self, in_tenant: str, at: datetime) -> None:
        out = person(at, "bob@acme.example")
        with transaction():
            fresh(User, out).disabled_at = at
        for email in ("bob@acme.example", "eve@acme.example"):
            users.request_reset(email, at, "http://portal")
        assert session().scalars(select(Mail)).all() == []
