"""`python -m simulators --port 18100 [--books DIRECTORY]`: all simulators, one port after the other, until Ctrl-C.

`--list` says which ones, in the order of their ports, and serves nothing.
"""

import argparse
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from simulators import SIMULATORS, simulator_class
from simulators.wire import served

FIRST_PORT = 18100


def main(words: Sequence[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; prints one line for each simulator, its name and its address."""
    parser = argparse.ArgumentParser(prog="python -m simulators", description="Payment gateways on loopback.")
    parser.add_argument("--port", type=int, default=FIRST_PORT, help="the first one's, the others follow; 0 for any")
    parser.add_argument("--books", type=Path, help="keep their books in this directory; else they forget at the end")
    parser.add_argument("--list", action="store_true", help="say which ones there are, and end")
    options = parser.parse_args(words)
    if options.list:
        print("\n".join(SIMULATORS))  # noqa: T201
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as running:
        for number, name in enumerate(SIMULATORS):
            books = options.books / f"{name}.json" if options.books else None
            port = options.port and options.port + number
            simulator = running.enter_context(served(simulator_class(name)(books), port))
            print(f"{name} {simulator.url}", flush=True)  # noqa: T201
        try:
            signal.pause()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
