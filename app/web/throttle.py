"""Brakes on guessing: failed tries are counted for each account and each address, in Redis, for all processes together.

Should Redis not answer, each process counts by itself: guessing stays slow, and people can still sign in.
"""

import math
import time
from collections.abc import Callable
from typing import TypeVar

from limits import parse_many
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis import RedisError
from werkzeug.exceptions import TooManyRequests

from app.crypto import secret_hash
from app.logs import logger
from app.settings import cache, current_settings

Answer = TypeVar("Answer")

log = logger(__name__)
_by_itself = FixedWindowRateLimiter(MemoryStorage())


def count(action: str, *whose: str) -> None:
    """Count a try before it is made, for each of `whose` (an account, an address). Raises TooManyRequests.

    Counting first keeps many tries at the same moment from slipping through together.
    """
    names = _names(action, whose)
    if seconds := _ask(lambda limiter: _longest_wait(limiter, names)):
        log.warning("too many tries", action=action)
        raise TooManyRequests(retry_after=seconds)


def forgive(action: str, *whose: str) -> None:
    """Take back a try that succeeded: only failures count."""
    names = _names(action, whose)
    _ask(lambda limiter: _take_back(limiter, names))


def _longest_wait(limiter: FixedWindowRateLimiter, names: list[str]) -> int:
    """Seconds until another try is allowed; 0 when this one is."""
    return max(_wait(limiter, name) for name in names)


def _wait(limiter: FixedWindowRateLimiter, name: str) -> int:
    for limit in parse_many(current_settings().login_limit):
        if not limiter.hit(limit, name):
            return max(1, math.ceil(limiter.get_window_stats(limit, name).reset_time - time.time()))
    return 0


def _take_back(limiter: FixedWindowRateLimiter, names: list[str]) -> None:
    for limit in parse_many(current_settings().login_limit):
        for name in names:
            limiter.hit(limit, name, cost=-1)


def _ask(question: Callable[[FixedWindowRateLimiter], Answer]) -> Answer:
    try:
        return question(FixedWindowRateLimiter(RedisStorage("redis://", connection_pool=cache().connection_pool)))
    except RedisError:
        log.warning("tries are counted without Redis, by this process alone")
        return question(_by_itself)


def _names(action: str, whose: tuple[str, ...]) -> list[str]:
    """Hashed, so that Redis does not fill up with e-mail addresses."""
    return [f"{action}:{secret_hash(one)}" for one in whose]
