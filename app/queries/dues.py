"""What customers owe, and how much of it is late: for a whole page of customers at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from app.db import session
from app.domain.money import Money
from app.models import Customer, Invoice, JournalEntry, LedgerAccount, Posting, Subscription
from app.queries.filters import same

RUNNING = ("trialing", "active", "past_due", "unpaid", "paused")


def overdue(at: datetime) -> ColumnElement[bool]:
    """Open invoices that should have been paid by `at`. What is charged by itself is due when it is issued, and late
    only once a charge has failed."""
    was_tried = or_(Invoice.collection == "manual", Invoice.first_failed_at.is_not(None))
    return and_(Invoice.status == "open", Invoice.due_at <= at, was_tried)


@dataclass(frozen=True, slots=True)
class Dues:
    """A customer's running subscriptions, what they owe, and what of it should have been paid by now."""

    subscriptions: int
    owed: Money
    overdue: Money


def dues_of(customers: Collection[Customer], at: datetime) -> Mapping[str, Dues]:
    """By customer id, in each customer's currency, as of `at`. Two statements."""
    ids = [customer.id for customer in customers]
    late = case((overdue(at), Invoice.due_minor), else_=0)
    sums = session().execute(
        select(Invoice.customer_id, func.sum(Invoice.due_minor), func.sum(late))
        .where(Invoice.customer_id.in_(ids), Invoice.status == "open")
        .group_by(Invoice.customer_id)
    )
    owed = {customer_id: (int(total), int(overdue)) for customer_id, total, overdue in sums}
    counts = session().execute(
        select(Subscription.customer_id, func.count())
        .where(Subscription.customer_id.in_(ids), Subscription.status.in_(RUNNING))
        .group_by(Subscription.customer_id)
    )
    running = {row[0]: row[1] for row in counts}
    return {customer.id: _dues(customer, running, owed) for customer in customers}


def credit_of(customer: Customer) -> Money:
    """What we owe the customer: their credit in the books."""
    query = (
        select(func.coalesce(func.sum(-Posting.amount_minor), 0))
        .join(JournalEntry, same(Posting.entry_id, JournalEntry))
        .join(LedgerAccount, same(Posting.account_id, LedgerAccount))
        .where(LedgerAccount.code == "customer_balance", JournalEntry.customer_id == customer.id)
    )
    return Money(int(session().scalar(query) or 0), customer.currency)


def _dues(customer: Customer, running: Mapping[str, int], owed: Mapping[str, tuple[int, int]]) -> Dues:
    total, overdue = owed.get(customer.id, (0, 0))
    return Dues(running.get(customer.id, 0), Money(total, customer.currency), Money(overdue, customer.currency))
