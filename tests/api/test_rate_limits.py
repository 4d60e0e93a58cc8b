"""How often a key may call, and what it is told about that."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask

from app.db import session, tenant_scope, transaction
from app.extensions import redis_client
from app.models import ApiKey
from app.services import api_keys
from tests.api.conftest import Api

NOBODY_LISTENS = "unix:///nonexistent/redis.sock"


@pytest.fixture
def limited(app: Flask, tenant: str) -> Api:
    """A key that may read three times an hour and write twice."""
    with app.app_context(), tenant_scope(tenant), transaction():
        row, secret = api_keys.create("Limited", ["write"], datetime.now(UTC))
        session().get_one(ApiKey, (tenant, row.id)).limits = {"read": "3/hour", "write": "2/hour"}
    return Api(app, secret)


@pytest.fixture
def without_redis(app: Flask) -> Iterator[None]:
    """Redis is away for the length of a test."""
    there = app.extensions["redis"]
    app.extensions["redis"] = redis_client(NOBODY_LISTENS)
    yield
    app.extensions["redis"] = there


def test_each_answer_tells_what_is_left(limited: Api) -> None:
    left = [limited("GET", "/v1/customers").headers["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    headers = limited("GET", "/v1/customers", expect=429).headers
    assert headers["RateLimit-Limit"] == "3"
    assert 0 < int(headers["Retry-After"]) <= 3600
    assert headers["RateLimit-Reset"] == headers["Retry-After"]


def test_too_many_is_a_problem_document(limited: Api) -> None:
    for _ in range(3):
        limited.get("/v1/customers")
    refused = limited("GET", "/v1/customers", expect=429)
    assert (refused.json["code"], refused.content_type) == ("rate_limited", "application/problem+json")


def test_reads_and_writes_are_counted_apart(limited: Api) -> None:
    for _ in range(2):
        limited.post("/v1/products", {}, expect=422)
    limited.post("/v1/products", {}, expect=429)
    limited.get("/v1/products")


def test_the_settings_hold_for_a_key_without_limits_of_its_own(api: Api) -> None:
    assert api("GET", "/v1/customers").headers["RateLimit-Limit"] == "1000"
    assert api("POST", "/v1/products", {"name": "P"}).headers["RateLimit-Limit"] == "100"


def test_whoever_is_not_known_is_not_counted(app: Flask, limited: Api) -> None:
    Api(app, "qk_test_unknown").get("/v1/customers", expect=401)
    assert limited("GET", "/v1/customers").headers["RateLimit-Remaining"] == "2"


@pytest.mark.usefixtures("without_redis")
def test_without_redis_every_request_is_let_through(limited: Api) -> None:
    for _ in range(4):
        answer = limited("GET", "/v1/customers", expect=200)
    assert "RateLimit-Limit" not in answer.headers
