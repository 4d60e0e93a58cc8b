"""Processes that are killed, as by `kill -9`, when they reach their n-th point: with one act to do, or a real command.

They are forked off one that has imported everything, which takes the longest by far.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver, get_context, set_start_method
from multiprocessing.connection import Connection
from typing import Any

from app import cli
from app.config import Settings
from app.db import tenant_scope
from app.factory import assemble
from app.processes import end_with_parent
from crashtest.acts import Act
from crashtest.bank import fail_at_random
from crashtest.points import Points, watch

SECONDS = 60
FAULT_RATE = 0.25
# What a slow gateway does after our lease is over cannot be known by anybody: that is what the lease is longer for.
KINDS = (
    "rate_limit",
    "error_before",
    "error_after",
    "timeout_before",
    "timeout_after",
    "drop_before",
    "drop_after",
    "half",
    "garbage",
    "decline",
)
_processes = get_context("forkserver")


@dataclass(frozen=True, slots=True)
class Doom:
    """The point at which a process dies, counted from 1; none for 0. The sandbox fails it by the `seed`."""

    point: int
    seed: int


@dataclass(frozen=True, slots=True)
class Errand:
    """One act for one process."""

    act: Act
    words: tuple[Any, ...]
    doom: Doom


@dataclass(frozen=True, slots=True)
class Fate:
    """How a process ended: killed at a `step`, or with what its act gave. `faults` are those of the sandbox."""

    killed: bool
    step: str = ""
    gave: Any = None
    faults: int = 0


class Hung(Exception):
    """A process neither ended nor died."""


class Doomed:
    """A process that runs, and what it tells of itself."""

    def __init__(self, name: str, work: Callable[..., None], *words: Any) -> None:
        _import_once()
        self.name = name
        self._told, telling = _processes.Pipe(duplex=False)
        self._process = _processes.Process(target=work, args=(*words, telling))
        self._process.start()
        telling.close()

    @property
    def has_ended(self) -> bool:
        return not self._process.is_alive()

    def stop(self) -> Fate:
        """Let it finish what it is doing, if it still lives; as `end`."""
        self._process.terminate()
        return self.end()

    def end(self) -> Fate:
        """How it ended. Raises Hung when it does not, and RuntimeError for a process that fell over by itself."""
        self._process.join(SECONDS)
        code = self._process.exitcode
        if code is None:
            self._process.kill()
            raise Hung(f"{self.name} has not ended after {SECONDS} seconds")
        if code not in (0, -signal.SIGKILL, -signal.SIGTERM):
            raise RuntimeError(f"{self.name} ended with {code}")
        return self._fate()

    def _fate(self) -> Fate:
        heard: list[tuple[str, Any]] = []
        with suppress(EOFError):
            while True:
                heard.append(self._told.recv())
        told = dict(heard)
        faults = sum(what == "fault" for what, _ in heard)
        return Fate("killed" in told, told.get("killed", ""), told.get("gave"), faults)


def run(settings: Settings, tenant_id: str, errands: Sequence[Errand]) -> list[Fate]:
    """Run these errands at the same time, each in a process of its own; gives how they ended."""
    running = [
        Doomed(f"{errand.act.__name__}{errand.words}", _run_errand, settings, tenant_id, errand) for errand in errands
    ]
    return [process.end() for process in running]


def start(words: Sequence[str], variables: Mapping[str, str], doom: Doom) -> Doomed:
    """Start a command of `quittance`, in a process group of its own, all of which dies at the point."""
    return Doomed(" ".join(words), _run_command, words, variables, doom)


def _run_errand(settings: Settings, tenant_id: str, errand: Errand, told: Connection) -> None:
    app = assemble(settings)
    with app.app_context(), tenant_scope(tenant_id):
        _go_wrong(errand.doom, told, lambda: os.kill(os.getpid(), signal.SIGKILL))
        told.send(("gave", errand.act(app, *errand.words)))


def _run_command(words: Sequence[str], variables: Mapping[str, str], doom: Doom, told: Connection) -> None:
    end_with_parent(signal.SIGKILL)
    os.setsid()
    set_start_method("fork", force=True)  # for the processes of the web server, as in a process that nobody forked
    os.environ.update(variables)
    _go_wrong(doom, told, lambda: os.killpg(0, signal.SIGKILL))
    cli.main(words)


def _go_wrong(doom: Doom, told: Connection, die: Callable[[], None]) -> None:
    watch(Points(doom.point, lambda step: told.send(("killed", step)), die))
    fail_at_random(FAULT_RATE, doom.seed, KINDS, lambda kind: told.send(("fault", kind)))


@cache
def _import_once() -> None:
    """Start the process that the others are forked off. It looks for modules where its environment says so."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    _processes.set_forkserver_preload([__name__, "crashtest.preloaded"])
    forkserver.ensure_running()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
