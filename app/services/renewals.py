"""Turning the period: every due subscription is billed once for each period, in batches, by any number of workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.db import session, transaction
from app.domain import subscriptions as rules
from app.domain.contract import Contract, Move
from app.domain.errors import BillingError
from app.logs import logger
from app.models import Customer, Plan, Subscription
from app.queries import due
from app.queries.base import get
from app.services.batches import each
from app.services.billing import Biller
from app.services.contracts import ENDED, contract_of, next_billing
from app.services.history import move
from app.services.invoice_rows import Bill
from app.services.open_invoices import stop_collecting
from app.services.subscription_status import end, park

BATCH = 500

Claimed = tuple[Subscription, Plan, Customer]

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """One subscription at the turn of its period, what the rules make of it, and its bill if there is one."""

    row: Subscription
    contract: Contract
    bill: Bill | None


def renew_due(at: datetime, *, batch: int = BATCH) -> int:
    """Bill every subscription of the tenant in scope that is due at `at`; gives how many turns were made.

    Safe at any frequency and in any number of workers: a batch is claimed with SKIP LOCKED and committed whole, and a
    period that is billed already cannot be billed again. After an outage each missed period gets its own invoice.
    """
    turned = 0
    while just_turned := _renew_batch(at, batch):
        turned += just_turned
    return turned


def _renew_batch(at: datetime, batch: int) -> int:
    """One batch in one transaction. If it fails as a whole, one by one, and whichever fails alone is parked."""
    ids: list[str] = []
    try:
        with transaction():
            claimed = _claim(at, batch)
            ids = [row.id for row, _, _ in claimed]
            _renew(claimed, at)
            return len(ids)
    except OperationalError:
        raise
    except Exception:
        log.exception("a batch failed, so its subscriptions are renewed one by one", count=len(ids))
    return each(ids, lambda row: _renew_one(row, at), lambda row: _park_failed(row, at)) or len(ids)


def _renew_one(subscription_id: str, at: datetime) -> None:
    with transaction():
        _renew(_claim(at, 1, only=subscription_id), at)


def _park_failed(subscription_id: str, at: datetime) -> None:
    park(get(Subscription, subscription_id, lock=True), at, "An unforeseen error, see the log: nothing was billed.")


def _renew(claimed: Sequence[Claimed], at: datetime) -> None:
    if not claimed:
        return
    biller = Biller(at)
    turns = [turn for row, plan, customer in claimed if (turn := _turn(biller, row, plan, customer, at))]
    for turn in turns:
        _write(turn, at)
    if ended := [turn.row.id for turn in turns if turn.row.status in ENDED]:
        stop_collecting(ended)
    biller.issue([turn.bill for turn in turns if turn.bill])


def _claim(at: datetime, batch: int, *, only: str | None = None) -> Sequence[Claimed]:
    """Take the oldest due subscriptions that no other worker holds, or the one that is named if it is among them."""
    query = (
        select(Subscription, Plan, Customer)
        .join(Plan, (Plan.tenant_id == Subscription.tenant_id) & (Plan.id == Subscription.plan_id))
        .join(Customer, (Customer.tenant_id == Subscription.tenant_id) & (Customer.id == Subscription.customer_id))
        .where(due.rows("renewals", at))
        .order_by(Subscription.next_billing_at)
        .limit(batch)
        .with_for_update(of=Subscription, skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    )
    if only:
        query = query.where(Subscription.id == only)
    return [(row, plan, customer) for row, plan, customer in session().execute(query)]


def _turn(biller: Biller, row: Subscription, plan: Plan, customer: Customer, at: datetime) -> Turn | None:
    """What the rules make of one subscription. One that they refuse is parked, so that the others go on."""
    try:
        turned = rules.renew(contract_of(row, plan))
        return Turn(row, turned.contract, _bill(biller, row, plan, customer, turned))
    except BillingError as refusal:
        log.error("subscription parked", subscription=row.id, code=refusal.code, message=refusal.message)
        park(row, at, refusal.message)
        return None


def _bill(biller: Biller, row: Subscription, plan: Plan, customer: Customer, turned: Move) -> Bill | None:
    if not turned.lines:
        return None
    return biller.subscription_bill(
        row, plan, customer, turned.lines, reason="subscription_cycle", period=turned.contract.period
    )


def _write(turn: Turn, at: datetime) -> None:
    row, contract = turn.row, turn.contract
    if contract.status in ENDED:
        end(row, contract.changed_at, row.cancel_reason or "canceled", status=contract.status)
        return
    row.current_period_start, row.current_period_end = contract.period.start, contract.period.end
    row.next_billing_at = next_billing(contract)
    move(row, contract.status, at, "period turned")
