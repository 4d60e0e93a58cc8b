"""Disputes: the list, and those that still run."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.db import session
from app.models import Customer, Dispute
from app.queries.base import DEFAULT_LIMIT
from app.queries.filters import Filters, Listed, matching, newest, one_of, reference, same

RUNNING = ("open", "under_review")


def disputes(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Dispute]:
    """Disputes by `q` (customer, gateway reference), `status`, `customer`, `payment`."""
    query = select(Dispute).join(Customer, same(Dispute.customer_id, Customer))
    query = matching(query, filters.get("q"), Customer.name, Customer.email, Dispute.gateway_ref, own=("dsp", Dispute))
    query = one_of(query, filters.get("status"), Dispute.status)
    query = reference(query, filters, "customer", "cus", Dispute.customer_id)
    query = reference(query, filters, "payment", "pay", Dispute.payment_id)
    return newest(query, Dispute, cursor, limit, joinedload(Dispute.customer), joinedload(Dispute.payment))


def running_at(account_id: str) -> Sequence[Dispute]:
    """The disputes at an account that are not decided."""
    query = select(Dispute).where(Dispute.gateway_account_id == account_id, Dispute.status.in_(RUNNING))
    return session().scalars(query.order_by(Dispute.id)).all()
