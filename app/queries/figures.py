"""The figures of the first page. Each is one statement however many rows it counts, and currencies stay apart."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select

from app.db import session
from app.models import Customer, JournalEntry, LedgerAccount, Payment, Plan, Posting, Subscription
from app.queries.filters import same

# What brings money in and sends it back; fees and disputes are costs, not revenue.
CASH = (
    "payment_succeeded",
    "payment_reversed",
    "late_payment_to_balance",
    "payment_refunded",
    "refund_returned",
)
MONEY = ("gateway_clearing", "received_outside")
RUNNING = ("active", "past_due")


def cash_by_month(since: datetime, timezone: str) -> Mapping[str, Mapping[date, int]]:
    """Money received less money sent back, from `since` on: currency → first day of the month → minor units.

    A month is one of the given time zone. The books say what was received, which may differ from what was asked for.
    """
    month = func.date_trunc("month", func.timezone(timezone, JournalEntry.at)).label("month")
    query = (
        select(month, Posting.currency, func.sum(Posting.amount_minor))
        .join(JournalEntry, same(Posting.entry_id, JournalEntry))
        .join(LedgerAccount, same(Posting.account_id, LedgerAccount))
        .where(LedgerAccount.code.in_(MONEY), JournalEntry.fact.in_(CASH), JournalEntry.at >= since)
        .group_by(month, Posting.currency)
    )
    found: dict[str, dict[date, int]] = defaultdict(dict)
    for first, currency, minor in session().execute(query):
        found[currency][first.date()] = int(minor)
    return found


@dataclass(frozen=True, slots=True)
class Sold:
    """So many running subscriptions are on this plan with this quantity."""

    plan: Plan
    quantity: int
    count: int


def running_subscriptions() -> Sequence[Sold]:
    """What is sold and running, trials aside, in groups: two statements for any number of subscriptions."""
    groups = session().execute(
        select(Subscription.plan_id, Subscription.quantity, func.count())
        .where(Subscription.status.in_(RUNNING))
        .group_by(Subscription.plan_id, Subscription.quantity)
    )
    rows = groups.all()
    wanted = select(Plan).where(Plan.id.in_({row[0] for row in rows}))
    plans = {plan.id: plan for plan in session().scalars(wanted).unique()}
    return [Sold(plans[plan_id], quantity, count) for plan_id, quantity, count in rows]


def subscriptions_by_status() -> Mapping[str, int]:
    """How many subscriptions are in each status."""
    query = select(Subscription.status, func.count()).group_by(Subscription.status)
    return {row[0]: row[1] for row in session().execute(query)}


def new_customers(since: datetime) -> int:
    """How many customers came at `since` or later."""
    query = select(func.count()).where(Customer.created_at >= since, Customer.deleted_at.is_(None))
    return session().scalar(query) or 0


def failed_payments(since: datetime) -> int:
    """How many attempts failed at `since` or later."""
    query = select(func.count()).where(Payment.status == "failed", Payment.settled_at >= since)
    return session().scalar(query) or 0
