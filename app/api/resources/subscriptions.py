"""Subscriptions."""

from http import HTTPStatus

from app import models
from app.api.blueprint import v1
from app.api.operations import reads, writes
from app.api.references import existing
from app.api.schemas.base import Page, page_of
from app.api.schemas.subscriptions import (
    Cancellation,
    CancellationQuery,
    NewSubscription,
    Subscription,
    SubscriptionChanges,
    SubscriptionListing,
)
from app.domain.anchors import ANNIVERSARY
from app.domain.terms import ProrationMode
from app.permissions import Permission
from app.present import present
from app.queries import lists
from app.queries.base import get
from app.services import subscription_details, subscriptions


@v1.get("/subscriptions")
@reads(Page[Subscription])
def list_subscriptions(query: SubscriptionListing) -> Page[Subscription]:
    """List subscriptions, the newest first."""
    return page_of(lists.subscriptions(query.filters, cursor=query.cursor, limit=query.limit), Subscription.of)


@v1.post("/subscriptions")
@writes(Subscription, Permission.SELL, HTTPStatus.CREATED)
def sell_plan(json: NewSubscription) -> Subscription:
    """Sell a plan to a customer.

    Its first invoice, if there is one, is issued at once: `GET /v1/invoices?subscription=…`. Collected automatically,
    the subscription is `incomplete` until that is paid.
    """
    customer = existing(models.Customer, json.customer, "customer")
    row = subscriptions.create(
        customer.id,
        existing(models.Plan, json.plan, "plan").id,
        present(customer.id),
        quantity=json.quantity,
        trial_days=json.trial_days,
        anchor=json.anchor.anchor() if json.anchor else ANNIVERSARY,
        collection=json.collection,
        payment_method_id=_method_id(json.payment_method),
        start_at=json.start_at,
        coupon=json.coupon,
        metadata=json.metadata,
    )
    return Subscription.of(row)


@v1.get("/subscriptions/<subscription_id>")
@reads(Subscription)
def show_subscription(subscription_id: str) -> Subscription:
    """Show a subscription."""
    return Subscription.of(get(models.Subscription, subscription_id))


@v1.patch("/subscriptions/<subscription_id>")
@writes(Subscription, Permission.SELL)
def change_subscription(subscription_id: str, json: SubscriptionChanges) -> Subscription:
    """Change a subscription's payment method, metadata, or whether it ends with its period."""
    return Subscription.of(subscription_details.change(subscription_id, json.given(), present(subscription_id)))


@v1.delete("/subscriptions/<subscription_id>")
@writes(Subscription, Permission.SELL)
def end_subscription(subscription_id: str, query: CancellationQuery) -> Subscription:
    """End a subscription now, or with its period."""
    return Subscription.of(
        subscriptions.cancel(subscription_id, present(subscription_id), at_period_end=query.at_period_end)
    )


@v1.post("/subscriptions/<subscription_id>/cancel")
@writes(Subscription, Permission.SELL)
def cancel_subscription(subscription_id: str, json: Cancellation) -> Subscription:
    """End a subscription now, or with its period, and say why.

    Ended now, what was used and not paid for is invoiced, and `credit` gives back paid time that is not used.
    """
    row = subscriptions.cancel(
        subscription_id,
        present(subscription_id),
        at_period_end=json.at_period_end,
        reason=json.reason,
        credit=ProrationMode(json.credit),
    )
    return Subscription.of(row)


@v1.post("/subscriptions/<subscription_id>/uncancel")
@writes(Subscription, Permission.SELL)
def uncancel_subscription(subscription_id: str) -> Subscription:
    """Take back a cancellation that has not happened yet."""
    return Subscription.of(subscriptions.uncancel(subscription_id, present(subscription_id)))


def _method_id(method_id: str | None) -> str | None:
    return existing(models.PaymentMethod, method_id, "payment_method").id if method_id else None
