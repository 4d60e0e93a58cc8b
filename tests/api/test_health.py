"""What load balancers ask."""

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from rq.worker import BaseWorker

from app.config import Settings
from app.extensions import redis_client


@pytest.fixture
def worker(app: Flask) -> None:
    """A worker that has just said it lives."""
    redis = app.extensions["redis"]
    redis.sadd(BaseWorker.redis_workers_keys, "rq:worker:test")
    redis.set("rq:worker:test", 1)


def test_the_process_lives(client: FlaskClient) -> None:
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


@pytest.mark.usefixtures("worker")
def test_with_everything_in_place_it_is_ready(client: FlaskClient) -> None:
    assert (client.get("/health/ready").status_code, client.get("/health/ready").json) == (200, {"status": "ok"})


def test_without_a_worker_it_is_not_ready_and_says_so(client: FlaskClient) -> None:
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json) == (503, {"status": "unavailable", "missing": ["worker"]})


def test_without_redis_it_is_not_ready_and_says_so(app: Flask, client: FlaskClient) -> None:
    there = app.extensions["redis"]
    app.extensions["redis"] = redis_client("unix:///nonexistent/redis.sock")
    answer = client.get("/health/ready")
    app.extensions["redis"] = there
    assert (answer.status_code, answer.json["missing"]) == (503, ["redis", "worker"])


@pytest.mark.usefixtures("worker")
def test_with_another_schema_it_is_not_ready_and_says_so(client: FlaskClient, settings: Settings) -> None:
    with psycopg.connect(settings.database_url, autocommit=True) as owner:
        (head,) = owner.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
        owner.execute("UPDATE alembic_version SET version_num = 'older'")
        answer = client.get("/health/ready")
        owner.execute("UPDATE alembic_version SET version_num = %s", [head])
    assert (answer.status_code, answer.json["missing"]) == (503, ["schema"])
