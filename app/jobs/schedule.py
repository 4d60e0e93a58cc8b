"""Periodic work: one table. Every row may run at any frequency and in any number of workers without harm."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.jobs import sweeps
from app.queries.due import kinds_due


@dataclass(frozen=True, slots=True)
class Periodic:
    """A job and how often it is rung for."""

    name: str
    every_seconds: int
    job: str


PERIODIC: tuple[Periodic, ...] = (
    Periodic("relay", 5, "app.jobs.sweeps.relay"),
    Periodic("tasks", 5, "app.jobs.sweeps.run_tasks"),
    Periodic("notices", 5, "app.jobs.sweeps.follow_notices"),
    Periodic("mails", 5, "app.jobs.sweeps.send_mails"),
    Periodic("checks", 10, "app.jobs.sweeps.check_payments"),
    Periodic("chains", 10, "app.jobs.sweeps.watch_chains"),
    Periodic("usage alerts", 60, "app.jobs.sweeps.check_usage"),
    Periodic("renewals", 60, "app.jobs.sweeps.renew"),
    Periodic("corrections", 60, "app.jobs.sweeps.correct_usage"),
    Periodic("drafts", 60, "app.jobs.sweeps.finalize"),
    Periodic("credit note refunds", 60, "app.jobs.sweeps.refund_credit_notes"),
    Periodic("dunning", 60, "app.jobs.sweeps.dun"),
    Periodic("expiry warnings", 900, "app.jobs.sweeps.warn"),
    Periodic("test clocks", 5, "app.jobs.clocks.advance_all"),
    Periodic("reconciliation", 900, "app.jobs.sweeps.reconcile"),
    Periodic("old keys", 3600, "app.jobs.sweeps.forget_keys"),
    Periodic("collections", 30, "app.jobs.sweeps.collect"),
)

# What each does of what falls due, in the order in which one leads to the next.
ROUND: Mapping[Callable[[datetime], int], frozenset[str]] = {
    sweeps.check_usage: frozenset({"usage_checks"}),
    sweeps.renew: frozenset({"renewals"}),
    sweeps.correct_usage: frozenset({"recounts"}),
    sweeps.finalize: frozenset({"drafts"}),
    sweeps.relay: frozenset({"events"}),
    sweeps.run_tasks: frozenset({"tasks"}),
    sweeps.refund_credit_notes: frozenset({"credit_note_refunds"}),
    sweeps.dun: frozenset({"dunning"}),
    sweeps.warn: frozenset({"expiries"}),
    sweeps.collect: frozenset({"collections"}),
    sweeps.follow_notices: frozenset({"notices"}),
    sweeps.check_payments: frozenset({"checks", "refund_checks"}),
    sweeps.send_mails: frozenset({"mails"}),
}
MAX_ROUNDS = 1000


def run_due(at: datetime) -> int:
    """Do all that is due at `at`, and what follows from it, until nothing is left; gives how much was done."""
    done = 0
    for _ in range(MAX_ROUNDS):
        just_done = _go_round(at)
        done += just_done
        if not just_done:
            return done
    raise RuntimeError(f"work did not come to an end after {MAX_ROUNDS} rounds")


def _go_round(at: datetime) -> int:
    done, due = 0, kinds_due(at)
    for sweep, kinds in ROUND.items():
        if due & kinds and (just_done := sweep(at)):
            done, due = done + just_done, kinds_due(at)
    return done
