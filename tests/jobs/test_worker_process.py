"""Worker and scheduler as processes of their own: they end when asked, and outlive an absence of Redis."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import PubSubWorkerThread
from redis.exceptions import RedisError
from redis.retry import Retry

from app import heartbeats
from app.config import Settings
from app.embedded import RedisServer
from app.jobs.queues import URGENT, ring
from app.jobs.worker import Worker, work
from app.processes import wait_until
from tests.commands import quittance_variables

JOB = "app.jobs.sweeps.send_mails"
PATIENCE = 60.0


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@contextmanager
def running(settings: Settings, redis: RedisServer, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    variables = quittance_variables(settings, REDIS_URL=redis.url())
    with subprocess.Popen([sys.executable, "-m", "rq_worker", *words], env=variables) as process:
        try:
            yield process
        finally:
            process.kill()


def eventually(true: Callable[[], object]) -> bool:
    def now() -> bool:
        try:
            return bool(true())
        except RedisError:
            return False

    return wait_until(now, PATIENCE)


def heard(client: Redis) -> bool:
    """Whether a ring is heard by a worker: it takes away the mark."""
    ring(client, URGENT, JOB)
    return eventually(lambda: not client.exists(f"quittance:waiting:{JOB}"))


def test_a_worker_comes_back_by_itself_when_redis_does_and_ends_when_asked(
    settings: Settings, redis_server: RedisServer
) -> None:
    client = Redis.from_url(redis_server.url())
    with running(settings, redis_server) as worker:
        assert eventually(lambda: heartbeats.workers(client) == 1)
        assert heard(client)
        redis_server.stop()
        redis_server.start()
        assert heard(client)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
    assert heartbeats.workers(client) == 0


def test_who_could_not_say_goodbye_to_redis_does_not_count_as_a_worker_beside_itself(
    app: Flask, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Redis.from_url(redis_server.url())
    counts: list[int] = []

    def redis_ends_at_the_first_look(worker: Worker, *_: object) -> None:
        counts.append(heartbeats.workers(client))
        worker.asked_to_stop = len(counts) > 1
        if not worker.asked_to_stop:
            redis_server.stop()
            raise RedisError

    monkeypatch.setattr(Worker, "dequeue_job_and_maintain_ttl", redis_ends_at_the_first_look)
    monkeypatch.setattr("app.jobs.worker.time", SimpleNamespace(sleep=lambda _: redis_server.start()))
    work(app, Redis.from_url(redis_server.url(), retry=Retry(NoBackoff(), retries=0)))
    assert counts == [1, 1]
    assert eventually(lambda: not any(isinstance(thread, PubSubWorkerThread) for thread in threading.enumerate()))


def test_a_scheduler_rings_and_comes_back_by_itself_when_redis_does(
    settings: Settings, redis_server: RedisServer
) -> None:
    client = Redis.from_url(redis_server.url())
    with running(settings, redis_server, "--scheduler") as scheduler:
        assert eventually(lambda: heartbeats.scheduler(client))
        redis_server.stop()
        redis_server.start()
        client.flushdb()
        assert eventually(lambda: heartbeats.scheduler(client) and client.exists(f"quittance:waiting:{JOB}"))
        assert scheduler.poll() is None


def test_settings_that_cannot_be_used_end_it_with_one_line_each(settings: Settings, redis_server: RedisServer) -> None:
    variables = quittance_variables(settings, SECRET_KEY="short", DATABASE_URL="sqlite://")
    refused = subprocess.run(
        [sys.executable, "-m", "rq_worker"], env=variables, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    complaints = [line.partition(": Value error")[0] for line in refused.stderr.splitlines()]
    assert complaints == ["quittance: DATABASE_URL", "quittance: SECRET_KEY"]
