"""Signs of life in Redis: whether anybody works, and whether anybody rings."""

from typing import cast

from redis import Redis
from rq.worker import BaseWorker

SCHEDULER = "quittance:scheduler"
SCHEDULER_SECONDS = 60


def workers(redis: Redis) -> int:
    """How many workers live. RQ lets the key of a silent worker expire. Raises RedisError."""
    keys = cast("set[bytes]", redis.smembers(BaseWorker.redis_workers_keys))
    return cast("int", redis.exists(*keys)) if keys else 0


def stamp_scheduler(redis: Redis) -> None:
    """Say that the scheduler lives. Raises RedisError."""
    redis.set(SCHEDULER, 1, ex=SCHEDULER_SECONDS)


def scheduler(redis: Redis) -> bool:
    """Whether a scheduler lives. Raises RedisError."""
    return bool(redis.exists(SCHEDULER))
