"""Keys of client applications: `qk_test_…` and `qk_live_…`, shown once, kept as a hash."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from limits import parse_many
from sqlalchemy import update

from app.crypto import random_secret, secret_hash
from app.db import current_tenant_id, fetch, session
from app.domain.errors import InvalidInput
from app.ids import as_id
from app.models import ApiKey, Tenant
from app.permissions import SCOPES
from app.queries.base import get
from app.services.history import audit

HINT_LENGTH = 14
_LIVE = """
SELECT id, tenant_id, scopes, limits, expires_at, last_used_at FROM api_keys
 WHERE secret_hash = %b AND (expires_at IS NULL OR expires_at > %b)
"""


class LiveKey(NamedTuple):
    """What a request must know of the key that it shows."""

    id: str
    tenant_id: str
    scopes: list[str]
    limits: Mapping[str, str]
    expires_at: datetime | None
    last_used_at: datetime | None


def create(
    name: str,
    scopes: Sequence[str],
    at: datetime,
    *,
    expires_at: datetime | None = None,
    rates: Mapping[str, str] | None = None,
) -> tuple[ApiKey, str]:
    """A new key of the tenant in scope, and its secret, which is never shown again.

    `rates` are its own limits in place of the usual ones: `{"read": "5000/hour"}`.
    """
    unknown = sorted(set(scopes) - SCOPES.keys())
    if unknown or not scopes:
        raise InvalidInput(f"Scopes are {', '.join(SCOPES)}; give at least one.", code="invalid_scope", field="scopes")
    if not name.strip():
        raise InvalidInput("Give the key a name.", code="missing", field="name")
    tenant = session().get_one(Tenant, current_tenant_id())
    secret = f"qk_{tenant.mode}_{random_secret()}"
    row = ApiKey(
        name=name.strip(),
        secret_hash=secret_hash(secret),
        hint=secret[:HINT_LENGTH],
        scopes=sorted(set(scopes)),
        limits=_checked(rates or {}),
        expires_at=expires_at,
        created_at=at,
    )
    session().add(row)
    session().flush()
    audit("api_key.create", row.id, at, name=row.name, scopes=row.scopes)
    return row, secret


def find(secret: str, at: datetime) -> LiveKey | None:
    """The live key with that secret, in whichever tenant. Call it inside all_tenants()."""
    for key_id, tenant_id, *rest in fetch(_LIVE, secret_hash(secret), at):
        return LiveKey(as_id("key", key_id), as_id("ten", tenant_id), *rest)
    return None


def stamp_use(key_id: str, at: datetime) -> None:
    """Remember when a key was last used, by the minute: a busy key does not write at each request."""
    minute = at.replace(second=0, microsecond=0)
    session().execute(
        update(ApiKey)
        .where(ApiKey.id == key_id, (ApiKey.last_used_at.is_(None)) | (ApiKey.last_used_at < minute))
        .values(last_used_at=minute)
    )


def revoke(key_id: str, at: datetime) -> None:
    """End a key now."""
    row = get(ApiKey, key_id, lock=True)
    row.expires_at = min(row.expires_at or at, at)
    audit("api_key.revoke", key_id, at)


def _checked(rates: Mapping[str, str]) -> dict[str, str]:
    for scope, rate in rates.items():
        try:
            parse_many(rate)
        except ValueError:
            scope = ""
        if scope not in SCOPES:
            raise InvalidInput(
                "A limit is written as “1000/hour”, for read, write or admin.", code="invalid_rate", field="limits"
            )
    return dict(rates)
