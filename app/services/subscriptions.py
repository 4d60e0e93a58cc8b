"""Subscriptions: selling a plan, canceling, taking a cancellation back."""

from datetime import datetime, timedelta
from typing import Any

from app.db import session
from app.domain import subscriptions as rules
from app.domain.anchors import ANNIVERSARY, Anchor
from app.domain.contract import Contract, Move
from app.domain.errors import Conflict, InvalidInput
from app.domain.subscriptions import CancelMode
from app.models import Customer, Invoice, PaymentMethod, Plan, Subscription
from app.queries.base import get
from app.services import billing, coupons
from app.services.contracts import contract_of, next_billing, terms_of
from app.services.events import emit
from app.services.history import audit
from app.services.open_invoices import stop_collecting
from app.services.subscription_status import activate, end

COLLECTIONS = ("automatic", "manual")
MAX_QUANTITY = 1_000_000


def create(
    customer_id: str,
    plan_id: str,
    at: datetime,
    *,
    quantity: int = 1,
    trial_days: int | None = None,
    anchor: Anchor = ANNIVERSARY,
    collection: str = "automatic",
    payment_method_id: str | None = None,
    start_at: datetime | None = None,
    coupon: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Subscription:
    """Sell a plan to a customer from `start_at` (now unless given), and issue the first invoice if there is one.

    `trial_days` None takes the plan's. Collected automatically, it is `incomplete` until the first payment comes in;
    invoiced for payment by hand it is active at once. `coupon` is a code that discounts it from the first invoice on.
    Raises InvalidInput or Conflict, naming the field.
    """
    customer, plan = get(Customer, customer_id), get(Plan, plan_id)
    _check(customer, plan, quantity, collection)
    if payment_method_id:
        _check_method(payment_method_id, customer_id)
    trial = plan.trial_days if trial_days is None else trial_days
    opened = rules.start(terms_of(plan, quantity), start_at or at, customer.timezone, anchor, trial)
    row = Subscription(
        customer_id=customer.id,
        plan_id=plan.id,
        payment_method_id=payment_method_id,
        status=opened.contract.status if trial or collection == "manual" else "incomplete",
        collection=collection,
        quantity=quantity,
        activated_at=at if collection == "manual" else None,
        details=metadata or {},
        created_at=at,
        **_standing(opened.contract),
    )
    session().add(row)
    session().flush()
    audit("subscription.create", row.id, at, plan=plan.id, quantity=quantity)
    emit("subscription.created", row.id, at, customer_id=customer.id, plan=plan.id)
    if coupon:
        coupons.redeem(coupon, customer.id, at, subscription_id=row.id)
    owed = _issue_first(row, opened, at)
    if row.status == "incomplete" and not owed:
        activate(row, at)
    return row


def cancel(subscription_id: str, at: datetime, *, at_period_end: bool, reason: str | None = None) -> Subscription:
    """End a subscription with its period, or now. Raises Conflict when it has ended already."""
    row = get(Subscription, subscription_id, lock=True)
    mode = CancelMode.PERIOD_END if at_period_end else CancelMode.NOW
    contract = contract_of(row, row.plan)
    ended = rules.cancel(contract, _within(contract, at), mode).contract
    row.cancel_reason, row.canceled_at = reason, at
    row.cancel_at_period_end = ended.cancel_at_period_end
    audit("subscription.cancel", row.id, at, mode=mode.value, reason=reason)
    if at_period_end:
        row.next_billing_at = next_billing(contract)
        emit("subscription.updated", row.id, at, customer_id=row.customer_id, change="cancel_at_period_end")
    else:
        end(row, at, reason or "canceled")
        stop_collecting([row.id])
    return row


def uncancel(subscription_id: str, at: datetime) -> Subscription:
    """Take back a cancellation that has not happened yet. Raises Conflict when there is none, or it has happened."""
    row = get(Subscription, subscription_id, lock=True)
    rules.uncancel(contract_of(row, row.plan), at)
    row.cancel_at_period_end, row.canceled_at, row.cancel_reason = False, None, None
    audit("subscription.uncancel", row.id, at)
    emit("subscription.updated", row.id, at, customer_id=row.customer_id, change="uncancel")
    return row


def _standing(contract: Contract) -> dict[str, Any]:
    """Where a new subscription stands in time."""
    period = contract.period
    return {
        "timezone": contract.schedule.timezone,
        "anchor_on": contract.schedule.anchor,
        "started_at": period.start,
        "trial_end_at": period.end if contract.in_trial else None,
        "current_period_start": period.start,
        "current_period_end": period.end,
        "next_billing_at": next_billing(contract),
    }


def _issue_first(row: Subscription, opened: Move, at: datetime) -> bool:
    """Issue the first invoice if there are lines for one; whether it asks for money."""
    if not opened.lines:
        return False
    invoice_id = billing.issue_one(row, opened.lines, at, reason="subscription_start", period=opened.contract.period)
    return bool(get(Invoice, invoice_id).due)


def _within(contract: Contract, at: datetime) -> datetime:
    """The instant, moved into the current period: one that begins later, or whose turn is late, can be canceled too."""
    last = contract.period.end - timedelta(microseconds=1)
    return max(contract.period.start, min(at, last))


def _check(customer: Customer, plan: Plan, quantity: int, collection: str) -> None:
    if customer.deleted_at:
        raise Conflict("This customer was forgotten.", code="customer_forgotten", field="customer")
    if plan.archived_at:
        raise Conflict(f"{plan.name} is not sold any more.", code="plan_archived", field="plan")
    if plan.currency != customer.currency:
        raise InvalidInput(
            f"{plan.name} is sold in {plan.currency}, but {customer.name} is billed in {customer.currency}.",
            code="currency_mismatch",
            field="plan",
        )
    if type(quantity) is not int or not 1 <= quantity <= MAX_QUANTITY:
        raise InvalidInput(
            f"quantity must be a whole number from 1 to {MAX_QUANTITY}.", code="invalid_quantity", field="quantity"
        )
    if collection not in COLLECTIONS:
        raise InvalidInput("collection is automatic or manual.", code="invalid_collection", field="collection")


def _check_method(method_id: str, customer_id: str) -> None:
    method = get(PaymentMethod, method_id)
    if method.customer_id != customer_id or method.removed_at:
        raise InvalidInput(
            "This customer has no such payment method.", code="payment_method_unknown", field="payment_method"
        )
