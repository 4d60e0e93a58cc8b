"""The doorbell: rung once while it waits, heard in an application context, and no harm when it is out of order."""

import json
import zlib
from collections.abc import Iterator

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from app import heartbeats, logs
from app.jobs.queues import QUEUES, ROUTINE, URGENT, enqueue, ring
from app.jobs.worker import Worker
from app.settings import cache
from tests.jobs import seen
from tests.jobs.seen import Seen

LOOK, FAIL = "tests.jobs.seen.look", "tests.jobs.seen.fail"


@pytest.fixture
def redis(app: Flask) -> Iterator[Redis]:
    """The Redis of the application, whose context the test runs in."""
    seen.jobs.clear()
    with app.app_context():
        yield cache()


def waiting(redis: Redis, name: str = URGENT) -> int:
    return Queue(name, connection=redis, serializer=JSONSerializer).count


def work(app: Flask, redis: Redis) -> None:
    Worker(app, redis).work(burst=True, logging_level="CRITICAL")


def test_a_ring_that_waits_is_not_repeated(redis: Redis) -> None:
    assert [enqueue(LOOK, "ten_1", "tsk_1") for _ in range(3)] == [True, False, False]
    assert enqueue(LOOK, "ten_1", "tsk_2")
    assert ring(redis, ROUTINE, LOOK)
    assert (waiting(redis), waiting(redis, ROUTINE)) == (2, 1)


def test_a_job_runs_in_an_application_context_under_the_request_id_of_the_ring(app: Flask, redis: Redis) -> None:
    logs.start_trail("req_of_the_ring")
    enqueue(LOOK, "ten_1", "tsk_1")
    logs.start_trail("req_of_another")
    work(app, redis)
    assert seen.jobs == [Seen(("ten_1", "tsk_1"), "app", "req_of_the_ring")]


def test_news_that_come_while_a_job_runs_ring_again(app: Flask, redis: Redis) -> None:
    enqueue(LOOK, "tsk_1")
    seen.meanwhile.append(lambda: enqueue(LOOK, "tsk_1"))
    work(app, redis)
    assert len(seen.jobs) == 2


def test_what_follows_from_an_act_comes_before_a_sweep(app: Flask, redis: Redis) -> None:
    ring(redis, ROUTINE, LOOK, ("sweep",))
    ring(redis, URGENT, LOOK, ("act",))
    work(app, redis)
    assert [job.ids for job in seen.jobs] == [("act",), ("sweep",)]


def test_a_job_that_fails_does_not_stop_the_worker_and_can_be_looked_at(app: Flask, redis: Redis) -> None:
    enqueue(FAIL, "bad")
    enqueue(LOOK, "good")
    work(app, redis)
    assert [job.ids for job in seen.jobs] == [("bad",), ("good",)]
    assert Queue(URGENT, connection=redis, serializer=JSONSerializer).failed_job_registry.count == 1
    assert enqueue(FAIL, "bad")


def test_a_job_travels_as_json(redis: Redis) -> None:
    enqueue(LOOK, "ten_1", "tsk_1")
    (key,) = redis.keys("rq:job:*")
    function, _, ids, _ = json.loads(zlib.decompress(redis.hget(key, "data")))
    assert (function, ids) == (LOOK, ["ten_1", "tsk_1"])


def test_a_redis_that_is_away_is_no_reason_to_fail(
    app: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(app.extensions, "redis", Redis(unix_socket_path="/nowhere/redis.sock", retry=None))
    assert not enqueue(LOOK, "tsk_1")
    assert "doorbell is out of order" in caplog.text


def test_workers_are_seen_while_they_work_and_no_longer(app: Flask, redis: Redis) -> None:
    alive = []
    seen.meanwhile.append(lambda: alive.append(heartbeats.workers(redis)))
    enqueue(LOOK)
    assert heartbeats.workers(redis) == 0
    work(app, redis)
    assert (alive, heartbeats.workers(redis)) == ([1], 0)


def test_every_queue_is_emptied_by_the_worker(app: Flask, redis: Redis) -> None:
    assert Worker(app, redis).queue_names() == list(QUEUES) == [URGENT, ROUTINE]
