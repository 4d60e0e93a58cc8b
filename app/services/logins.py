"""Sessions of signed-in browsers: kept open while used, ended one by one or all at once; and a change of password."""

from datetime import datetime, timedelta

from sqlalchemy import func, update

from app.db import session
from app.domain.errors import InvalidInput, NotFound
from app.models import LoginSession, User
from app.queries.base import get
from app.services import passwords, users
from app.services.history import audit


def see(login_id: str, at: datetime, *, idle: timedelta, absolute: timedelta) -> None:
    """The browser was here at `at`: the session now ends `idle` later, but never more than `absolute` after sign-in."""
    session().execute(
        update(LoginSession)
        .where(LoginSession.id == login_id)
        .values(seen_at=at, expires_at=func.least(at + idle, LoginSession.created_at + absolute))
    )


def end(login_id: str, user_id: str, at: datetime) -> None:
    """End one session of this user. Raises NotFound for somebody else's."""
    row = get(LoginSession, login_id)
    if row.user_id != user_id:
        raise NotFound(f"There is no session {login_id}.", field="id")
    row.ended_at = row.ended_at or at
    audit("user.end_session", user_id, at, session=login_id)


def end_others(login_id: str, user_id: str, at: datetime) -> int:
    """End every open session of this user but the one given, and tell how many there were."""
    ended = session().execute(
        update(LoginSession)
        .where(LoginSession.user_id == user_id, LoginSession.id != login_id)
        .where(LoginSession.ended_at.is_(None), LoginSession.expires_at > at)
        .values(ended_at=at)
        .returning(LoginSession.id)
    )
    count = len(ended.all())
    audit("user.end_other_sessions", user_id, at, count=count)
    return count


def change_password(login_id: str, user_id: str, present: str, new: str, at: datetime) -> None:
    """Set a new password once the present one is given, and end the user's other sessions (ASVS 5.0, 7.4.3).

    Raises InvalidInput for a wrong present password (`wrong_password`) or a weak new one (`weak_password`).
    """
    user = get(User, user_id, lock=True)
    if not passwords.matches(user.password_hash, present):
        raise InvalidInput("That is not your present password.", code="wrong_password", field="present")
    user.password_hash = passwords.hashed(new, email=user.email)
    users.end_links(user_id, at)
    audit("user.change_password", user_id, at)
    end_others(login_id, user_id, at)
