"""What time does to subscriptions: periods turn, pauses end, and who never paid expires.

Every due subscription is looked at in batches, by any number of workers, and each period is billed once.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import case, false, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import defer

from app.db import session, transaction
from app.domain.abnormal import refuse_abnormal
from app.domain.contract import Contract
from app.domain.errors import BillingError
from app.domain.lifecycle import check_transition
from app.ids import to_uuid
from app.logs import logger
from app.models import Customer, Subscription
from app.queries import due
from app.queries.base import get
from app.services.batches import each
from app.services.billed_time import with_billed
from app.services.billing import Biller
from app.services.bulk import change_rows, json_text, together
from app.services.contracts import ENDED, Plans, contract_of, plan_id, plans_of, standing
from app.services.events import emit
from app.services.expiry import expire, may_be_paid
from app.services.history import note_move
from app.services.metering import Reading
from app.services.open_invoices import stop_collecting
from app.services.subscription_status import end, park
from app.services.turns import Billable, Turn, billable, identified, issue, next_turn, readings, resumes_at

BATCH = 500
COLUMNS = (
    "plan_id quantity anchor_on current_period_start current_period_end next_billing_at fraction state changed_at"
    " next_plan_id next_quantity cancel_at_period_end paused_at resume_at paused_billing paused_status"
).split()

ENDING = ("ended_at", "canceled_at", "parked_reason")
CHANGED = ("id", "status", "metered_from", *COLUMNS, *ENDING)
_NOT_ASKED_FOR = (defer(Subscription.details), defer(Customer.details))

log = logger(__name__)


class Claimed(NamedTuple):
    """A subscription that is due, its customer, and for one that was never paid whether it still `may_be_paid`."""

    row: Subscription
    customer: Customer
    may_be_paid: bool


class _Run:
    """What the batches of one run share, and read once: who sells, and the plans that have come up."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self._plans = Plans()

    @cached_property
    def biller(self) -> Biller:
        return Biller(self.at)

    def plans(self, rows: Sequence[Subscription]) -> Plans:
        """The plans of these subscriptions, and those that came up before."""
        self._plans |= plans_of(rows, self._plans.values())
        return self._plans


def renew_due(at: datetime, *, batch: int = BATCH) -> int:
    """Bill every subscription of the tenant in scope that is due at `at`; gives how many turns were made.

    Safe at any frequency and in any number of workers: a batch is claimed with SKIP LOCKED and committed whole, and a
    period that is billed already cannot be billed again. After an outage each missed period gets its own invoice.
    """
    turned, run = 0, _Run(at)
    while just_turned := _renew_batch(run, batch):
        turned += just_turned
    return turned


def _renew_batch(run: _Run, batch: int) -> int:
    """One batch in one transaction. If it fails as a whole, one by one, and whichever fails alone is parked."""
    ids: list[str] = []
    at = run.at
    try:
        with _undisturbed(), transaction():
            claimed = _claim(at, batch)
            ids = [each.row.id for each in claimed]
            _renew(claimed, run)
            return len(ids)
    except OperationalError:
        raise
    except Exception:
        log.exception("a batch failed, so its subscriptions are renewed one by one", count=len(ids))
    return each(ids, lambda row: _renew_one(row, run), lambda row: _park_failed(row, at)) or len(ids)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Objects that point in circles are looked for after the block: a batch makes many objects, and hardly any such."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _renew_one(subscription_id: str, run: _Run) -> None:
    with transaction():
        _renew(_claim(run.at, 1, only=subscription_id), run)


def _park_failed(subscription_id: str, at: datetime) -> None:
    park(get(Subscription, subscription_id, lock=True), at, "An unforeseen error, see the log: nothing was billed.")


def _claim(at: datetime, batch: int, *, only: str | None = None) -> Sequence[Claimed]:
    """Take the oldest due subscriptions that no other worker holds, or the one that is named if it is among them."""
    never_paid = case((Subscription.status == "incomplete", may_be_paid()), else_=false())
    query = (
        select(Subscription, Customer, never_paid)
        .join(Customer, (Customer.tenant_id == Subscription.tenant_id) & (Customer.id == Subscription.customer_id))
        .where(due.rows("renewals", at))
        .order_by(Subscription.next_billing_at)
        .limit(batch)
        .with_for_update(of=Subscription, skip_locked=True, key_share=True)
        .options(*_NOT_ASKED_FOR)
        .execution_options(populate_existing=True)
    )
    if only:
        query = query.where(Subscription.id == only)
    return [Claimed(*found) for found in session().execute(query)]


