"""Whether a full table slows renewals: those due in a table of no others, and in one of a hundred times as many.

Both are renewed in turns, some at a time, so that whatever else the machine does meanwhile slows both alike.
"""

import os
from collections.abc import Sequence
from datetime import timedelta
from itertools import cycle
from random import Random

from bench.crowd import Crowd
from bench.figures import Figure
from bench.lab import Lab, lab
from bench.renewals import START, TURN, Run, renew

DUE = int(os.environ.get("RENEWALS_DUE", "10000"))
AMONG = int(os.environ.get("RENEWALS_AMONG", "1000000"))
ROUNDS = 5
INSTANTS = [TURN + timedelta(minutes=place) for place in range(ROUNDS)]
NEXT_YEAR = START + timedelta(days=400)


def run() -> Sequence[Figure]:
    """Renewals in a second among many, against as many alone; and the memory of both."""
    with lab() as empty, lab() as full:
        _grow(empty, DUE)
        _grow(full, AMONG)
        runs = [(renew(full, at), renew(empty, at)) for at in INSTANTS]
    among, alone = [full for full, _ in runs], [empty for _, empty in runs]
    return [
        Figure("renewals_growth", _rate(among), _rate(alone), "renewals/s"),
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


def _memory(runs: Sequence[Run]) -> float:
    return max(run.megabytes for run in runs)
