"""People: adding them, letting them sign in and out, giving them a new password."""

from datetime import datetime, timedelta
from ipaddress import ip_address

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import func, select, update

from app.crypto import random_secret, secret_hash
from app.db import all_tenants, session, tenant_scope, transaction
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.models import LoginSession, PasswordReset, User
from app.permissions import ROLES
from app.queries.base import get
from app.services import mails, passwords
from app.services.history import audit

RESET_VALID = timedelta(hours=1)


def clean_email(email: str, field: str = "email") -> str:
    """The address in its usual form. Raises InvalidInput."""
    try:
        return validate_email(email.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        raise InvalidInput("That is not an e-mail address.", code="invalid_email", field=field) from None


def create(
    email: str, name: str, role: str, at: datetime, *, password: str | None = None, customer_id: str | None = None
) -> User:
    """Add a person to the tenant in scope. Raises Conflict when the address is taken there."""
    email = clean_email(email)
    if role not in ROLES or (role == "customer") != (customer_id is not None):
        raise InvalidInput("Choose a role; a customer's user belongs to a customer.", code="invalid_role", field="role")
    if session().scalar(select(User.id).where(func.lower(User.email) == email.lower())):
        raise Conflict(f"{email} is a user already.", code="email_taken", field="email")
    user = User(
        email=email,
        name=name,
        role=role,
        customer_id=customer_id,
        password_hash=passwords.hashed(password, email=email) if password else None,
        created_at=at,
    )
    session().add(user)
    session().flush()
    audit("user.create", user.id, at, role=role)
    return user


def matching(email: str, password: str) -> list[User]:
    """The users, over all tenants, whom this address and password let in. Call it inside all_tenants()."""
    found = session().scalars(
        select(User).where(func.lower(User.email) == email.strip().lower(), User.disabled_at.is_(None))
    )
    users = list(found)
    if not users:
        passwords.matches(None, password)
    return [user for user in users if passwords.matches(user.password_hash, password)]


def sign_in(user: User, at: datetime, *, idle: timedelta, ip: str | None, agent: str | None) -> LoginSession:
    """Begin a session of a browser for this user, in the user's tenant."""
    row = LoginSession(
        user_id=user.id,
        seen_at=at,
        expires_at=at + idle,
        ip=_address(ip),
        user_agent=(agent or "")[:400],
        created_at=at,
    )
    session().add(row)
    session().execute(update(User).where(User.id == user.id).values(last_login_at=at))
    audit("user.sign_in", user.id, at)
    session().flush()
    return row


def sign_out(login_id: str, at: datetime) -> None:
    """End a session; its cookie is worth nothing from now on."""
    row = get(LoginSession, login_id)
    row.ended_at = row.ended_at or at
    audit("user.sign_out", row.user_id, at)


def request_reset(email: str, at: datetime, base_url: str) -> None:
    """Mail a link to every user with that address; say nothing about whether there is one."""
    with all_tenants():
        known = session().execute(
            select(User.tenant_id, User.id).where(
                func.lower(User.email) == email.strip().lower(), User.disabled_at.is_(None)
            )
        )
        users = [tuple(row) for row in known]
    for tenant_id, user_id in users:
        with tenant_scope(tenant_id), transaction():
            mail_link(get(User, user_id), "password_reset", at, base_url)


def mail_link(user: User, template: str, at: datetime, base_url: str, *, valid: timedelta = RESET_VALID) -> None:
    """Mail a link that sets a password once, good for so long after `at`."""
    secret = random_secret()
    reset = PasswordReset(user_id=user.id, secret_hash=secret_hash(secret), expires_at=at + valid, created_at=at)
    session().add(reset)
    session().flush()
    mails.queue(
        template,
        user.email,
        at,
        dedupe=reset.id,
        context={"name": user.name, "url": f"{base_url}/password/{secret}", "hours": valid // timedelta(hours=1)},
    )


def reset_password(secret: str, password: str, at: datetime) -> User:
    """Set a new password with a link's secret, once, and end all sessions. Raises NotFound for a used or old link."""
    with all_tenants():
        row = (
            session()
            .execute(
                select(PasswordReset.tenant_id, PasswordReset.id).where(
                    PasswordReset.secret_hash == secret_hash(secret),
                    PasswordReset.used_at.is_(None),
                    PasswordReset.expires_at > at,
                )
            )
            .first()
        )
    if row is None:
        raise NotFound("This link was used already or is too old: ask for a new one.", code="link_expired")
    with tenant_scope(row.tenant_id), transaction():
        reset = get(PasswordReset, row.id, lock=True)
        if reset.used_at:
            raise NotFound("This link was used already: ask for a new one.", code="link_expired")
        user = get(User, reset.user_id)
        user.password_hash = passwords.hashed(password, email=user.email)
        end_links(user.id, at)
        end_sessions(user.id, at)
        audit("user.password_reset", user.id, at)
        return user


def end_links(user_id: str, at: datetime) -> None:
    """Let no link that was mailed to a user before set a password any more."""
    session().execute(
        update(PasswordReset)
        .where(PasswordReset.user_id == user_id, PasswordReset.used_at.is_(None))
        .values(used_at=at)
    )


def end_sessions(user_id: str, at: datetime) -> None:
    """End every open session of a user."""
    session().execute(
        update(LoginSession).where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None)).values(ended_at=at)
    )


def _address(ip: str | None) -> str | None:
    try:
        return str(ip_address(ip)) if ip else None
    except ValueError:
        return None
