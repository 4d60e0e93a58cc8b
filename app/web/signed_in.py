"""Whoever is signed in, as plain values: a rolled back transaction cannot take them away from the page that says so."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self, cast

from flask_login import AnonymousUserMixin, UserMixin, current_user

from app import clock
from app.db import tenant_scope, transaction
from app.models import LoginSession, Tenant, User
from app.permissions import ROLES, Permission
from app.queries import logins as query
from app.services import logins
from app.settings import current_settings

SEEN_EVERY = timedelta(minutes=1)  # a busy browser does not write at each request


@dataclass(frozen=True, slots=True, eq=False)
class SignedIn(UserMixin):  # type: ignore[misc]
    """A person with an open session. The cookie holds the key of the session's row, and nothing else about them."""

    tenant_id: str
    login_id: str
    user_id: str
    name: str
    email: str
    role: str
    customer_id: str | None
    tenant_name: str
    mode: str
    locale: str
    timezone: str

    @classmethod
    def of(cls, login: LoginSession, user: User, tenant: Tenant) -> Self:
        """A customer reads in their own language and time zone, staff in the tenant's."""
        reader = user.customer or tenant
        return cls(
            tenant_id=tenant.id,
            login_id=login.id,
            user_id=user.id,
            name=user.name,
            email=user.email,
            role=user.role,
            customer_id=user.customer_id,
            tenant_name=tenant.name,
            mode=tenant.mode,
            locale=reader.locale,
            timezone=reader.timezone,
        )

    def get_id(self) -> str:
        """What the cookie holds: the tenant and the session."""
        return f"{self.tenant_id}/{self.login_id}"

    def may(self, *permissions: Permission) -> bool:
        """Whether the role allows any one of these."""
        return not ROLES[self.role].isdisjoint(permissions)

    @property
    def home(self) -> str:
        """The endpoint of their first page."""
        return "portal.home" if self.may(Permission.OWN) else "admin.home"


def signed_in() -> SignedIn | None:
    """Whoever makes this request, if signed in."""
    return cast(SignedIn, current_user) if current_user.is_authenticated else None


def load(cookie_id: str) -> SignedIn | None:
    """The person behind a cookie; None when the session ended, is too old, or never was."""
    tenant_id, _, login_id = cookie_id.partition("/")
    at = clock.now()
    with tenant_scope(tenant_id):
        found = query.open_login(login_id, at)
        if found is None:
            return None
        login, user, tenant = found
        if at - login.seen_at >= SEEN_EVERY:
            _stay(login, at)
        return SignedIn.of(login, user, tenant)


def _stay(login: LoginSession, at: datetime) -> None:
    settings = current_settings()
    with transaction():
        logins.see(
            login.id,
            at,
            idle=timedelta(minutes=settings.session_idle_minutes),
            absolute=timedelta(hours=settings.session_absolute_hours),
        )


class Nobody(AnonymousUserMixin):  # type: ignore[misc]
    """A visitor who is not signed in: reads English, in UTC."""

    locale, timezone = "en", "UTC"

    def may(self, *permissions: Permission) -> bool:
        """Nothing."""
        return False
