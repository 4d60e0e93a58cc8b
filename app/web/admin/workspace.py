"""The settings of the workspace."""

from typing import Any

from flask import Blueprint, Response, url_for

from app import clock
from app.db import current_tenant_id, session, transaction
from app.models import Tenant
from app.permissions import Permission
from app.services import tenant_settings
from app.web.admin.forms.workspace import FINAL_ACTIONS, LATE_MONEY, CollectionForm, PortalForm, ProfileForm
from app.web.auth_guard import requires
from app.web.rendering import done, render

pages = Blueprint("workspace", __name__, url_prefix="/settings")
FINAL_WORDS = {choice.value: choice.label for choice in FINAL_ACTIONS}
LATE_WORDS = {choice.value: choice.label for choice in LATE_MONEY}


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """What holds now."""
    return render("admin/workspace/detail.html", tenant=_tenant(), final_words=FINAL_WORDS, late_words=LATE_WORDS)


@pages.get("/profile")
@requires(Permission.ADMINISTER)
def profile() -> Response:
    """The form of names and addresses."""
    return _profile(ProfileForm.of(_tenant()))


@pages.post("/profile")
@requires(Permission.ADMINISTER)
def change_profile() -> Response:
    """Change names and addresses."""
    form = ProfileForm.of(_tenant())
    if form.carry_out(lambda: _change_profile(form.values())):
        return done(url_for(".index"), "The settings were saved. Invoices from now on show them.")
    return _profile(form)


@pages.get("/collection")
@requires(Permission.ADMINISTER)
def collection() -> Response:
    """The form of reminders and retries."""
    return _collection(CollectionForm.of(_tenant()))


@pages.post("/collection")
@requires(Permission.ADMINISTER)
def change_collection() -> Response:
    """Change reminders and retries."""
    form = CollectionForm()
    if form.carry_out(lambda: _change_settings(form.values())):
        return done(url_for(".index"), "The settings were saved. They hold from the next step of each invoice on.")
    return _collection(form)


@pages.get("/portal")
@requires(Permission.ADMINISTER)
def portal() -> Response:
    """The form of what customers may do by themselves."""
    return _portal(PortalForm.of(_tenant()))


@pages.post("/portal")
@requires(Permission.ADMINISTER)
def change_portal() -> Response:
    """Change what customers may do by themselves."""
    form = PortalForm()
    if form.carry_out(lambda: _change_settings(form.values())):
        return done(url_for(".index"), "The settings were saved.")
    return _portal(form)


def _tenant() -> Tenant:
    return session().get_one(Tenant, current_tenant_id())


def _change_profile(values: dict[str, Any]) -> None:
    with transaction():
        tenant_settings.change_profile(values, clock.now())


def _change_settings(values: dict[str, Any]) -> None:
    with transaction():
        tenant_settings.change_settings(values, clock.now())


def _profile(form: ProfileForm) -> Response:
    return render("admin/workspace/profile.html", status=form.status, form=form)


def _collection(form: CollectionForm) -> Response:
    return render("admin/workspace/collection.html", status=form.status, form=form)


def _portal(form: PortalForm) -> Response:
    return render("admin/workspace/portal.html", status=form.status, form=form)
