"""What is done to subscriptions in the middle of a period."""

from app import models
from app.api.blueprint import v1
from app.api.operations import writes
from app.api.references import existing
from app.api.schemas.subscription_changes import ChangePreview, NewPause, SubscriptionChange, WantedChange
from app.api.schemas.subscriptions import Subscription
from app.domain.contract import WhilePaused
from app.domain.terms import ProrationMode
from app.permissions import Permission
from app.present import present
from app.services import subscription_changes, subscriptions
from app.services.subscription_changes import Wanted


@v1.post("/subscriptions/<subscription_id>/change")
@writes(Subscription, Permission.SELL)
def change_terms(subscription_id: str, json: SubscriptionChange) -> Subscription:
    """Put a subscription on another plan or quantity.

    What that costs is invoiced at once: `GET /v1/invoices?subscription=…`. With the proration `next_period` it is
    planned and costs nothing yet.
    """
    row = subscription_changes.change(
        subscription_id, _wanted(json), present(subscription_id), as_of=json.at, fingerprint=json.fingerprint
    )
    return Subscription.of(row)


@v1.post("/subscriptions/<subscription_id>/change/preview")
@writes(ChangePreview, Permission.VIEW)
def preview_change(subscription_id: str, json: WantedChange) -> ChangePreview:
    """Preview a change.

    The same change `at` the same instant costs exactly that; its `fingerprint` lets you make sure. Nothing is stored.
    """
    quote = subscription_changes.preview(subscription_id, _wanted(json), present(subscription_id), as_of=json.at)
    return ChangePreview.of(quote)


@v1.delete("/subscriptions/<subscription_id>/change")
@writes(Subscription, Permission.SELL)
def withdraw_change(subscription_id: str) -> Subscription:
    """Take back a change that was planned for the next period."""
    return Subscription.of(subscription_changes.withdraw(subscription_id, present(subscription_id)))


@v1.post("/subscriptions/<subscription_id>/pause")
@writes(Subscription, Permission.SELL)
def pause_subscription(subscription_id: str, json: NewPause) -> Subscription:
    """Pause a subscription."""
    row = subscriptions.pause(
        subscription_id,
        present(subscription_id),
        resume_at=json.resume_at,
        billing=WhilePaused(json.billing),
        credit=ProrationMode(json.credit),
    )
    return Subscription.of(row)


@v1.post("/subscriptions/<subscription_id>/resume")
@writes(Subscription, Permission.SELL)
def resume_subscription(subscription_id: str) -> Subscription:
    """Let a paused subscription go on. What is left of its period and not paid for is invoiced at once."""
    return Subscription.of(subscriptions.resume(subscription_id, present(subscription_id)))


def _wanted(json: WantedChange) -> Wanted:
    if json.plan:
        existing(models.Plan, json.plan, "plan")
    return json.wanted()
