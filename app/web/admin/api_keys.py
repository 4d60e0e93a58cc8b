"""Keys of client applications: made, shown once, ended."""

from datetime import date, datetime, timedelta

from flask import Blueprint, Response, url_for

from app import clock
from app.db import transaction
from app.domain.zones import start_of_day
from app.models import ApiKey
from app.permissions import Permission
from app.queries import lists
from app.queries.base import get
from app.services import api_keys
from app.web.admin import listing
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.workspace import KeyForm
from app.web.auth_guard import person, requires
from app.web.once import once
from app.web.rendering import done

pages = Blueprint("api_keys", __name__, url_prefix="/api-keys")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All keys, by their first characters."""
    listed = lists.api_keys(cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list("admin/api_keys/list.html", listed, ("key", "keys"), now=clock.now())


@pages.get("/new")
@requires(Permission.ADMINISTER)
def new() -> Response:
    """The form for a new key."""
    return _form(KeyForm())


@pages.post("/")
@requires(Permission.ADMINISTER)
@once
def create() -> Response:
    """Make a key, and show its secret this once."""
    form = KeyForm()
    if form.carry_out(lambda: _create(form)):
        back = ("API keys", url_for(".index"))
        return dialog("admin/api_keys/_secret.html", "Copy the key now", back, secret=form.result, name=form.name.data)
    return _form(form)


@pages.get("/<key_id>/ending")
@requires(Permission.ADMINISTER)
def ask_to_revoke(key_id: str) -> Response:
    """Ask before a key is ended."""
    row = get(ApiKey, key_id)
    return confirm(
        f"End the key {row.name}?",
        f"Whatever uses {row.hint}… is refused from now on. This cannot be undone.",
        url_for(".revoke", key_id=key_id),
        "End the key",
        url_for(".index"),
    )


@pages.post("/<key_id>/ending")
@requires(Permission.ADMINISTER)
def revoke(key_id: str) -> Response:
    """End a key."""
    with transaction():
        api_keys.revoke(key_id, clock.now())
    return done(url_for(".index"), "The key has ended.")


def _create(form: KeyForm) -> str:
    with transaction():
        expires_at = _end_of(form.expires_on.data)
        return api_keys.create(str(form.name.data), form.scopes.data or [], clock.now(), expires_at=expires_at)[1]


def _end_of(day: date | None) -> datetime | None:
    """The end of that day where the reader is."""
    return start_of_day(day + timedelta(days=1), person().timezone) if day else None


def _form(form: KeyForm) -> Response:
    return dialog("admin/api_keys/_form.html", "New API key", ("API keys", url_for(".index")), form=form)
