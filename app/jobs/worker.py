"""The worker: takes jobs off the queues and does them in this process, one after the other.

It does not fork: work is leased in PostgreSQL, so a worker that is killed loses nothing, and imports are paid for once.
"""

import logging
import signal
import time
from contextlib import suppress
from types import FrameType

from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from app import logs
from app.jobs.queues import QUEUES

HEARTBEAT_SECONDS = 30  # RQ calls a worker dead a minute after its last sign of life
RECONNECT_SECONDS = 2.0

log = logs.logger(__name__)


class Worker(SimpleWorker):
    """An RQ worker that gives each job an application context and the request id of whoever asked for it."""

    max_connection_wait_time = 5.0
    log_result_lifespan = False
    log_job_description = False

    def __init__(self, app: Flask, connection: Redis) -> None:
        self.app = app
        self.asked_to_stop = False
        super().__init__(
            [Queue(name, connection=connection, serializer=JSONSerializer) for name in QUEUES],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=HEARTBEAT_SECONDS + 15,  # RQ breathes 15 seconds before the end of it
        )

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.asked_to_stop = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def teardown(self) -> None:
        """Say goodbye. RQ's listener is told to end first, or one is left behind by each outage of Redis."""
        if self.pubsub_thread:
            self.pubsub_thread.stop()
        super().teardown()  # type: ignore[no-untyped-call]

    def perform_job(self, job: Job, queue: Queue) -> bool:
        """Do one job. Its mark goes first, so that news from now on ring again."""
        meta: dict[str, str] = job.get_meta(refresh=False)
        self.connection.delete(meta["mark"])
        logs.start_trail(meta["request_id"])
        with self.app.app_context():
            return super().perform_job(job, queue)


def work(app: Flask, connection: Redis) -> None:
    """Work until SIGTERM or SIGINT; the job in hand is finished first. When Redis goes away, wait and go on."""
    worker: Worker | None = None
    while not (worker and worker.asked_to_stop):
        if worker:
            log.warning("Redis is away, the worker waits for it", retry_seconds=RECONNECT_SECONDS)
            time.sleep(RECONNECT_SECONDS)
        worker = _work_while_redis_is_there(app, connection, worker)


def _work_while_redis_is_there(app: Flask, connection: Redis, former: Worker | None) -> Worker | None:
    """Gives the worker that worked. `former` could not say goodbye: Redis must not count it as alive."""
    worker = former
    with suppress(RedisError):
        if former:
            former.register_death()  # type: ignore[no-untyped-call]
        worker = Worker(app, connection)
        worker.work(logging_level=logging.getLevelName(logging.getLogger("rq").getEffectiveLevel()))
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop_signal, signal.SIG_DFL)
    return worker
