"""`python -m bench [NAME …]`: run all benches, or those named, print a table and write bench/results.json.

A bench is a file with `run() -> Sequence[Figure]`. They are figures, not tests: whoever reads them judges.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from bench import figures

BENCHES = (
    "renewals",
    "renewals_growth",
    "renewals_workers",
    "usage_intake",
    "usage_aggregation",
    "webhooks",
    "gateway_calls",
    "reconciliation",
)


def main(names: Sequence[str]) -> None:
    """Run the benches of these names, all of them for none."""
    if unknown := sorted(set(names).difference(BENCHES)):
        sys.exit(f"There is no bench {', '.join(unknown)}: choose from {', '.join(BENCHES)}.")
    print(figures.heading())
    for name in names or BENCHES:
        found = import_module(f"bench.{name}").run()
        figures.keep(found)
        for figure in found:
            print(figures.line(figure), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
