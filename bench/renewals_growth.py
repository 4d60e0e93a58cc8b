"""Whether a full table slows renewals: as many due subscriptions alone, and among a hundred times as many."""

import os
from collections.abc import Sequence
from datetime import timedelta

from bench.crowd import Crowd
from bench.figures import Figure
from bench.lab import lab
from bench.renewals import START, TURN, Run, renew

DUE = int(os.environ.get("RENEWALS_DUE", "10000"))
AMONG = int(os.environ.get("RENEWALS_AMONG", "1000000"))
NEXT_YEAR = START + timedelta(days=400)


def run() -> Sequence[Figure]:
    """Renewals in a second among many, against as many alone; and the memory of both."""
    alone, among = _renewed(DUE), _renewed(AMONG)
    return [
        Figure("renewals_growth", among.turned / among.seconds, alone.turned / alone.seconds, "renewals/s"),
        Figure("renewals_growth_memory", among.megabytes, alone.megabytes, "MB"),
    ]


def _renewed(table: int) -> Run:
    """Renew those that are due of a table of so many."""
    with lab() as place:
        crowd = Crowd(place, START)
        crowd.grow(table)
        if table > DUE:
            crowd.put_off(NEXT_YEAR, DUE)
        done = renew(place)
    if done.turned != DUE:
        raise RuntimeError(f"{done.turned} were renewed by {TURN:%Y-%m-%d}, not {DUE}")
    return done
