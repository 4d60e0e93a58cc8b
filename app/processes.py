"""Processes that live and die with their parent, and are started again when they fall over."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from app import logs
from app.startup import CannotStart

PR_SET_PDEATHSIG = 1  # prctl(2)
PATIENCE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_AFTER_SECONDS = 60.0

log = logs.logger(__name__)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent(ending: signal.Signals) -> None:
    """Have the kernel send this process `ending` once the one that made it is gone, even by `kill -9`."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, ending)


class Owner(NamedTuple):
    """A user of the operating system, by number."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Program:
    """How to run a program: its words, the variables it gets besides ours, and who and what it belongs to."""

    words: Sequence[str]
    variables: Mapping[str, str] | None = None
    log: Path | None = None
    owner: Owner | None = None
    ending: signal.Signals = signal.SIGTERM

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it in a process group of its own: Ctrl-C reaches the parent only, which ends all in order."""
        output = self.log.open("ab") if self.log else None
        try:
            return subprocess.Popen(  # noqa: S603  (words of our own)
                self.words,
                env={**os.environ, **(self.variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                **self._identity(),
                start_new_session=True,
                preexec_fn=lambda: end_with_parent(self.ending),
            )
        finally:
            if output:
                output.close()

    def run(self) -> None:
        """Run it to its end. Raises CalledProcessError when that is not a good one."""
        code = self.spawn().wait()
        if code:
            raise subprocess.CalledProcessError(code, self.words)

    def _identity(self) -> dict[str, Any]:
        if self.owner is None:
            return {}
        return {"user": self.owner.uid, "group": self.owner.gid, "extra_groups": []}


class Child:
    """A service: one process and whatever that starts."""

    def __init__(self, name: str, program: Program) -> None:
        self.name = name
        self.program = program
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = self.program.spawn()

    def running(self) -> bool:
        if self._process and self._process.poll() is not None:
            self._bury(self._process)
        return self._process is not None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def ask_to_stop(self) -> None:
        """Let it finish what it is doing; `stop` waits for that."""
        if self.running() and self._process:
            self._process.send_signal(self.program.ending)

    def stop(self) -> None:
        """End it and everything it started; what does not end in time is killed."""
        self.ask_to_stop()
        if self._process:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE_SECONDS)
            self._bury(self._process)

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        """Kill what is left of its group, too: a grandchild that holds the port would block the next start."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._process = None


class Watch:
    """Keeps one service running: a fall is logged and followed by a start, each time after a longer pause."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.falls = 0
        self._started_at = 0.0
        self._start_at: float | None = None

    def look(self, now: float) -> None:
        """Take one look. `now` is in seconds of a monotonic clock."""
        if self._start_at is None and not self.child.running():
            self._fell(now, "it ended")
        elif self._start_at is not None and now >= self._start_at:
            self._start_again(now)

    def _fell(self, now: float, why: str) -> None:
        self.falls = 1 if now - self._started_at > STEADY_AFTER_SECONDS else self.falls + 1
        pause = min(LONGEST_PAUSE_SECONDS, 0.25 * 2**self.falls)
        self._start_at = now + pause
        log.error("service fell over", service=self.child.name, why=why, times=self.falls, pause_seconds=pause)

    def _start_again(self, now: float) -> None:
        self._started_at, self._start_at = now, None
        try:
            self.child.start()
        except (CannotStart, OSError, subprocess.SubprocessError) as error:
            self._fell(now, str(error))
        else:
            log.info("service started again", service=self.child.name)


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again; False when it has not become true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
