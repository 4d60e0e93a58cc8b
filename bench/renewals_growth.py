"""Whether a full table slows renewals: those due in a table of no others, and in one of a hundred times as many.

Both are renewed in turns, some at a time, so that whatever else the machine does meanwhile slows both alike. Their rows
written bare (bench/floor.py), in turns as well, show how much of the difference is the database's own.
"""

import os
from collections.abc import Sequence
from datetime import timedelta
from itertools import cycle
from random import Random

from app.services import renewals
from bench.crowd import Crowd
from bench.figures import Figure
from bench.floor import Floor
from bench.lab import Lab, lab
from bench.renewals import START, TURN, Run, worker

DUE = int(os.environ.get("RENEWALS_DUE", "10000"))
AMONG = int(os.environ.get("RENEWALS_AMONG", "1000000"))
ROUNDS = 5
INSTANTS = [TURN + timedelta(minutes=place) for place in range(ROUNDS)]
NEXT_YEAR = START + timedelta(days=400)


def run() -> Sequence[Figure]:
    """Renewals in a second among many, against as many alone; the same of the floor, which shows what of it the
    database costs; and the memory of both."""
    with lab() as empty, lab() as full:
        _grow(empty, DUE)
        _grow(full, AMONG)
        floors = Floor(full, INSTANTS[-1]), Floor(empty, INSTANTS[-1])
        with worker(full) as in_full, worker(empty) as in_empty:
            runs = [(in_full(at), in_empty(at)) for at in INSTANTS]
        bare = list(zip(*(floor.seconds(renewals.BATCH) for floor in floors), strict=True))
    among, alone = [full for full, _ in runs], [empty for _, empty in runs]
    bare_among, bare_alone = (DUE / sum(seconds) for seconds in zip(*bare, strict=True))
    return [
        Figure("renewals_growth", _rate(among), _rate(alone), "renewals/s"),
        Figure("renewals_growth_cpu", _cpu(among), _cpu(alone), "µs of a processor"),
        Figure("renewals_growth_floor", bare_among, bare_alone, "renewals/s"),
        Figure("renewals_alone", _rate(alone), bare_alone, "renewals/s"),
        Figure("renewals_among", _rate(among), bare_among, "renewals/s"),
        Figure("renewals_growth_memory", _memory(among), _memory(alone), "MB"),
    ]


def _grow(place: Lab, table: int) -> None:
    """A table of so many subscriptions. DUE of them, from all over it, fall due, some at each of INSTANTS."""
    due = [NEXT_YEAR] * table
    for position, at in zip(Random(table).sample(range(table), DUE), cycle(INSTANTS), strict=False):
        due[position] = at
    Crowd(place, START).grow(table, due)


def _rate(runs: Sequence[Run]) -> float:
    turned = sum(run.turned for run in runs)
    if turned != DUE:
        raise RuntimeError(f"{turned} were renewed by {INSTANTS[-1]:%Y-%m-%d}, not {DUE}")
    return turned / sum(run.seconds for run in runs)


def _cpu(runs: Sequence[Run]) -> float:
    """Microseconds for one renewal. Other work on the machine hardly changes it."""
    return sum(run.cpu for run in runs) / DUE * 1_000_000


def _memory(runs: Sequence[Run]) -> float:
    return max(run.megabytes for run in runs)
