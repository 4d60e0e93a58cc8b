"""Who is calling: the API key of the request, what it may do, and the tenant whose rows it sees."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from time import monotonic

from flask import g, request

from app.actors import Actor, current_actor
from app.api.refusals import Unauthenticated
from app.clock import now
from app.db import all_tenants, tenant_scope, transaction
from app.domain.errors import NotPermitted
from app.permissions import SCOPES, Permission, granted
from app.services import api_keys
from app.services.api_keys import LiveKey

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
UNKNOWN = "This API key is unknown or has ended."
# How long a key that reads is believed without asking the database; one that writes is looked up each time.
REMEMBERED_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Caller:
    """A client application, by the key it showed. `limits` overrides how often it may call."""

    key_id: str
    tenant_id: str
    permissions: frozenset[Permission]
    limits: Mapping[str, str]
    expires_at: datetime | None


def admit() -> None:
    """Let a request in by its key, and into its tenant until the request ends. Raises Unauthenticated."""
    secret = _secret()
    only_reads = request.method in SAFE_METHODS
    found = _remembered(secret, int(monotonic() / REMEMBERED_SECONDS)) if only_reads else _look_up(secret)
    if found.expires_at and found.expires_at <= now():
        raise Unauthenticated(UNKNOWN, code="invalid_api_key")
    g.caller, g.visit = found, ExitStack()
    g.visit.enter_context(tenant_scope(found.tenant_id))
    token = current_actor.set(Actor("api_key", found.key_id, request.remote_addr))
    g.visit.callback(current_actor.reset, token)


def leave(_error: BaseException | None = None) -> None:
    """Leave the tenant that `admit` entered."""
    if visit := g.pop("visit", None):
        visit.close()


def caller() -> Caller:
    """Who made the request at work."""
    found: Caller = g.caller
    return found


def permit(needs: Permission) -> None:
    """Raises NotPermitted unless the caller's key has a scope that allows it."""
    if needs not in caller().permissions:
        scopes = " or ".join(scope for scope, permissions in SCOPES.items() if needs in permissions)
        raise NotPermitted(f"This needs an API key with the scope {scopes}.", code="insufficient_scope")


@lru_cache(maxsize=1024)
def _remembered(secret: str, _while: int) -> Caller:
    return _look_up(secret)


def _look_up(secret: str) -> Caller:
    """Who has this key. Raises Unauthenticated."""
    at = now()
    with all_tenants():
        key = api_keys.find(secret, at)
    if key is None:
        raise Unauthenticated(UNKNOWN, code="invalid_api_key")
    with tenant_scope(key.tenant_id):
        _stamp(key, at)
    return Caller(key.id, key.tenant_id, granted(SCOPES, key.scopes), key.limits, key.expires_at)


def _stamp(key: LiveKey, at: datetime) -> None:
    """Note the use of the key, once a minute at most."""
    if key.last_used_at is None or key.last_used_at < at.replace(second=0, microsecond=0):
        with transaction():
            api_keys.stamp_use(key.id, at)


def _secret() -> str:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("Send an API key in the header “Authorization: Bearer qk_…”.")
    return secret.strip()
