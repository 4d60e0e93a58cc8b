"""Bare extension objects; `create_app` binds them to an application."""

from flask_bootstrap import Bootstrap5
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from htmx_flask import Htmx
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Root of all mapped classes."""


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
migrate = Migrate()
login_manager = LoginManager()
csrf = CSRFProtect()
htmx = Htmx()
bootstrap = Bootstrap5()


def redis_client(url: str) -> Redis:
    """A Redis client that gives up quickly: everything that matters is in PostgreSQL.

    It tries once more, because a connection may have died while it lay in the pool.
    """
    once_more = Retry(NoBackoff(), retries=1)
    return Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5, health_check_interval=30, retry=once_more)
