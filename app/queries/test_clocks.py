"""Test clocks: what time it is for whom, who lives by which, and which are to be moved."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, or_, select

from app.db import all_tenants, session
from app.domain.errors import NotFound
from app.ids import is_id
from app.models import (
    CreditNote,
    Customer,
    Event,
    Invoice,
    InvoiceItem,
    Mail,
    Payment,
    PaymentMethod,
    Redemption,
    Refund,
    Subscription,
    Task,
    TestClock,
)
from app.queries.base import DEFAULT_LIMIT, get
from app.queries.filters import Listed, newest, same

# Whom a row is about, by the kind of its id.
_OWNERS = {
    "cus": (Customer.id, Customer.id),
    "sub": (Subscription.id, Subscription.customer_id),
    "inv": (Invoice.id, Invoice.customer_id),
    "rdm": (Redemption.id, Redemption.customer_id),
    "ivi": (InvoiceItem.id, InvoiceItem.customer_id),
    "eml": (Mail.id, Mail.customer_id),
    "crn": (CreditNote.id, CreditNote.customer_id),
    "pay": (Payment.id, Payment.customer_id),
    "pm": (PaymentMethod.id, PaymentMethod.customer_id),
    "ref": (Refund.id, select(Payment.customer_id).where(same(Refund.payment_id, Payment)).scalar_subquery()),
    "tsk": (Task.id, select(Event.customer_id).where(same(Task.event_id, Event)).scalar_subquery()),
}


def present_of(subject_id: str, at: datetime) -> datetime:
    """What time it is for the customer whom a row is about, when it is `at` in real time: what their test clock shows,
    or `at` without one. The row is named by its id; for one that does not exist, or is about nobody, it is `at`."""
    prefix = subject_id.rpartition("_")[0]
    if prefix not in _OWNERS or not is_id(prefix, subject_id):
        return at
    row_id, owner = _OWNERS[prefix]
    customer = select(owner).where(row_id == subject_id).scalar_subquery()
    shown = select(TestClock.now_at).join(Customer, same(Customer.test_clock_id, TestClock))
    return session().scalar(shown.where(Customer.id == customer)) or at


def clock_of(customer_id: str) -> TestClock | None:
    """The clock that a customer lives by, for good."""
    query = select(TestClock).join(Customer, same(Customer.test_clock_id, TestClock))
    return session().scalar(query.where(Customer.id == customer_id).execution_options(populate_existing=True))


def as_it_is(clock_id: str) -> TestClock:
    """The clock as it is in the database by now, where another process may have moved it."""
    query = select(TestClock).where(TestClock.id == clock_id)
    return session().execute(query.execution_options(populate_existing=True)).scalar_one()


def existing(clock_id: str) -> TestClock:
    """The clock, unless it was deleted. Raises NotFound."""
    row = get(TestClock, clock_id)
    if row.deleted_at:
        raise NotFound(f"The test clock {clock_id} was deleted.", code="clock_deleted", field="id")
    return row


def clocks(*, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[TestClock]:
    """The clocks that were not deleted, the newest first."""
    return newest(select(TestClock).where(TestClock.deleted_at.is_(None)), TestClock, cursor, limit)


def customers_on(clock_id: str) -> list[Customer]:
    """Who lives by a clock, the first to come first."""
    query = select(Customer).where(Customer.test_clock_id == clock_id).order_by(Customer.id)
    return list(session().scalars(query))


def counts(clock_ids: Collection[str]) -> Mapping[str, int]:
    """How many customers live by each of these clocks, if any do."""
    query = select(Customer.test_clock_id, func.count()).where(Customer.test_clock_id.in_(clock_ids))
    rows = session().execute(query.group_by(Customer.test_clock_id))
    return {str(clock_id): count for clock_id, count in rows}


def to_be_moved() -> list[tuple[str, str]]:
    """Tenant and id of each clock that is advancing while nobody moves it."""
    free = or_(TestClock.leased_until.is_(None), TestClock.leased_until < func.now())
    with all_tenants():
        query = select(TestClock.tenant_id, TestClock.id).where(TestClock.status == "advancing", free)
        return [(tenant_id, clock_id) for tenant_id, clock_id in session().execute(query)]
