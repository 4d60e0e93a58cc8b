"""What decides on a customer's access, in three queries."""

from datetime import datetime

from sqlalchemy import exists, select

from app.db import session
from app.domain.access import Standing
from app.ids import is_id
from app.models import Customer, Invoice, Payment, Subscription
from app.models.payments import OPEN_STATUSES


def customer_by_any_id(reference: str) -> Customer | None:
    """The customer with that id, or else with that external id."""
    query = select(Customer).where(Customer.external_id == reference)
    if is_id("cus", reference):
        query = select(Customer).where(Customer.id == reference)
    return session().scalar(query)


def standings(customer_id: str) -> list[Standing]:
    """Where the customer's subscriptions stand."""
    settling = exists().where(
        Payment.tenant_id == Subscription.tenant_id,
        Payment.invoice_id == Invoice.id,
        Invoice.tenant_id == Subscription.tenant_id,
        Invoice.subscription_id == Subscription.id,
        Payment.status.in_(OPEN_STATUSES),
    )
    rows = session().execute(select(Subscription, settling).where(Subscription.customer_id == customer_id))
    return [
        Standing(
            row.id,
            row.status,
            row.current_period_end,
            row.past_due_at,
            row.activated_at is not None,
            is_settling,
        )
        for row, is_settling in rows
    ]


def oldest_unpaid(customer_id: str, at: datetime) -> Invoice | None:
    """The oldest invoice that should have been paid by `at`."""
    return session().scalar(
        select(Invoice)
        .where(
            Invoice.customer_id == customer_id,
            Invoice.status.in_(("open", "uncollectible")),
            Invoice.due_at <= at,
        )
        .order_by(Invoice.due_at)
        .limit(1)
    )


def latest_payment(customer_id: str) -> Payment | None:
    """The last payment that came in."""
    return session().scalar(
        select(Payment)
        .where(Payment.customer_id == customer_id, Payment.status == "succeeded")
        .order_by(Payment.settled_at.desc())
        .limit(1)
    )
