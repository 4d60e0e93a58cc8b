"""When to leave a gateway alone: after failures in a row, for a pause that grows, and then one try at a time."""

from datetime import timedelta

FAILURES = 5  # in a row, before an account is left alone
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
LONGEST_WAIT = timedelta(hours=1)  # however long a gateway asks us to wait
UNTOLD_WAIT = timedelta(seconds=10)  # when it says “too many requests” and not until when


def pause_after(failures: int) -> timedelta | None:
    """How long to leave a gateway alone after so many failures in a row; None for not at all.

    >>> pause_after(4), pause_after(5), pause_after(7)
    (None, datetime.timedelta(seconds=30), datetime.timedelta(seconds=120))
    """
    if failures < FAILURES:
        return None
    doublings: int = 1 << min(failures - FAILURES, 10)
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)


def wait_for(retry_after: int | None) -> timedelta:
    """How long to wait after “too many requests”; `retry_after` is what the gateway asks for, in seconds."""
    return UNTOLD_WAIT if retry_after is None else min(timedelta(seconds=max(retry_after, 1)), LONGEST_WAIT)
