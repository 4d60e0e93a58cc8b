"""Signing in with six digits that come by mail: for users of customers, who may have no password.

A code is worth ten minutes, one sign-in and five tries. Six digits can be guessed from a plain hash, so the hash is
keyed with SECRET_KEY.
"""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from app.db import all_tenants, session, tenant_scope, transaction
from app.domain.errors import InvalidInput
from app.ids import new_id
from app.models import SignInCode, User
from app.queries.base import get
from app.services import mails
from app.services.history import audit
from app.settings import current_settings

VALID = timedelta(minutes=10)
TRIES = 5
DIGITS = 6


def send(email: str, at: datetime) -> None:
    """Mail a code to every customer's user with that address, in place of earlier ones; say nothing about whether
    there is one. Opens its own transactions."""
    known = select(User.tenant_id, User.id).where(
        func.lower(User.email) == email.strip().lower(), User.customer_id.is_not(None), User.disabled_at.is_(None)
    )
    with all_tenants():
        users = session().execute(known).all()
    for tenant_id, user_id in users:
        with tenant_scope(tenant_id), transaction():
            _send(get(User, user_id), at)


def redeem(email: str, code: str, at: datetime) -> tuple[str, str]:
    """The tenant and the user whom this code lets in, once. Opens its own transactions.

    Raises InvalidInput (`wrong_code`) for a code that is wrong, used, too old or tried too often, all in one sentence.
    """
    for tenant_id, code_id in _open_codes(email, at):
        with tenant_scope(tenant_id), transaction():
            user_id = _try(code_id, code, at)
        if user_id:
            return tenant_id, user_id
    raise InvalidInput(
        "That code is not right, or it is too old: look at the newest mail, or ask for a new code.",
        code="wrong_code",
        field="code",
    )


def _send(user: User, at: datetime) -> None:
    session().execute(
        update(SignInCode).where(SignInCode.user_id == user.id, SignInCode.expires_at > at).values(expires_at=at)
    )
    code, code_id = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}", new_id("sic")
    row = SignInCode(id=code_id, user_id=user.id, code_hash=_hash(code_id, code), expires_at=at + VALID, created_at=at)
    session().add(row)
    session().flush()
    minutes = VALID // timedelta(minutes=1)
    context = {"name": user.name, "code": code, "minutes": minutes}
    mails.queue("sign_in_code", user.email, at, dedupe=code_id, context=context)


def _open_codes(email: str, at: datetime) -> Sequence[tuple[str, str]]:
    query = (
        select(SignInCode.tenant_id, SignInCode.id)
        .join(User, (User.tenant_id == SignInCode.tenant_id) & (User.id == SignInCode.user_id))
        .where(func.lower(User.email) == email.strip().lower(), User.disabled_at.is_(None))
        .where(SignInCode.expires_at > at, SignInCode.used_at.is_(None), SignInCode.tries < TRIES)
    )
    with all_tenants():
        return [(tenant_id, code_id) for tenant_id, code_id in session().execute(query)]


def _try(code_id: str, code: str, at: datetime) -> str | None:
    """Count the try under a lock before comparing, so that many at the same moment do not slip through together."""
    row = get(SignInCode, code_id, lock=True)
    if row.used_at or row.tries >= TRIES:
        return None
    row.tries += 1
    if not hmac.compare_digest(row.code_hash, _hash(code_id, code)):
        return None
    row.used_at = at
    audit("user.sign_in_code", row.user_id, at)
    return row.user_id


def _hash(code_id: str, code: str) -> str:
    key = current_settings().secret_key.get_secret_value().encode()
    return hmac.new(key, f"{code_id}|{code}".encode(), "sha256").hexdigest()
