"""The `quittance` command as a person runs it: a process of its own, seen by what it prints and how it ends.

Most of a short command's time goes to importing the application. Commands are therefore forked from a process that has
imported it already; `QUITTANCE` is the real beginning of one, for those that must be started like that.
"""

import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import NamedTuple

import psutil

from app import cli
from app.config import Settings
from app.processes import wait_until

QUITTANCE = (sys.executable, "-m", "app.cli")
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "BASE_URL", "QUITTANCE_DATA_DIR")
PATIENCE = 120.0

_prepared = multiprocessing.get_context("forkserver")
_prepared.set_forkserver_preload(["app.cli", "app.jobs.schedule", "app.services.demo"])


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


class Running:
    """A command at work."""

    def __init__(self, *words: str, **variables: str) -> None:
        self._said = Path(tempfile.mkdtemp(dir=os.environ.get("QUITTANCE_TEST_RUN")))
        self._process = _prepared.Process(target=_perform, args=(words, surroundings(variables), self._said))
        self._process.start()

    def wait(self) -> Done:
        """Let it come to its end."""
        self._process.join(PATIENCE)
        assert self._process.exitcode is not None, f"it still runs after {PATIENCE} s"
        return Done(self._process.exitcode, (self._said / "1").read_text(), (self._said / "2").read_text())


def quittance(*words: str, **variables: str) -> Done:
    """Run a command to its end."""
    return Running(*words, **variables).wait()


def _perform(words: tuple[str, ...], variables: dict[str, str], said: Path) -> None:
    os.environ.clear()
    os.environ.update(variables)
    for stream in (1, 2):
        os.dup2(os.open(said / str(stream), os.O_WRONLY | os.O_CREAT, 0o600), stream)
    cli.main(words)


def surroundings(variables: dict[str, str]) -> dict[str, str]:
    """The variables of this process without those that would lead a command to other servers."""
    return {name: value for name, value in os.environ.items() if name not in OURS} | variables


def quittance_variables(settings: Settings, **others: str) -> dict[str, str]:
    """The variables that lead a process to the servers of these settings."""
    ours = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "QUITTANCE_DATA_DIR": str(settings.quittance_data_dir),
        "BASE_URL": settings.base_url,
    }
    return surroundings({**ours, **others})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as ear:
        return int(ear.getsockname()[1])


def command_line(process: psutil.Process) -> str:
    """What a process was started with; nothing for one that is gone."""
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


def all_gone(processes: list[psutil.Process]) -> bool:
    """Whether they end within a while."""
    return wait_until(lambda: not any(command_line(process) for process in processes), 30)


class Up:
    """A `quittance up` on a data directory, which can be ended and started again."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.data_dir = data_dir
        self.options = options
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._errors = data_dir.with_suffix(".errors")
        self.greeting = self.start()

    def start(self) -> str:
        """Start it; gives what it prints when it is ready."""
        words = [*QUITTANCE, "up", "--data-dir", str(self.data_dir), "--port", str(self.port), *self.options]
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                words, env=surroundings({}), stdout=subprocess.PIPE, stderr=errors, text=True
            )
        lines = []
        for line in self.process.stdout or ():
            lines.append(line)
            if "Ctrl-C" in line:
                return "".join(lines)
        raise AssertionError(f"it ended with {self.process.wait()}: {self.errors()}")

    def errors(self) -> str:
        return self._errors.read_text()

    def answers(self) -> bool:
        try:
            return bool(urllib.request.urlopen(f"{self.address}/health/ready", timeout=5).status == 200)
        except OSError:
            return False

    def child(self, pattern: str) -> psutil.Process | None:
        """The process directly below it whose command line matches."""
        children = psutil.Process(self.process.pid).children()
        return next((child for child in children if re.search(pattern, command_line(child))), None)

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send it a signal and give its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)
