"""The scheduler: rings for periodic work. Any number of them may run, since a ring that waits is not repeated."""

import time
from collections.abc import Sequence

from redis import Redis
from redis.exceptions import RedisError

from app import logs
from app.heartbeats import stamp_scheduler
from app.jobs.queues import ROUTINE, ring
from app.jobs.schedule import PERIODIC, Periodic

RECONNECT_SECONDS = 2.0

log = logs.logger(__name__)


class Scheduler:
    """Knows when each row of the table is due next, on a monotonic clock in seconds."""

    def __init__(self, table: Sequence[Periodic]) -> None:
        self.next = dict.fromkeys(table, 0.0)

    def due(self, now: float) -> list[Periodic]:
        """The rows to ring for now; each is due again its own time later, however late we are."""
        rows = [row for row, at in self.next.items() if at <= now]
        self.next.update({row: now + row.every_seconds for row in rows})
        return rows

    def pause(self, now: float) -> float:
        """Seconds until something is due."""
        return max(0.0, min(self.next.values()) - now)


def schedule(connection: Redis) -> None:
    """Ring until a signal ends the process. While Redis is away nothing is rung, and all is due when it is back."""
    scheduler = Scheduler(PERIODIC)
    while True:
        try:
            for row in scheduler.due(time.monotonic()):
                ring(connection, ROUTINE, row.job)
            stamp_scheduler(connection)
            time.sleep(scheduler.pause(time.monotonic()))
        except RedisError as error:
            log.warning("Redis is away, the scheduler waits for it", why=str(error), retry_seconds=RECONNECT_SECONDS)
            time.sleep(RECONNECT_SECONDS)
            scheduler = Scheduler(PERIODIC)
