"""Signing in and out. One address may be known in several workspaces: it chooses one after its password matched."""

import re
from datetime import timedelta
from typing import Any

from flask import Response, flash, request, session, url_for
from flask_login import login_user, logout_user

from app import clock
from app.db import all_tenants, transaction
from app.domain.errors import InvalidInput
from app.logs import logger
from app.models import User
from app.queries import logins as query
from app.queries.base import get
from app.services import users
from app.settings import current_settings
from app.web import throttle
from app.web.auth.blueprint import pages
from app.web.auth.forms import SignInForm
from app.web.auth_guard import ANYBODY_SIGNED_IN, acting, person, requires
from app.web.forms import Form
from app.web.rendering import go, render
from app.web.signed_in import load, signed_in

CHOICE_SECONDS = 300
INSIDE = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")  # a path of this site; `//elsewhere` is the address of another

log = logger(__name__)


@pages.get("/")
def welcome() -> Response:
    """The bare address leads to one's first page."""
    someone = signed_in()
    return go(url_for(someone.home if someone else "auth.sign_in"))


@pages.get("/sign-in")
def sign_in() -> Response:
    """The sign-in form; whoever is signed in goes on to their first page."""
    if signed_in():
        return go(url_for("auth.welcome"))
    return render("auth/sign_in.html", form=SignInForm(next=request.args.get("next")))


@pages.post("/sign-in")
def check_password() -> Response:
    """Let in whom the password lets in. The refusal never says whether the address or the password was wrong."""
    form = SignInForm()
    if not form.carry_out(lambda: _matching(str(form.email.data), str(form.password.data))):
        return render("auth/sign_in.html", form=form, status=form.status)
    found: dict[str, str] = form.result
    if len(found) == 1:
        return enter(*found.popitem(), form.next.data)
    session["choice"] = {"users": found, "next": form.next.data, "until": _seconds() + CHOICE_SECONDS}
    return go(url_for("auth.choose_workspace"))


@pages.get("/sign-in/workspace")
def choose_workspace() -> Response:
    """The workspaces that the password opened."""
    choice = _open_choice()
    if choice is None:
        return _begin_again()
    with all_tenants():
        return render("auth/workspaces.html", tenants=query.tenants(list(choice["users"])), form=Form())


@pages.post("/sign-in/workspace")
def enter_workspace() -> Response:
    """Enter the one that was chosen."""
    choice, tenant_id = _open_choice(), request.form.get("tenant", "")
    if choice is None or tenant_id not in choice["users"]:
        return _begin_again()
    return enter(tenant_id, choice["users"][tenant_id], choice["next"])


@pages.post("/sign-out")
@requires(*ANYBODY_SIGNED_IN)
def sign_out() -> Response:
    """End the session: its cookie opens nothing any more."""
    with transaction():
        users.sign_out(person().login_id, clock.now())
    logout_user()
    session.clear()
    flash("You are signed out.", "success")
    return go(url_for("auth.sign_in"))


def _matching(email: str, password: str) -> dict[str, str]:
    """User ids by tenant id. Raises InvalidInput when nobody matches, TooManyRequests after too many failures."""
    whose = (email.lower(), request.remote_addr or "")
    throttle.count("sign-in", *whose)
    with all_tenants():
        found = {user.tenant_id: user.id for user in users.matching(email, password)}
    if not found:
        log.warning("sign-in refused", ip=request.remote_addr)
        raise InvalidInput("The e-mail address or the password is wrong.", code="wrong_credentials")
    throttle.forgive("sign-in", *whose)
    return found


def enter(tenant_id: str, user_id: str, next_page: str | None) -> Response:
    """Begin a session in this workspace, with a cookie that shares nothing with the one before."""
    idle = timedelta(minutes=current_settings().session_idle_minutes)
    ip, agent = request.remote_addr, request.user_agent.string
    with acting(tenant_id, user_id), transaction():
        login = users.sign_in(get(User, user_id), clock.now(), idle=idle, ip=ip, agent=agent)
    session.clear()
    someone = load(f"{tenant_id}/{login.id}")
    login_user(someone)
    inside = next_page if next_page and INSIDE.fullmatch(next_page) else None
    return go(inside or url_for("auth.welcome"))


def _open_choice() -> dict[str, Any] | None:
    choice = session.get("choice")
    return choice if choice and choice["until"] > _seconds() else None


def _begin_again() -> Response:
    flash("That took too long. Sign in again.", "info")
    return go(url_for("auth.sign_in"))


def _seconds() -> int:
    return int(clock.now().timestamp())
