"""All that runs under `quittance up`: started in order, looked after, stopped in order."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from app import logs, schema
from app.config import load_settings
from app.datadir import DataDir, Variables
from app.embedded import Server
from app.processes import Child, Program, Watch
from app.simulated import Simulators
from app.startup import CannotStart, require_database, require_redis
from app.surroundings import Embedded, given

READY_SECONDS = 120.0
LOOK_SECONDS = 0.25
REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  (how to reach what listens on every address)
DEMO_ACCESS = "demo-access.txt"
QUITTANCE = (sys.executable, "-m", "app.cli")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `quittance up` was asked for."""

    host: str
    port: int
    data_dir: Path
    demo: bool
    simulators_port: int | None = None  # where the simulated gateways begin; None without them

    @property
    def address(self) -> str:
        """Where this machine reaches the web server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{REACHED_AT.get(self.host, host)}:{self.port}"


class Household:
    """Servers, web, worker and scheduler on one data directory."""

    def __init__(self, wanted: Wanted, data_dir: DataDir) -> None:
        self.wanted = wanted
        self.data_dir = data_dir
        self.watches: list[Watch] = []
        self.demo_access = ""
        self.simulators = ""

    def start(self) -> None:
        """Servers, schema, processes, demo data; done when the web server is ready. Raises CannotStart, BadSettings."""
        ours = given()
        embedded = Embedded(self.data_dir, ours)
        variables = self._variables(embedded, ours)
        settings = load_settings(**{name.lower(): value for name, value in variables.items()})
        logs.configure(settings.log_level, settings.log_format)
        for server in embedded.servers:
            self._start(server)
        embedded.create_database()
        require_database(settings.database_url)
        require_redis(settings.redis_url)
        _migrate(settings.database_url)
        self.data_dir.announce(variables)
        self._start_processes(variables)

    def greeting(self) -> str:
        """What a person needs to begin."""
        lines = (
            f"Quittance is ready at {self.wanted.address}",
            self.demo_access,
            self.simulators,
            f"All that it keeps is in {self.data_dir.path}. Ctrl-C stops it.",
        )
        return "\n".join(line for line in lines if line)

    def look(self) -> None:
        """Wait a moment, then start again whatever has fallen over."""
        time.sleep(LOOK_SECONDS)
        for watch in self.watches:
            watch.look(time.monotonic())

    def stop(self) -> None:
        """Those that use the servers finish what they do, all at the same time; then the servers end."""
        children = [watch.child for watch in self.watches]
        for child in children:
            if not isinstance(child, Server):
                child.ask_to_stop()
        for child in reversed(children):
            child.stop()

    def _start(self, child: Child) -> None:
        self.watches.append(Watch(child))  # before it starts: what fails half way is stopped, too
        child.start()

    def _start_processes(self, variables: Variables) -> None:
        def process(name: str, *options: str) -> Child:
            return Child(name, Program((*QUITTANCE, name, *options), variables))

        self._start(process("web", "--host", self.wanted.host, "--port", str(self.wanted.port)))
        if self.wanted.demo:
            self.demo_access = self._demo(variables)  # before anybody works: the demo lives through its past in order
        if self.wanted.simulators_port:
            self.simulators = self._simulate(self.wanted.simulators_port, variables)
        self._start(process("worker"))
        self._wait_until_ready()
        self._start(process("scheduler"))

    def _variables(self, embedded: Embedded, ours: Variables) -> Variables:
        """What all processes are told: what is set wins over what we know ourselves."""
        return {
            "BASE_URL": self.wanted.address,
            "QUITTANCE_DATA_DIR": str(self.data_dir.path),
            **embedded.variables,
            **self.data_dir.keep_secrets(),
            **ours,
        }

    def _demo(self, variables: Variables) -> str:
        """How to sign in to the demo, which is made in an empty database. It is kept: a key can be shown only once."""
        if not schema.has_tenants(variables["DATABASE_URL"]):
            words = [*QUITTANCE, "seed"]
            environment = {**os.environ, **variables}
            seeding = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
            if seeding.returncode:
                raise CannotStart("The demo data cannot be made, see above; --no-demo goes without.", "demo_failed")
            self.data_dir.remember(DEMO_ACCESS, f"Sign in as\n{seeding.stdout.rstrip()}")
        return self.data_dir.recall(DEMO_ACCESS)

    def _simulate(self, first_port: int, variables: Variables) -> str:
        """What is to be known of the simulated gateways, which are served and connected from now on."""
        simulators = Simulators(first_port, self.data_dir, variables)
        greeting = simulators.greeting
        self._start(simulators)
        return greeting

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while obstacle := _obstacle(self.wanted.address):
            if time.monotonic() > deadline:
                raise CannotStart(f"The web server does not get ready: {obstacle}", "not_ready")
            self.look()


def _migrate(database_url: str) -> None:
    try:
        schema.upgrade(database_url)
    except (SQLAlchemyError, CommandError) as error:
        reason = str(error).partition("\n")[0]
        raise CannotStart(f"The database cannot be brought up to date: {reason}", "migration_failed") from None


def _obstacle(address: str) -> str:
    """What keeps the web server from being ready; empty when nothing does."""
    try:
        urllib.request.urlopen(f"{address}/health/ready", timeout=5).close()  # noqa: S310  (our own address)
    except urllib.error.HTTPError as error:
        return error.read().decode(errors="replace")
    except OSError as error:
        return str(error)
    return ""
