"""The simulated gateways under `quittance up --simulators`: a service, and at each start the demo's accounts at it."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from functools import cached_property
from importlib.util import find_spec

from app.datadir import DataDir, Variables
from app.processes import Child, Program, wait_until
from app.startup import CannotStart, require_free_port

MODULE = "simulators"  # of a checkout; the application never imports it
HOST = "127.0.0.1"
READY_SECONDS = 30.0


class Simulators(Child):
    """One port for each gateway, from `first_port` on, in the order in which the package names them."""

    def __init__(self, first_port: int, data_dir: DataDir, variables: Variables) -> None:
        self.first_port = first_port
        self.variables = variables
        self.books = data_dir.path / MODULE
        words = (sys.executable, "-m", MODULE, "--port", str(first_port), "--books", str(self.books))
        super().__init__(MODULE, Program(words, variables, log=self.books / "log.txt"))

    def start(self) -> None:
        """Serve them, and tell them and the demo seller of each other. Raises CannotStart."""
        for port in range(self.first_port, self.first_port + len(self.names)):
            require_free_port(HOST, port, "--simulators-port")
        self.books.mkdir(exist_ok=True)
        super().start()
        last = self.first_port + len(self.names) - 1
        if not wait_until(lambda: _listens(last) or not self.running(), READY_SECONDS) or not self.running():
            raise CannotStart(f"The simulators do not start; {self.books / 'log.txt'} says why.", "simulators_failed")
        self._connect()

    @cached_property
    def names(self) -> list[str]:
        """The gateways that are simulated, in the order of their ports. Raises CannotStart without the package."""
        if find_spec(MODULE) is None:
            raise CannotStart("The simulators are part of a checkout of the source, not of this one.", "no_simulators")
        words = (sys.executable, "-m", MODULE, "--list")
        return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.split()  # noqa: S603

    @property
    def greeting(self) -> str:
        """What a person needs to know of them."""
        last = self.first_port + len(self.names) - 1
        return f"Simulated gateways ({', '.join(self.names)}) at {HOST}:{self.first_port}–{last}."

    def _connect(self) -> None:
        addresses = [f"{name}=http://{HOST}:{port}" for port, name in enumerate(self.names, self.first_port)]
        words = (sys.executable, "-m", "app.cli", "simulated-accounts", *addresses)
        if subprocess.run(words, env={**os.environ, **self.variables}, check=False).returncode:  # noqa: S603
            raise CannotStart("The simulated gateways cannot be connected, see above.", "simulators_failed")


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex((HOST, port)) == 0
