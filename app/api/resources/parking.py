"""Subscriptions that were set aside for a person to look at."""

from app.api.blueprint import v1
from app.api.operations import writes
from app.api.schemas.subscriptions import Subscription
from app.permissions import Permission
from app.present import present
from app.services import parking


@v1.post("/subscriptions/<subscription_id>/release")
@writes(Subscription, Permission.SELL)
def release_subscription(subscription_id: str) -> Subscription:
    """Bill a parked subscription again, from where it stopped. What still stands in its way parks it anew."""
    return Subscription.of(parking.release(subscription_id, present(subscription_id)))
