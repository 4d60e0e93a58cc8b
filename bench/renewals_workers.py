"""Several workers on one tenant's due subscriptions: how fast they are together, how long one waits for another, and
that each period is billed once.

Workers wait for each other only where gapless invoice numbers are drawn, until the one before commits. That wait is
held against the longest batch of the same run, waiting not counted.

`python -m bench.renewals_workers TENANT` is such a worker; it begins when it is told to.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from app import create_app
from app.config import load_settings
from app.db import tenant_scope
from app.services import renewals
from bench.crowd import Crowd
from bench.figures import Figure
from bench.lab import Lab, lab, watched
from bench.renewals import START, TURN

COUNT = int(os.environ.get("RENEWALS_SHARED", "20000"))
DRAWS = "INSERT INTO number_sequences"
_BILLED = """
SELECT count(*), count(DISTINCT (subscription_id, period_start)), count(DISTINCT number),
       max(substring(number FROM '[0-9]+$')::int)
  FROM invoices WHERE period_start > %s
"""


@dataclass(slots=True)
class Work:
    """What a worker says: its turns, when it began and ended, its longest wait and its longest batch less its waits."""

    turned: int = 0
    began: float = 0.0
    ended: float = 0.0
    wait: float = 0.0
    batch: float = 0.0


def run() -> Sequence[Figure]:
    """Two and four workers against one, each on as many subscriptions."""
    with lab() as place:
        crowd = Crowd(place, START)
        works = {workers: _renewed(place, crowd, workers) for workers in (1, 2, 4)}
        _check(place, COUNT * len(works))
    return [figure for workers in (2, 4) for figure in _figures(workers, works[workers], works[1])]


def _figures(workers: int, works: Sequence[Work], alone: Sequence[Work]) -> Sequence[Figure]:
    wait, batch = max(work.wait for work in works), max(work.batch for work in works)
    return [
        Figure(f"renewals_by_{workers}", _rate(works), _rate(alone), "renewals/s"),
        Figure(f"renewals_by_{workers}_longest_wait", wait, batch, "s, and of the longest batch"),
    ]


def _rate(works: Sequence[Work]) -> float:
    took = max(work.ended for work in works) - min(work.began for work in works)
    return sum(work.turned for work in works) / took


def _renewed(place: Lab, crowd: Crowd, workers: int) -> list[Work]:
    """Have so many workers renew COUNT subscriptions."""
    crowd.grow(COUNT)
    words = (sys.executable, "-m", "bench.renewals_workers", place.tenant_id)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(words, env=os.environ | place.variables, **pipes) for _ in range(workers)]
    for child in children:
        child.stdout.readline()  # it is ready
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    return [Work(**json.loads(child.communicate()[0].splitlines()[-1])) for child in children]


def _check(place: Lab, expected: int) -> None:
    """Every subscription has exactly one invoice for its new period, and no number is missing or given twice."""
    with place.bare() as bare:
        found = bare.execute(_BILLED, (START,)).fetchone()
    sold = 2  # the invoices of what is multiplied
    if found != (expected, expected, expected, expected + sold):
        raise RuntimeError(f"invoices, periods, numbers and the last of these are {found}, not {expected}")


def main() -> None:
    """Wait for the word, renew, and say how it went."""
    app, work = create_app(load_settings()), Work()
    with app.app_context(), tenant_scope(sys.argv[1]), _watching(work):
        print("ready", flush=True)
        sys.stdin.readline()
        work.began = time.time()
        work.turned = renewals.renew_due(TURN)
        work.ended = time.time()
    print(json.dumps(asdict(work)))


@contextmanager
def _watching(work: Work) -> Iterator[None]:
    """Time each batch, and in it the statement that may wait for other workers."""
    waits: list[float] = []

    def note(statement: str, seconds: float) -> None:
        if DRAWS in statement:
            waits.append(seconds)

    def end(seconds: float) -> None:
        work.wait = max(work.wait, sum(waits))
        work.batch = max(work.batch, seconds - sum(waits))
        waits.clear()

    with watched(note, end):
        yield


if __name__ == "__main__":
    main()
