"""The people of a workspace: inviting them, changing what they may do, closing the door behind them."""

from datetime import datetime, timedelta

from sqlalchemy import select

from app.db import session
from app.domain.errors import Conflict, InvalidInput
from app.models import User
from app.queries.base import get
from app.services import users
from app.services.history import audit

STAFF_ROLES = ("owner", "billing_admin", "billing_viewer")
INVITATION_VALID = timedelta(days=7)


def invite(email: str, name: str, role: str, at: datetime, base_url: str, *, customer_id: str | None = None) -> User:
    """Add a person and mail them a link to set a password, good for a week.

    With a customer, the role is `customer`. Raises InvalidInput, or Conflict when the address is taken.
    """
    if not name.strip():
        raise InvalidInput("A person needs a name.", code="missing", field="name")
    user = users.create(email, name.strip(), role, at, customer_id=customer_id)
    users.mail_link(user, "invitation", at, base_url, valid=INVITATION_VALID)
    return user


def invite_again(user_id: str, at: datetime, base_url: str) -> User:
    """Mail another link to somebody who has set no password yet. Raises Conflict for somebody who has."""
    user = get(User, user_id, lock=True)
    if user.password_hash:
        raise Conflict(f"{user.name} has a password already.", code="invited_already")
    users.mail_link(user, "invitation", at, base_url, valid=INVITATION_VALID)
    audit("user.invite", user.id, at)
    return user


def change_role(user_id: str, role: str, at: datetime) -> User:
    """Let a member of the staff do more or less. Raises Conflict for the last owner (`last_owner`)."""
    user = get(User, user_id, lock=True)
    if role not in STAFF_ROLES or user.customer_id:
        raise InvalidInput(f"Staff are one of {', '.join(STAFF_ROLES)}.", code="invalid_role", field="role")
    if role != "owner":
        _keep_an_owner(user)
    user.role = role
    audit("user.change_role", user.id, at, role=role)
    return user


def disable(user_id: str, at: datetime) -> User:
    """Let somebody in no more; their sessions end now. Raises Conflict for the last owner (`last_owner`)."""
    user = get(User, user_id, lock=True)
    _keep_an_owner(user)
    user.disabled_at = user.disabled_at or at
    users.end_sessions(user.id, at)
    audit("user.disable", user.id, at)
    return user


def enable(user_id: str, at: datetime) -> User:
    """Let somebody in again."""
    user = get(User, user_id, lock=True)
    user.disabled_at = None
    audit("user.enable", user.id, at)
    return user


def _keep_an_owner(user: User) -> None:
    """All owners are locked in one order, so that two of them cannot remove each other at the same moment."""
    owners = session().scalars(
        select(User).where(User.role == "owner", User.disabled_at.is_(None)).order_by(User.id).with_for_update()
    )
    if {owner.id for owner in owners} == {user.id}:
        raise Conflict("This is the last owner: make somebody else an owner first.", code="last_owner")
