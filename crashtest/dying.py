"""A process that does one act and is killed, as by `kill -9`, when it reaches its n-th point."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from typing import Any

import httpx
import requests
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.config import Settings
from app.db import tenant_scope
from app.extensions import db
from app.factory import assemble
from app.gateways.sandbox_bank import SandboxBank

SECONDS = 60
Act = Callable[..., Any]
_processes = get_context("forkserver")


@dataclass(frozen=True, slots=True)
class Errand:
    """One act for one process: it dies at the point of this number, counted from 1; at none for 0."""

    act: Act
    words: tuple[Any, ...]
    point: int


@dataclass(frozen=True, slots=True)
class Fate:
    """How an errand ended: killed at a `step`, or with what the act gave."""

    killed: bool
    step: str = ""
    gave: Any = None


class Hung(Exception):
    """A process neither ended nor died."""


def run(settings: Settings, tenant_id: str, errands: Sequence[Errand]) -> list[Fate]:
    """Run these errands at the same time, each in a process of its own; gives how they ended."""
    _import_once()
    running = [_start(settings, tenant_id, errand) for errand in errands]
    return [_fate(*one) for one in running]


def _start(settings: Settings, tenant_id: str, errand: Errand) -> tuple[Any, Connection, Errand]:
    ours, theirs = _processes.Pipe(duplex=False)
    process = _processes.Process(target=_work, args=(settings, tenant_id, errand, theirs))
    process.start()
    theirs.close()
    return process, ours, errand


def _fate(process: Any, ours: Connection, errand: Errand) -> Fate:
    """Raises Hung, and RuntimeError for a process that fell over by itself."""
    process.join(SECONDS)
    if process.exitcode is None:
        process.kill()
        raise Hung(f"{errand.act.__name__}{errand.words} has not ended after {SECONDS} seconds")
    told = ours.recv() if ours.poll() else None
    if process.exitcode == -signal.SIGKILL:
        return Fate(True, step=str(told))
    if process.exitcode:
        raise RuntimeError(f"{errand.act.__name__}{errand.words} ended with {process.exitcode}")
    return Fate(False, gave=told)


def _work(settings: Settings, tenant_id: str, errand: Errand, told: Connection) -> None:
    app = assemble(settings)
    with app.app_context(), tenant_scope(tenant_id):
        _watch(Points(errand.point, told))
        told.send(errand.act(app, *errand.words))


@cache
def _import_once() -> None:
    """Fork the processes off one that has imported everything. It looks for modules where its environment says so."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    _processes.set_forkserver_preload([__name__, "crashtest.preloaded"])
    forkserver.ensure_running()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


class Points:
    """Counts the points that a process reaches, and ends it at the last one."""

    def __init__(self, last: int, told: Connection) -> None:
        self._left = last
        self._told = told

    def reach(self, step: str) -> None:
        """One more; the process says where it is, and is no more, if this was the last."""
        self._left -= 1
        if not self._left:
            self._told.send(step)
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, verb: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        """The same verb, with a point before and one after it."""

        @wraps(verb)
        def watched(*words: Any, **options: Any) -> Any:
            step = name(*words, **options)
            self.reach(f"before {step}")
            result = verb(*words, **options)
            self.reach(f"after {step}")
            return result

        return watched


def _watch(points: Points) -> None:
    """Put points around each commit that writes, and around each request to a gateway."""
    _watch_commits(points)
    for owner, verb, name in _CALLS:
        setattr(owner, verb, points.around(getattr(owner, verb), name))


def _watch_commits(points: Points) -> None:
    def before(session: Session) -> None:
        if session.info.get("writing"):
            points.reach("before a commit")

    def after(session: Session) -> None:
        if session.info.get("writing"):
            points.reach("after a commit")

    event.listen(db.session, "before_commit", before)
    event.listen(db.session, "after_commit", after)


def _sent(_adapter: Any, request: requests.PreparedRequest, **_options: Any) -> str:
    return f"a {request.method} to the gateway"


def _sent_by_httpx(_transport: Any, request: httpx.Request) -> str:
    return f"a {request.method} to the gateway"


def _booked(*_words: Any, **_options: Any) -> str:
    return "the sandbox bank's booking"


# Every SDK ends in one of these.
_CALLS: tuple[tuple[Any, str, Callable[..., str]], ...] = (
    (requests.adapters.HTTPAdapter, "send", _sent),
    (httpx.HTTPTransport, "handle_request", _sent_by_httpx),
    (SandboxBank, "charge", _booked),
    (SandboxBank, "refund", _booked),
)
