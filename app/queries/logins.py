"""Sessions of signed-in browsers, and the workspaces a person may enter."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import joinedload

from app.db import session
from app.models import LoginSession, Tenant, User


def open_login(login_id: str, at: datetime) -> tuple[LoginSession, User, Tenant] | None:
    """The session with that id, its user and tenant; None when it is over or the user is disabled."""
    row = (
        session()
        .execute(
            select(LoginSession, User, Tenant)
            .join(User, (User.tenant_id == LoginSession.tenant_id) & (User.id == LoginSession.user_id))
            .join(Tenant, Tenant.id == LoginSession.tenant_id)
            .options(joinedload(User.customer))
            .where(LoginSession.id == login_id, *_is_open(at), User.disabled_at.is_(None))
        )
        .first()
    )
    return (row[0], row[1], row[2]) if row else None


def open_logins(user_id: str, at: datetime) -> Sequence[LoginSession]:
    """The sessions of a user that are open at `at`, the one used last first."""
    return (
        session()
        .scalars(
            select(LoginSession)
            .where(LoginSession.user_id == user_id, *_is_open(at))
            .order_by(LoginSession.seen_at.desc(), LoginSession.id.desc())
        )
        .all()
    )


def tenants(tenant_ids: Sequence[str]) -> Sequence[Tenant]:
    """Those tenants, by name. Call it inside all_tenants()."""
    return session().scalars(select(Tenant).where(Tenant.id.in_(tenant_ids)).order_by(Tenant.name)).all()


def _is_open(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return LoginSession.ended_at.is_(None), LoginSession.expires_at > at