def _renew(claimed: Sequence[Claimed], run: _Run) -> None:
    """Make the turns of a batch. However many they are, the number of statements stays the same."""
    if not claimed:
        return
    rows, waiting = [each.row for each in claimed], {each.row.id for each in claimed if each.may_be_paid}
    running = [each for each in claimed if each.row.status not in ("incomplete", *ENDED)]
    with together():
        expire(_let_go(row for row in rows if row.status == "incomplete"), run.at, waiting)
        made = _billables(run.biller, running, run.plans([each.row for each in running]), run.at)
        _write(rows, {each.turn.row.id: each.turn for each in made}, run.at)
        issue(run.biller, made)


def _let_go(rows: Iterable[Subscription]) -> list[Subscription]:
    """Rows that are about to change, taken from the session, which would write each by itself: `_write` writes all."""
    found = list(rows)
    for row in found:
        session().expunge(row)
    return found


def _billables(biller: Biller, running: Sequence[Claimed], plans: Plans, at: datetime) -> list[Billable]:
    """What the rules make of each subscription. One that they refuse is parked, so that the others go on."""
    contracts = {each.row.id: contract_of(each.row, plans) for each in running}
    back = [(each.row, contracts[each.row.id]) for each in running if resumes_at(contracts[each.row.id])]
    contracts |= {row.id: contract for (row, _), contract in zip(back, with_billed(back), strict=True)}
    turns = [turn for row, customer, _ in running if (turn := _turn(row, customer, contracts[row.id], at))]
    read = readings(turns, plans, at)
    return [found for turn in turns if (found := _billable(biller, plans, turn, read.get(turn.row.id), at))]


def _turn(row: Subscription, customer: Customer, contract: Contract, at: datetime) -> Turn | None:
    try:
        return next_turn(row, customer, contract)
    except BillingError as refusal:
        _refuse(row, refusal, at)
        return None


def _billable(biller: Biller, plans: Plans, turn: Turn, reading: Reading | None, at: datetime) -> Billable | None:
    try:
        return _reviewed(biller, turn.row, identified(billable(biller, plans, turn, reading)))
    except BillingError as refusal:
        _refuse(turn.row, refusal, at)
        return None


def _reviewed(biller: Biller, row: Subscription, found: Billable) -> Billable:
    """Refuse a bill that looks abnormal, unless a person has released the subscription since it was due."""
    if not found.bill:
        return found
    if row.released_at and row.next_billing_at and row.released_at >= row.next_billing_at:
        return replace(found, bill=replace(found.bill, reviewed=True))
    refuse_abnormal([line.draft.amount for line in found.bill.lines], biller.limits)
    return found


def _refuse(row: Subscription, refusal: BillingError, at: datetime) -> None:
    log.error("subscription parked", subscription=row.id, code=refusal.code, message=refusal.message)
    _let_go([row])
    park(row, at, refusal.message)


def _write(rows: Sequence[Subscription], turns: Mapping[str, Turn], at: datetime) -> None:
    """Write what became of the rows: by their turns, and what they are by now where there was none or it ended them."""
    going_on = {row_id: turn for row_id, turn in turns.items() if turn.after.status not in ENDED}
    for turn in (turn for row_id, turn in turns.items() if row_id not in going_on):
        [row] = _let_go([turn.row])
        end(row, turn.after.changed_at, row.cancel_reason or "canceled", status=turn.after.status)
    stop_collecting([row.id for row in rows if row.status in ENDED])
    change_rows(Subscription, CHANGED, [_after(row, going_on.get(row.id)) for row in rows])
    for turn in going_on.values():
        _tell(turn, at)


def _tell(turn: Turn, at: datetime) -> None:
    row, old, new = turn.row, turn.before, turn.after
    if check_transition("subscription", old.status, new.status):
        note_move(row.id, old.status, new.status, at, "resumed" if old.pause and not new.pause else "period turned")
    if old.pause and not new.pause:
        emit("subscription.resumed", row.id, at, customer_id=row.customer_id)
    if old.terms != new.terms:
        emit("subscription.changed", row.id, at, customer_id=row.customer_id, plan=plan_id(new.terms))


def _after(row: Subscription, turn: Turn | None) -> tuple[Any, ...]:
    """The new columns of a subscription, in the order of CHANGED."""
    kept = {name: getattr(row, name) for name in (ENDING if turn else CHANGED)}
    if turn:
        kept |= standing(turn.after, as_invoiced=turn.is_as_invoiced)
        kept |= {"id": row.id, "status": turn.after.status, "metered_from": turn.metered_from}
    kept["id"] = to_uuid("sub", kept["id"])
    kept["plan_id"] = to_uuid("pln", kept["plan_id"])
    kept["next_plan_id"] = to_uuid("pln", kept["next_plan_id"]) if kept["next_plan_id"] else None
    kept["state"] = json_text(kept["state"]) if kept["state"] else None
    return tuple([kept[name] for name in CHANGED])
