"""How often one address may call one account: counted in Redis, in windows of the clock.

A limit of their own for each sender keeps whoever forges webhooks from shutting out the gateway.
"""

from functools import lru_cache
from math import ceil
from time import time

from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from redis import Redis, RedisError
from werkzeug.exceptions import TooManyRequests

from app.logs import logger
from app.settings import cache, current_settings

log = logger(__name__)
TOLD_SECONDS = 60  # the audit log hears of refusals at an account once in so long


def count(account: str, sender: str | None) -> None:
    """Count a webhook. Raises TooManyRequests. Without Redis every one is let through: none is lost for it."""
    limit = _parsed(current_settings().webhook_limit)
    window, elapsed = divmod(time(), limit.get_expiry())
    try:
        counted = _storage(cache()).incr(f"webhooks:{account}:{sender}:{window:.0f}", limit.get_expiry())
    except RedisError as error:
        log.warning("webhooks are not counted", error=str(error))
        return
    if counted > limit.amount:
        raise TooManyRequests(retry_after=ceil(limit.get_expiry() - elapsed))


def is_news(account: str, code: str) -> bool:
    """Whether a refusal for this reason is the first in a while: forgers must not fill the audit log."""
    try:
        return bool(cache().set(f"webhooks:told:{account}:{code}", 1, ex=TOLD_SECONDS, nx=True))
    except RedisError:
        return False


@lru_cache(maxsize=4)
def _parsed(text: str) -> RateLimitItem:
    return parse(text)


@lru_cache(maxsize=4)
def _storage(redis: Redis) -> RedisStorage:
    return RedisStorage("redis://", connection_pool=redis.connection_pool)
