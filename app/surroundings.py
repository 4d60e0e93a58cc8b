"""What a command finds around it: servers and secrets that are set, those of a running `up`, or its own meanwhile."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.datadir import DataDir, Variables
from app.embedded import Postgres, RedisServer, Server
from app.startup import CannotStart

WAIT_SECONDS = 60.0
SERVERS = ("DATABASE_URL", "REDIS_URL")
OTHERS = ("SECRET_KEY", "ENCRYPTION_KEYS", "BASE_URL")


class Embedded:
    """The servers of a data directory that no variable names, and the variables that then name them."""

    def __init__(self, data_dir: DataDir, ours: Variables) -> None:
        self.postgres = None if "DATABASE_URL" in ours else Postgres(data_dir.path)
        self.redis = None if "REDIS_URL" in ours else RedisServer(data_dir.path)

    @property
    def servers(self) -> list[Server]:
        """In the order to start them."""
        return [server for server in (self.postgres, self.redis) if server]

    @property
    def variables(self) -> Variables:
        database = {"DATABASE_URL": self.postgres.url()} if self.postgres else {}
        return {**database, **({"REDIS_URL": self.redis.url()} if self.redis else {})}

    def create_database(self) -> None:
        if self.postgres:
            self.postgres.create_database()


def given() -> Variables:
    """Those of our variables that are set."""
    return {name: os.environ[name] for name in (*SERVERS, *OTHERS) if os.environ.get(name)}


@contextmanager
def surroundings(data_dir: DataDir) -> Iterator[Variables]:
    """Servers and secrets for a command, for as long as the block lasts.

    What is set by variables wins; then comes what a `quittance up` on the directory announced. When none runs there,
    servers are started for the block. Secrets are made only together with a database of our own: made for somebody
    else's they could not open what stands in it. Raises CannotStart.
    """
    ours = given()
    if all(name in ours for name in SERVERS):
        yield {**data_dir.secrets(), **ours}
        return
    with turn(data_dir) as announced:
        if announced is not None:
            yield {**announced, **ours}
            return
        with _running(Embedded(data_dir, ours)) as embedded:
            secrets = data_dir.keep_secrets() if embedded.postgres else data_dir.secrets()
            yield {**embedded.variables, **secrets, **ours}


@contextmanager
def _running(embedded: Embedded) -> Iterator[Embedded]:
    try:
        for server in embedded.servers:
            server.start()
        embedded.create_database()
        yield embedded
    finally:
        for server in reversed(embedded.servers):
            server.stop()


@contextmanager
def turn(data_dir: DataDir) -> Iterator[Variables | None]:
    """Wait until the directory is ours (None) or a running `up` has announced its variables."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with data_dir.claimed() as mine:
            announced = None if mine else data_dir.announced()
            if mine or announced is not None:
                yield announced
                return
        time.sleep(0.1)
    raise CannotStart(
        f"Another command has been busy with {data_dir.path} for a minute. Try again when it is done.", "data_dir_busy"
    )
