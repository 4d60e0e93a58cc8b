"""Whom and what an invoice may still come for."""

from app.domain.errors import Conflict, InvalidInput
from app.models import Customer, Subscription
from app.queries.base import get
from app.services.contracts import ENDED


def billable_customer(customer_id: str) -> Customer:
    """The customer. Raises Conflict when they were forgotten."""
    row = get(Customer, customer_id)
    if row.deleted_at:
        raise Conflict("This customer was forgotten.", code="customer_forgotten", field="customer")
    return row


def billable_subscription(subscription_id: str, customer_id: str) -> Subscription:
    """The subscription. Raises InvalidInput when it is another customer's, and Conflict when it has ended."""
    row = get(Subscription, subscription_id)
    if row.customer_id != customer_id:
        raise InvalidInput("This customer has no such subscription.", code="subscription_unknown", field="subscription")
    if row.status in ENDED:
        raise Conflict(
            f"This subscription is {row.status}, and gets no invoice any more.",
            code="subscription_ended",
            field="subscription",
        )
    return row
