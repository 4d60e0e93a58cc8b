"""Renewals: due subscriptions billed by one process, against the same rows written bare (bench/floor.py).

`python -m bench.renewals TENANT INSTANT` is that process.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from app import create_app
from app.config import load_settings
from app.db import tenant_scope
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
    """What a worker process says of its work; `statements` are those of the batch that took the most, once warm."""

    turned: int
    seconds: float
    megabytes: float
    statements: int


def run() -> Sequence[Figure]:
    """Renewals in a second, ours and the floor's; then what they took."""
    with lab() as place:
        crowd = Crowd(place, START)
        crowd.grow(COUNT)
        floor = Floor(place)
        ours = renew(place)
        if ours.turned != COUNT:
            raise RuntimeError(f"{ours.turned} were renewed, not {COUNT}")
        bare = floor.seconds(renewals.BATCH)
    return [
        Figure("renewals", ours.turned / ours.seconds, ours.turned / bare, "renewals/s"),
        Figure("renewals_statements", ours.statements, 10, "statements/batch"),
        Figure("renewals_memory", ours.megabytes, 300, "MB"),
    ]


def renew(place: Lab, at: datetime = TURN) -> Run:
    """Renew all that is due at an instant, in a process of its own."""
    words = (sys.executable, "-m", "bench.renewals", place.tenant_id, at.isoformat())
    done = subprocess.run(words, env=os.environ | place.variables, stdout=subprocess.PIPE, text=True, check=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Renew, and say what it took."""
    app = create_app(load_settings())
    counted: list[int] = []
    with app.app_context(), tenant_scope(sys.argv[1]), _counting(counted):
        started = time.perf_counter()
        turned = renewals.renew_due(datetime.fromisoformat(sys.argv[2]))
        seconds = time.perf_counter() - started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
    steady = counted[1:-1] or counted  # the first batch also reads what the others share, the last one finds nothing
    print(json.dumps(asdict(Run(turned, seconds, megabytes, max(steady)))))


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
