"""Looking for what is due, in every tenant. Safe at any frequency and in any number: each row is claimed by one."""

from collections.abc import Callable
from datetime import datetime

from app import clock
from app.db import current_tenant_id, session, transaction
from app.jobs import queues
from app.jobs.subscribers import SUBSCRIBERS, WORKERS
from app.logs import logger
from app.queries.due import timelines_with
from app.services import (
    corrections,
    credit_note_refunds,
    delivery,
    deposits,
    drafts,
    due_payments,
    dunning,
    expiry_warnings,
    idempotency,
    inbox_work,
    outbox,
    reconciling,
    refunds,
    renewals,
    tasks,
    usage_alerts,
)
from app.timelines import current_timeline, lived

log = logger(__name__)


def relay(at: datetime | None = None) -> int:
    """Number new events and ring for the work they ask for."""
    return _each("events", at, _relay_tenant)


def run_tasks(at: datetime | None = None) -> int:
    """Do the work whose doorbell was lost."""
    return _each("tasks", at, lambda now: sum(tasks.run(task_id, WORKERS, now) for task_id in tasks.due(now)))


def follow_notices(at: datetime | None = None) -> int:
    """Follow up on what gateways have sent notice of."""
    return _each("notices", at, inbox_work.follow_due)


def renew(at: datetime | None = None) -> int:
    """Bill every subscription that is due."""
    return _each("renewals", at, renewals.renew_due)


def correct_usage(at: datetime | None = None) -> int:
    """Correct the invoices of periods whose usage came late."""
    return _each("recounts", at, corrections.correct_due)


def finalize(at: datetime | None = None) -> int:
    """Finalise every draft whose grace is over."""
    return _each("drafts", at, drafts.finalize_due)


def refund_credit_notes(at: datetime | None = None) -> int:
    """Send back what credit notes promised."""
    return _each("credit_note_refunds", at, credit_note_refunds.send_due)


def dun(at: datetime | None = None) -> int:
    """Take the reminder, retry or final step of every invoice that is due for one."""
    return _each("dunning", at, dunning.take_due)


def warn(at: datetime | None = None) -> int:
    """Tell customers of payment methods that expire."""
    return _each("expiries", at, expiry_warnings.warn_due)


def collect(at: datetime | None = None) -> int:
    """Collect every invoice that is due."""
    return _each("collections", at, due_payments.collect_due)


def check_payments(at: datetime | None = None) -> int:
    """Ask gateways about payments and refunds whose answer is overdue."""
    return _each("checks", at, due_payments.check_due) + _each("refund_checks", at, refunds.check_due)


def reconcile(at: datetime | None = None) -> int:
    """Compare our books with the gateways' lists."""
    return _each("reconciliation_plans", at, reconciling.plan) + _each("reconciliations", at, reconciling.compare_due)


def watch_chains(at: datetime | None = None) -> int:
    """Look for money at the addresses of payments on chains."""
    return _each("chains", at, deposits.watch_due)


def send_mails(at: datetime | None = None) -> int:
    """Hand queued mail to the post office."""
    return _each("mails", at, delivery.send_due)


def check_usage(at: datetime | None = None) -> int:
    """Look at the alerts on usage that grew."""
    return _each("usage_checks", at, usage_alerts.check_due)


def forget_keys(at: datetime | None = None) -> int:
    """Forget answers that were kept for a repeated request long enough."""
    return _each("old_keys", at, _purge_keys)


def _purge_keys(at: datetime) -> int:
    with transaction():
        return idempotency.purge(at)


def _relay_tenant(at: datetime) -> int:
    relayed = 0
    while just_relayed := _relay_batch(at):
        relayed += just_relayed
    return relayed


def _relay_batch(at: datetime) -> int:
    with transaction():
        batch = outbox.relay(SUBSCRIBERS, at)
    here = current_timeline()
    if not (here and here.moving):
        queues.enqueue_each("app.jobs.work.run_task", [(current_tenant_id(), task_id) for task_id in batch.task_ids])
    return batch.events


def _each(kind: str, at: datetime | None, work: Callable[[datetime], int]) -> int:
    """Do the work in each tenant that has some, and on each of its test clocks. The trouble of one does not hold up the
    others."""
    done = 0
    for timeline in timelines_with(kind, at or clock.now()):
        try:
            with lived(timeline):
                done += work(timeline.at)
        except Exception:
            log.exception("sweep failed", kind=kind, tenant=timeline.tenant_id, clock=timeline.clock_id)
            session().rollback()
    return done
