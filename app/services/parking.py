"""Letting a subscription go on that was set aside for a person to look at."""

from datetime import datetime

from app.domain.errors import Conflict
from app.models import Subscription
from app.queries.base import get
from app.services.contracts import contract_of, next_billing, plans_of
from app.services.events import emit
from app.services.expiry import expires_at
from app.services.history import audit


def release(subscription_id: str, at: datetime) -> Subscription:
    """Bill a parked subscription again, from where it stopped. What still stands in its way parks it anew, but not that
    a bill due by now looks abnormal: a person has seen it.

    Raises Conflict for one that is not parked.
    """
    row = get(Subscription, subscription_id, lock=True)
    if row.parked_reason is None:
        raise Conflict("This subscription is not set aside.", code="not_parked")
    is_unpaid = row.status == "incomplete"
    due = expires_at(row.created_at) if is_unpaid else next_billing(contract_of(row, plans_of([row])))
    row.parked_reason, row.released_at, row.next_billing_at = None, at, due
    audit("subscription.release", row.id, at)
    emit("subscription.updated", row.id, at, customer_id=row.customer_id, change="released")
    return row
