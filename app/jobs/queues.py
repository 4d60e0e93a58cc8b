"""The doorbell: jobs that say which row to look at. What is due stands in PostgreSQL, so a lost ring costs time."""

from collections.abc import Sequence

from redis import Redis, WatchError
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from app import logs
from app.settings import cache

URGENT, ROUTINE = "urgent", "routine"
QUEUES = (URGENT, ROUTINE)  # a worker empties them in this order: what follows from an act comes before a sweep
JOB_SECONDS = 600  # what takes longer is broken off, and found again by a sweep
RING_SECONDS = 60  # a ring may be repeated after so long: the worker that took it may have died before it began
FAILURE_SECONDS = 7 * 86_400  # failed jobs can be looked at for a week

log = logs.logger(__name__)


def enqueue(job: str, *ids: str) -> bool:
    """Ring for `job` (dotted path of a function) about the rows `ids`. Never raises: a sweep follows anyway.

    False when the same ring is already waiting or Redis is away.
    """
    return enqueue_each(job, [ids]) == 1


def enqueue_each(job: str, rows: Sequence[tuple[str, ...]]) -> int:
    """Ring for `job` about each of the rows, likewise; gives how many rings were made.

    A Redis that is away is asked once, not once for each row.
    """
    rung = 0
    try:
        for ids in rows:
            rung += ring(cache(), URGENT, job, ids)
    except RedisError as error:
        log.warning("doorbell is out of order", job=job, rows=len(rows), why=str(error))
    return rung


def ring(redis: Redis, queue: str, job: str, ids: tuple[str, ...] = ()) -> bool:
    """Put a job into a queue unless the same one waits there. Raises RedisError.

    The mark that says it waits is set with the job, in one step, and taken away when the job starts: news that come
    while it runs ring again.
    """
    mark = ":".join(("quittance:waiting", job, *ids))
    if redis.exists(mark):
        return False
    with redis.pipeline() as pipe:
        pipe.watch(mark)  # type: ignore[no-untyped-call]
        if pipe.exists(mark):  # set by somebody else since
            return False
        pipe.multi()
        pipe.set(mark, 1, ex=RING_SECONDS)
        Queue(queue, connection=redis, serializer=JSONSerializer).enqueue_call(
            job,
            args=ids,
            timeout=JOB_SECONDS,
            result_ttl=0,
            failure_ttl=FAILURE_SECONDS,
            meta={"mark": mark, "request_id": logs.request_id()},
            pipeline=pipe,
        )
        try:
            pipe.execute()
        except WatchError:
            return False
    return True
