"""Renewals: due subscriptions billed by one process, against the same rows written bare (bench/floor.py).

`RENEWALS=1000000 make bench ONLY=renewals` bills a million, which takes half an hour and 15 GB of disk, and shows
whether memory stays flat.

`python -m bench.renewals TENANT` is that process: it renews what is due at each instant that it is told.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
from sqlalchemy import text

from app import create_app
from app.config import load_settings
from app.db import session, tenant_scope
from app.services import renewals
from bench.crowd import Crowd
from bench.figures import Figure
from bench.floor import Floor
from bench.lab import Lab, lab, watched

COUNT = int(os.environ.get("RENEWALS", "100000"))
START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
TURN = START + timedelta(days=40)
MEGABYTE = 1024  # of what the kernel counts in


@dataclass(frozen=True, slots=True)
class Run:
    """What a worker process says of its work; `cpu` are the seconds of a processor that it and its database session
    took, and `statements` are those of the batch that took the most, once warm."""

    turned: int
    seconds: float
    cpu: float
    megabytes: float
    statements: int


def run() -> Sequence[Figure]:
    """Renewals in a second, ours and the floor's; then what they took."""
    with lab() as place:
        crowd = Crowd(place, START)
        crowd.grow(COUNT)
        floor = Floor(place, TURN)
        ours = renew(place)
        if ours.turned != COUNT:
            raise RuntimeError(f"{ours.turned} were renewed, not {COUNT}")
        bare = sum(floor.seconds(renewals.BATCH))
    return [
        Figure("renewals", ours.turned / ours.seconds, ours.turned / bare, "renewals/s"),
        Figure("renewals_statements", ours.statements, 10, "statements/batch"),
        Figure("renewals_memory", ours.megabytes, 300, "MB"),
    ]


def renew(place: Lab, at: datetime = TURN) -> Run:
    """Renew all that is due at an instant, in a process of its own."""
    with worker(place) as renew_at:
        return renew_at(at)


@contextmanager
def worker(place: Lab) -> Iterator[Callable[[datetime], Run]]:
    """A process that lives as long as the block, to renew all that is due at one instant after the other."""
    words = (sys.executable, "-m", "bench.renewals", place.tenant_id)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, env=os.environ | place.variables, **pipes) as child:

        def renew_at(at: datetime) -> Run:
            print(at.isoformat(), file=child.stdin, flush=True)
            return Run(**json.loads(child.stdout.readline()))

        yield renew_at


def main() -> None:
    """Renew, and say what each time took."""
    app = create_app(load_settings())
    with app.app_context(), tenant_scope(sys.argv[1]):
        for line in sys.stdin:
            print(json.dumps(asdict(_run(datetime.fromisoformat(line.strip())))), flush=True)


def _run(at: datetime) -> Run:
    counted: list[int] = []
    database = psutil.Process(session().execute(text("SELECT pg_backend_pid()")).scalar_one())
    with _counting(counted):
        started, cpu = time.perf_counter(), _cpu(database)
        turned = renewals.renew_due(at)
        seconds, cpu = time.perf_counter() - started, _cpu(database) - cpu
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
    steady = counted[1:-1] or counted  # the first batch also reads what the others share, the last one finds nothing
    return Run(turned, seconds, cpu, megabytes, max(steady))


def _cpu(database: psutil.Process) -> float:
    """Seconds that this process and another one have kept processors busy by now."""
    theirs = database.cpu_times()
    return time.process_time() + theirs.user + theirs.system


@contextmanager
def _counting(counted: list[int]) -> Iterator[None]:
    """Count the statements of each batch."""
    sent: list[str] = []

    def end(_seconds: float) -> None:
        counted.append(len(sent))
        sent.clear()

    with watched(lambda statement, _seconds: sent.append(statement), end):
        yield


if __name__ == "__main__":
    main()
