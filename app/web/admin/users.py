"""The people of the workspace: invited, given a role, and shut out."""

from flask import Blueprint, Response, url_for

from app import clock
from app.db import transaction
from app.domain.errors import NotFound
from app.models import User
from app.permissions import Permission
from app.queries import lists
from app.queries.base import get
from app.services import staff
from app.settings import current_settings
from app.web.admin import listing
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.workspace import InvitationForm, RoleForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done

pages = Blueprint("users", __name__, url_prefix="/users")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """The staff."""
    filters = {**listing.asked("q", "role"), "staff": "yes"}
    listed = lists.users(filters, cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list("admin/users/list.html", listed, ("person", "people"))


@pages.get("/new")
@requires(Permission.ADMINISTER)
def new() -> Response:
    """The form of an invitation."""
    return _invitation(InvitationForm())


@pages.post("/")
@requires(Permission.ADMINISTER)
@once
def create() -> Response:
    """Invite somebody by mail."""
    form = InvitationForm()
    if form.carry_out(lambda: _invite(form)):
        return done(url_for(".index"), f"An invitation is on its way to {form.email.data}.")
    return _invitation(form)


@pages.post("/<user_id>/invitation")
@requires(Permission.ADMINISTER)
def invite_again(user_id: str) -> Response:
    """Mail another link to somebody who has not come yet."""
    _member(user_id)
    with transaction():
        email = staff.invite_again(user_id, clock.now(), current_settings().base_url).email
    return done(url_for(".index"), f"Another invitation is on its way to {email}.")


@pages.get("/<user_id>/role")
@requires(Permission.ADMINISTER)
def edit(user_id: str) -> Response:
    """The form to give somebody another role."""
    user = _member(user_id)
    return _role(RoleForm(obj=user), user)


@pages.post("/<user_id>/role")
@requires(Permission.ADMINISTER)
def update(user_id: str) -> Response:
    """Give somebody another role."""
    user = _member(user_id)
    form = RoleForm()
    if form.carry_out(lambda: _change(user_id, str(form.role.data))):
        return done(url_for(".index"), "The role was changed.")
    return _role(form, user)


@pages.get("/<user_id>/closing")
@requires(Permission.ADMINISTER)
def ask_to_disable(user_id: str) -> Response:
    """Ask before somebody is shut out."""
    user = _member(user_id)
    return confirm(
        f"Disable {user.name}?",
        "They are signed out everywhere at once and cannot sign in. What they did stays in the history.",
        url_for(".disable", user_id=user_id),
        "Disable",
        url_for(".index"),
    )


@pages.post("/<user_id>/closing")
@requires(Permission.ADMINISTER)
def disable(user_id: str) -> Response:
    """Shut somebody out."""
    _member(user_id)
    with transaction():
        staff.disable(user_id, clock.now())
    return done(url_for(".index"), "They can sign in no more.")


@pages.post("/<user_id>/opening")
@requires(Permission.ADMINISTER)
def enable(user_id: str) -> Response:
    """Let somebody in again."""
    _member(user_id)
    with transaction():
        staff.enable(user_id, clock.now())
    return done(url_for(".index"), "They can sign in again.")


def _member(user_id: str) -> User:
    """A member of the staff; the people of customers stand on the customers' pages."""
    user = get(User, user_id)
    if user.customer_id:
        raise NotFound(f"There is nobody {user_id} among the staff.", field="id")
    return user


def _invite(form: InvitationForm) -> None:
    email, name, role = str(form.email.data), str(form.name.data), str(form.role.data)
    with transaction():
        staff.invite(email, name, role, clock.now(), current_settings().base_url)


def _change(user_id: str, role: str) -> None:
    with transaction():
        staff.change_role(user_id, role, clock.now())


def _invitation(form: InvitationForm) -> Response:
    return dialog("admin/users/_invitation.html", "Invite somebody", ("People", url_for(".index")), form=form)


def _role(form: RoleForm, user: User) -> Response:
    back = ("People", url_for(".index"))
    return dialog("admin/users/_role.html", f"Role of {user.name}", back, form=form, user=user)
