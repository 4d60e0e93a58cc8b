"""Whether the process runs, and whether it can do its work. For load balancers: no key, no tenant."""

from collections.abc import Callable, Mapping
from functools import cache as once

from flask import Blueprint
from redis import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import heartbeats, logs, schema
from app.db import session
from app.settings import cache, current_settings

health = Blueprint("health", __name__, url_prefix="/health")
log = logs.logger(__name__)

Check = Callable[[], bool]
State = tuple[dict[str, object], int]


@health.get("/live")
def live() -> State:
    """The process runs."""
    return {"status": "ok"}, 200


@health.get("/ready")
def ready() -> State:
    """The database (with the schema of this version), Redis and a worker answer; else 503 naming what does not."""
    missing = [name for name, check in CHECKS.items() if not _passes(name, check)]
    return ({"status": "unavailable", "missing": missing}, 503) if missing else ({"status": "ok"}, 200)


def _passes(name: str, check: Check) -> bool:
    try:
        return check()
    except (RedisError, SQLAlchemyError, OSError) as error:
        log.warning("not ready", what=name, error=str(error))
        return False


def _database() -> bool:
    return bool(session().scalar(text("SELECT 1")))


def _schema() -> bool:
    return schema.current(current_settings().database_url) == _head()


@once
def _head() -> str | None:
    return schema.head()


def _redis() -> bool:
    return bool(cache().ping())


def _worker() -> bool:
    return heartbeats.workers(cache()) > 0


CHECKS: Mapping[str, Check] = {"database": _database, "schema": _schema, "redis": _redis, "worker": _worker}
