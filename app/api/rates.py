"""How often a key may call: reads and writes counted apart, in Redis, one count for each hour of the clock."""

from functools import lru_cache
from math import ceil
from time import time

from flask import Response, current_app, g, request
from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from redis import Redis, RedisError

from app.api.callers import SAFE_METHODS, Caller, caller
from app.api.refusals import TooManyRequests
from app.logs import logger
from app.permissions import Permission
from app.settings import cache, current_settings

log = logger(__name__)


def count() -> None:
    """Count the request. Raises TooManyRequests. Without Redis every request is let through: billing goes on.

    The window begins with the clock's hour (or whatever the limit names), so that one round trip tells all there is to
    tell; the price is that a key may call twice its limit around the turn.
    """
    kind = "read" if _only_reads() else "write"
    limit = _limit_of(caller(), kind)
    window, elapsed = divmod(time(), limit.get_expiry())
    try:
        counted = _storage(cache()).incr(f"api:{caller().key_id}:{kind}:{window:.0f}", limit.get_expiry())
    except RedisError as error:
        log.warning("rate limit not counted", error=str(error))
        return
    wait, left = ceil(limit.get_expiry() - elapsed), max(0, limit.amount - counted)
    g.rate = {"RateLimit-Limit": limit.amount, "RateLimit-Remaining": left, "RateLimit-Reset": wait}
    if counted > limit.amount:
        raise TooManyRequests(f"This key may {kind} {limit}: wait {wait} s.", retry_after=wait)


def show(response: Response) -> Response:
    """Tell the caller what is left of the limit."""
    for name, value in g.get("rate", {}).items():
        response.headers[name] = str(value)
    return response


def _only_reads() -> bool:
    """Whether nothing is changed: a POST that needs no more than to see, such as a preview, is a read too."""
    needs = getattr(current_app.view_functions[str(request.endpoint)], "permissions", ())
    return request.method in SAFE_METHODS or tuple(needs) == (Permission.VIEW,)


def _limit_of(key: Caller, kind: str) -> RateLimitItem:
    settings = current_settings()
    defaults = {"read": settings.api_read_limit, "write": settings.api_write_limit}
    return _parsed(key.limits.get(kind, defaults[kind]))


@lru_cache(maxsize=256)
def _parsed(text: str) -> RateLimitItem:
    return parse(text)


@lru_cache(maxsize=4)
def _storage(redis: Redis) -> RedisStorage:
    return RedisStorage("redis://", connection_pool=redis.connection_pool)
