"""What must be true before anything starts. Each thing that is not gets one line that says what to do."""

import socket

import psycopg
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

OLDEST_POSTGRESQL = 15


class CannotStart(Exception):
    """A reason not to start, as one line for people, with a stable code. Commands end with exit code 2."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def require_free_port(host: str, port: int, option: str = "--port") -> None:
    """Raises CannotStart unless something can listen there now; `option` is where another port is named."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            reason = error.strerror or "the address is not known here"
            raise CannotStart(
                f"Cannot listen on {host}:{port} ({reason}). Free it, or choose another with {option}.",
                "port_unavailable",
            ) from None


def require_database(url: str) -> None:
    """Raises CannotStart unless a PostgreSQL that is new enough answers there."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        reason = " ".join(str(error).split())
        raise CannotStart(f"The database of DATABASE_URL does not answer: {reason}", "database_unreachable") from None
    require_version(version)


def require_version(server_version: int) -> None:
    """Takes the number PostgreSQL gives itself (150004 is 15.4). Raises CannotStart below version 15."""
    major, minor = divmod(server_version, 10_000)
    if major < OLDEST_POSTGRESQL:
        raise CannotStart(
            f"The database is PostgreSQL {major}.{minor}; version {OLDEST_POSTGRESQL} or newer is needed.",
            "database_too_old",
        )


def require_redis(url: str) -> None:
    """Raises CannotStart unless a Redis answers there."""
    try:
        Redis.from_url(url, socket_connect_timeout=5, retry=Retry(NoBackoff(), retries=0)).ping()
    except (RedisError, ValueError) as error:
        raise CannotStart(f"The Redis of REDIS_URL does not answer: {error}", "redis_unreachable") from None
