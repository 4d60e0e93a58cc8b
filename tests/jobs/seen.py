"""Jobs that tell what they saw. They run in the process of the test, whose worker does not fork."""

from collections.abc import Callable
from typing import NamedTuple

from flask import current_app

from app.logs import request_id


class Seen(NamedTuple):
    """What a job found around it."""

    ids: tuple[str, ...]
    app: str
    request_id: str | None


jobs: list[Seen] = []
meanwhile: list[Callable[[], object]] = []


def look(*ids: str) -> None:
    """Note what is around, and do what the test wants done meanwhile."""
    jobs.append(Seen(ids, current_app.name, request_id()))
    while meanwhile:
        meanwhile.pop()()


def fail(*ids: str) -> None:
    """Fall over."""
    look(*ids)
    raise ValueError("this job fails")
