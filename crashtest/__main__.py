"""`python -m crashtest [--kills 100] [--seed 7]`: kill so many processes, and say whether the books agree.

The last line is `N kills, N faults, D charged twice, L lost, U unresolved`; it ends with 1 if D, L or U is not 0. A run
is repeated by its seed, as far as what processes do at the same time can be repeated.
"""

import argparse
import secrets
import sys
import time
from collections.abc import Iterator

from crashtest import operations
from crashtest.books import Differences
from crashtest.rounds import CrashTest
from crashtest.town import town

KILLS = 100


def main() -> None:
    """Run, and print what was reached and what was found."""
    parser = argparse.ArgumentParser(prog="python -m crashtest", description="Kill processes, and compare the books.")
    parser.add_argument("--kills", type=int, default=KILLS, help=f"so many, {KILLS} if not given")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="any, if not given")
    options = parser.parse_args()
    begun = time.monotonic()
    print(f"SEED={options.seed} KILLS={options.kills}", flush=True)
    with town() as place:
        test = CrashTest(place, options.kills, options.seed)
        found = test.run(lambda line: print(line, flush=True))
    print(*told(test, found, time.monotonic() - begun), sep="\n")
    sys.exit(bool(found))


def told(test: CrashTest, found: Differences, seconds: float) -> Iterator[str]:
    """Where processes were killed, each difference, and the sums."""
    for (gateway, act, step), times in sorted(test.steps.items()):
        yield f"{gateway:<10} {act:<16} {step:<40} {times}"
    yield from operations.table(test.town.gateways, test.steps)
    yield from found
    yield f"{seconds:.0f} s"
    yield (
        f"{test.killed} kills, {test.faults} faults, {len(found.twice)} charged twice, {len(found.lost)} lost, "
        f"{len(found.unresolved)} unresolved"
    )


if __name__ == "__main__":
    main()
