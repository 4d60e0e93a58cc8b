"""`quittance up`: one command, one parent, and a clean end however it is asked for."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.datadir import DataDir
from app.household import Household, Wanted
from app.startup import CannotStart, require_free_port
from app.surroundings import turn

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def up(wanted: Wanted, say: Callable[[str], None]) -> None:
    """Run everything until a stop signal. Raises CannotStart or BadSettings, and leaves nothing running."""
    require_free_port(wanted.host, wanted.port)
    data_dir = DataDir.at(wanted.data_dir)
    with turn(data_dir) as announced:
        if announced is not None:
            raise CannotStart(
                f"quittance up runs on {data_dir.path} already, at {announced['BASE_URL']}.", "already_running"
            )
        household = Household(wanted, data_dir)
        with _interrupted_by_signals():
            try:
                household.start()
                say(household.greeting())
                while True:
                    household.look()
            except KeyboardInterrupt:
                say("Stopping.")
            finally:
                _ignore_signals()
                household.stop()


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Let every stop signal do what Ctrl-C does: interrupt, so that what was started can be stopped."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def _ignore_signals() -> None:
    """While stopping: a second Ctrl-C would leave servers behind."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
