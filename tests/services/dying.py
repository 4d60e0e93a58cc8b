"""Work in a process of its own that is killed, as by `kill -9`, at a chosen step of claim, call, record."""

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from functools import cache, wraps
from itertools import chain, count
from multiprocessing import forkserver, get_context
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.config import Settings
from app.db import tenant_scope
from app.domain.money import Money
from app.extensions import db
from app.factory import assemble
from app.gateways.sandbox_bank import SandboxBank
from app.jobs import clocks
from app.services import charging, refunds

STEPS = (
    "before the claim is committed",
    "after the claim is committed",
    "before the bank has booked",
    "after the bank has booked",
    "before the record is committed",
    "after the record is committed",
)
SECONDS = 60
_processes = get_context("forkserver")


def killed_while(settings: Settings, tenant_id: str, step: str, work: Callable[..., Any], *words: Any) -> int | None:
    """Let a process do the work until it reaches the step; gives the signal that ended it, None if it lived on."""
    _import_once()
    process = _processes.Process(target=_work_until, args=(settings, tenant_id, step, work, words))
    process.start()
    process.join(SECONDS)
    return -process.exitcode if process.exitcode else None


def charge(invoice_id: str, at: datetime) -> None:
    """Collect an invoice."""
    charging.collect(invoice_id, at)


def refund(payment_id: str, minor: int, at: datetime) -> None:
    """Send money back."""
    refunds.refund(payment_id, Money(minor, "CAD"), at)


def jump(clock_id: str, seconds: float) -> None:
    """Move a clock that is advancing, as a worker does it."""
    clocks.move(clock_id, seconds)


@cache
def _import_once() -> None:
    """Fork the processes off one that has imported everything. It looks for modules where its environment says so."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    _processes.set_forkserver_preload([__name__])
    forkserver.ensure_running()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def _work_until(
    settings: Settings, tenant_id: str, step: str, work: Callable[..., Any], words: tuple[Any, ...]
) -> None:
    app = assemble(settings)
    with app.app_context(), tenant_scope(tenant_id):
        _watch_commits(step)
        _watch_bank(step)
        work(*words)


def _reach(step: str, last: str) -> None:
    if step == last:
        os.kill(os.getpid(), signal.SIGKILL)


def _watch_commits(last: str) -> None:
    """The first transaction that writes is the claim, the second the record; of longer work come the third write …"""
    names = chain(("claim", "record"), (f"write {number}" for number in count(3)))
    now: list[str] = []

    def before(session: Session) -> None:
        if session.info.get("writing"):
            now[:] = [next(names)]
            _reach(f"before the {now[0]} is committed", last)

    def after(session: Session) -> None:
        if session.info.get("writing"):
            _reach(f"after the {now[0]} is committed", last)

    event.listen(db.session, "before_commit", before)
    event.listen(db.session, "after_commit", after)


def _watch_bank(last: str) -> None:
    for verb in ("charge", "refund"):
        setattr(SandboxBank, verb, _watched(getattr(SandboxBank, verb), last))


def _watched(book: Callable[..., Any], last: str) -> Callable[..., Any]:
    @wraps(book)
    def booked(*words: Any) -> Any:
        _reach("before the bank has booked", last)
        result = book(*words)
        _reach("after the bank has booked", last)
        return result

    return booked
