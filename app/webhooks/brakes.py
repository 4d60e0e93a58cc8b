"""How often one address may call one account, in windows of the clock.

A limit of their own for each sender keeps whoever forges webhooks from shutting out the gateway. Each process counts
what comes to it, and adds that to the count of all of them in Redis a few times a second: so a storm of webhooks is
not one of questions to Redis, and at most what others took within that moment is let through beyond the limit.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from threading import Lock
from time import monotonic, time

from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from redis import Redis, RedisError
from werkzeug.exceptions import TooManyRequests

from app.logs import logger
from app.settings import cache, current_settings

log = logger(__name__)
SHARED_SECONDS = 0.1  # what a process counted is known to the others after so long
MOST_TALLIES = 10_000  # of as many senders a process remembers what it counted
TOLD_SECONDS = 60  # the audit log hears of refusals at an account once in so long


@dataclass(slots=True)
class Tally:
    """Webhooks from one address to one account in one window: those all processes shared, and those still to share."""

    shared: int = 0
    own: int = 0
    shared_at: float = -SHARED_SECONDS


_tallies: dict[str, Tally] = {}
_lock = Lock()


def count(account: str, sender: str | None) -> None:
    """Count a webhook. Raises TooManyRequests. Without Redis each process holds the limit by itself."""
    limit = _parsed(current_settings().webhook_limit)
    window, elapsed = divmod(time(), limit.get_expiry())
    if _counted(f"webhooks:{account}:{sender}:{window:.0f}", limit.get_expiry()) > limit.amount:
        raise TooManyRequests(retry_after=ceil(limit.get_expiry() - elapsed))


def is_news(account: str, code: str) -> bool:
    """Whether a refusal for this reason is the first in a while: forgers must not fill the audit log."""
    try:
        return bool(cache().set(f"webhooks:told:{account}:{code}", 1, ex=TOLD_SECONDS, nx=True))
    except RedisError:
        return False


def _counted(name: str, seconds: int) -> int:
    """Count one more; gives how many there were, as far as this process knows."""
    now = monotonic()
    with _lock:
        tally = _tallies.get(name) or _new_tally(name)
        tally.own += 1
        if now - tally.shared_at < SHARED_SECONDS:
            return tally.shared + tally.own
        own, tally.shared_at = tally.own, now
    try:
        shared = _storage(cache()).incr(name, seconds, own)
    except RedisError as error:
        log.warning("webhooks are counted without Redis, by this process alone", error=str(error))
        return tally.shared + tally.own
    with _lock:
        tally.shared, tally.own = shared, tally.own - own
        return tally.shared + tally.own


def _new_tally(name: str) -> Tally:
    """Windows that are over are forgotten with all the others: Redis knows what matters of those."""
    if len(_tallies) >= MOST_TALLIES:
        _tallies.clear()
    return _tallies.setdefault(name, Tally())


@lru_cache(maxsize=4)
def _parsed(text: str) -> RateLimitItem:
    return parse(text)


@lru_cache(maxsize=4)
def _storage(redis: Redis) -> RedisStorage:
    return RedisStorage("redis://", connection_pool=redis.connection_pool)
