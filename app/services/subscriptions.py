"""Subscriptions: selling a plan, ending it, pausing it, letting it go on."""

from datetime import datetime, timedelta
from functools import partial

from app.db import session
from app.domain import pausing
from app.domain import subscriptions as rules
from app.domain.anchors import ANNIVERSARY, Anchor
from app.domain.contract import Contract, Move, WhilePaused
from app.domain.errors import Conflict, InvalidInput
from app.domain.subscriptions import CancelMode
from app.domain.terms import ProrationMode
from app.models import Customer, Invoice, PaymentMethod, Plan, Subscription
from app.queries.base import get
from app.services import coupons
from app.services.billing import Biller
from app.services.contracts import Plans, standing, terms_of
from app.services.events import emit
from app.services.expiry import expires_at
from app.services.history import audit
from app.services.metering import Reading
from app.services.open_invoices import stop_collecting
from app.services.sellable import check_quantity, sellable_plan
from app.services.subscription_moves import carry_out, reckon
from app.services.subscription_status import activate, end

COLLECTIONS = ("automatic", "manual")


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

    `trial_days` None takes the plan's. Collected automatically, it is `incomplete` until the first payment comes in,
    and expires if it never does; invoiced for payment by hand it is active at once. `coupon` is a code that discounts
    it from the first invoice on. Raises InvalidInput or Conflict, naming the field.
    """
    customer, plan = get(Customer, customer_id), sellable_plan(plan_id)
    _check(customer, plan, quantity, collection)
    if payment_method_id:
        _check_method(payment_method_id, customer_id)
    trial = plan.trial_days if trial_days is None else trial_days
    opened = rules.start(terms_of(plan, quantity), start_at or at, customer.timezone, anchor, trial)
    row = _row(customer, opened.contract, collection, at)
    row.payment_method_id, row.details = payment_method_id, metadata or {}
    session().add(row)
    session().flush()
    audit("subscription.create", row.id, at, plan=plan.id, quantity=quantity)
    emit("subscription.created", row.id, at, customer_id=customer.id, plan=plan.id)
    if coupon:
        coupons.redeem(coupon, customer.id, at, subscription_id=row.id)
    owed = _issue_first(row, customer, plan, opened, at)
    if row.status == "incomplete" and not owed:
        activate(row, at)
    return row


def cancel(
    subscription_id: str,
    at: datetime,
    *,
    at_period_end: bool,
    reason: str | None = None,
    credit: ProrationMode = ProrationMode.NONE,
) -> Subscription:
    """End a subscription with its period, or now, when `credit` (second, day, none) gives back paid time not used.

    What was used in arrears or by meters is invoiced with the end. Raises Conflict when it has ended already.
    """
    row = get(Subscription, subscription_id, lock=True)
    mode = CancelMode.PERIOD_END if at_period_end else CancelMode.NOW
    as_of = _within(row, at)
    reckoned = reckon(row, partial(rules.cancel, at=as_of, mode=mode, credit=credit), as_of, at)
    row.cancel_reason, row.canceled_at = reason, at
    if not at_period_end:
        end(row, at, reason or "canceled")
        stop_collecting([row.id])
    invoice_id = carry_out(reckoned, "canceled")
    audit("subscription.cancel", row.id, at, mode=mode.value, reason=reason, credit=credit.value, invoice=invoice_id)
    if at_period_end:
        emit("subscription.updated", row.id, at, customer_id=row.customer_id, change="cancel_at_period_end")
    return row


def uncancel(subscription_id: str, at: datetime) -> Subscription:
    """Take back a cancellation that has not happened yet. Raises Conflict when there is none, or it has happened."""
    row = get(Subscription, subscription_id, lock=True)
    carry_out(reckon(row, partial(rules.uncancel, at=at), at, at), "kept")
    row.canceled_at = row.cancel_reason = None
    audit("subscription.uncancel", row.id, at)
    emit("subscription.updated", row.id, at, customer_id=row.customer_id, change="uncancel")
    return row


def pause(
    subscription_id: str,
    at: datetime,
    *,
    resume_at: datetime | None = None,
    billing: WhilePaused = WhilePaused.SKIP,
    credit: ProrationMode = ProrationMode.NONE,
) -> Subscription:
    """Pause a subscription until `resume_at`, or until somebody resumes it; `billing` is what is billed meanwhile.

    With `skip`, `credit` gives back paid time not used. What was used in arrears or by meters is invoiced at once.
    Raises Conflict (`pause_overlaps`, or a status that cannot pause) or InvalidInput (`resume_before_pause`).
    """
    row = get(Subscription, subscription_id, lock=True)
    rule = partial(pausing.pause, at=at, resume_at=resume_at, billing=billing, credit=credit)
    invoice_id = carry_out(reckon(row, rule, at, at), "paused")
    until = resume_at.isoformat() if resume_at else None
    audit("subscription.pause", row.id, at, resume_at=until, billing=billing.value, invoice=invoice_id)
    emit("subscription.paused", row.id, at, customer_id=row.customer_id, resume_at=until, billing=billing.value)
    return row


def resume(subscription_id: str, at: datetime) -> Subscription:
    """End a pause by hand, at `at` or when it was to end, if that is past; what remains of the period is invoiced.

    Raises Conflict when it is not paused.
    """
    row = get(Subscription, subscription_id, lock=True)
    as_of = min(at, row.resume_at or at)
    invoice_id = carry_out(reckon(row, partial(pausing.resume, at=as_of), as_of, at), "resumed")
    audit("subscription.resume", row.id, at, invoice=invoice_id)
    emit("subscription.resumed", row.id, at, customer_id=row.customer_id)
    return row


def _row(customer: Customer, contract: Contract, collection: str, at: datetime) -> Subscription:
    awaits_payment = not contract.in_trial and collection == "automatic"
    row = Subscription(
        customer_id=customer.id,
        status="incomplete" if awaits_payment else contract.status,
        collection=collection,
        timezone=contract.schedule.timezone,
        started_at=contract.period.start,
        trial_end_at=contract.period.end if contract.in_trial else None,
        activated_at=at if collection == "manual" else None,
        created_at=at,
        **standing(contract),
    )
    if awaits_payment:
        row.next_billing_at = expires_at(at)
    return row


def _issue_first(row: Subscription, customer: Customer, plan: Plan, opened: Move, at: datetime) -> bool:
    """Issue the first invoice if there are lines for one; whether it asks for money."""
    if not opened.lines:
        return False
    biller, period = Biller(at), opened.contract.period
    plans, reason = Plans([plan]), "subscription_start"
    bill = biller.subscription_bill(row, plans, customer, opened.lines, Reading(), reason=reason, period=period)
    [invoice_id] = biller.issue([bill])
    return bool(get(Invoice, invoice_id).due)


def _within(row: Subscription, at: datetime) -> datetime:
    """The instant, moved into the current period: one that begins later, or whose turn is late, can be canceled too.

    A pause that lets the time stand still has no end.
    """
    if row.paused_billing == WhilePaused.SKIP:
        return at
    last = row.current_period_end - timedelta(microseconds=1)
    return max(row.current_period_start, min(at, last))


def _check(customer: Customer, plan: Plan, quantity: int, collection: str) -> None:
    if customer.deleted_at:
        raise Conflict("This customer was forgotten.", code="customer_forgotten", field="customer")
    if plan.currency != customer.currency:
        raise InvalidInput(
            f"{plan.name} is sold in {plan.currency}, but {customer.name} is billed in {customer.currency}.",
            code="currency_mismatch",
            field="plan",
        )
    check_quantity(quantity)
    if collection not in COLLECTIONS:
        raise InvalidInput("collection is automatic or manual.", code="invalid_collection", field="collection")


def _check_method(method_id: str, customer_id: str) -> None:
    method = get(PaymentMethod, method_id)
    if method.customer_id != customer_id or method.removed_at:
        raise InvalidInput(
            "This customer has no such payment method.", code="payment_method_unknown", field="payment_method"
        )
