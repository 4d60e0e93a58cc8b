"""Subscriptions: where they stand, what comes next, ending them and letting them go on."""

from typing import Any

from flask import Blueprint, Response, url_for

from app.db import transaction
from app.domain.errors import BillingError
from app.domain.terms import ProrationMode
from app.models import Subscription
from app.permissions import Permission
from app.present import present
from app.queries import lists, timeline
from app.queries.base import get
from app.services import parking, subscriptions, upcoming
from app.services.contracts import ENDED
from app.web.admin import activity, listing
from app.web.admin.dialogs import dialog
from app.web.admin.forms.subscriptions import CancellationForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render
from app.web.statuses import badges

pages = Blueprint("subscriptions", __name__, url_prefix="/subscriptions")

# What can be chosen beside the statuses, and the filters it stands for.
STANDINGS: dict[str, dict[str, str | None]] = {
    "ending": {"status": None, "ending": "yes"},
    "parked": {"status": None, "parked": "yes"},
    "running": {"status": "active,past_due"},
}

STATUSES = [
    *((status, look.label) for status, look in badges("subscription").items()),
    ("running", "Active or past due"),
    ("ending", "About to end"),
    ("parked", "Set aside for review"),
]


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All subscriptions."""
    filters = listing.translated(listing.asked("q", "status", "plan"), "status", STANDINGS)
    listed = lists.subscriptions(filters, cursor=listing.cursor(), limit=listing.LIMIT)
    noun = ("subscription", "subscriptions")
    return listing.show_list("admin/subscriptions/list.html", listed, noun, statuses=STATUSES)


@pages.get("/<subscription_id>")
@requires(Permission.VIEW)
def show(subscription_id: str) -> Response:
    """A subscription: where it stands, what comes next, what was billed, what happened."""
    row = get(Subscription, subscription_id)
    moments = timeline.of_subjects([row.id], customer_id=row.customer_id)
    return render(
        "admin/subscriptions/detail.html",
        subscription=row,
        method=_method(row),
        upcoming=_next_invoice(row),
        invoices=lists.invoices({"subscription": subscription_id}, limit=10),
        timeline=activity.told(moments, on_page_of=row.id),
        ended=row.status in ENDED,
    )


@pages.get("/<subscription_id>/cancellation")
@requires(Permission.SELL)
def ask_to_cancel(subscription_id: str) -> Response:
    """The form to end a subscription."""
    return _cancellation(CancellationForm(), get(Subscription, subscription_id))


@pages.post("/<subscription_id>/cancellation")
@requires(Permission.SELL)
@once
def cancel(subscription_id: str) -> Response:
    """End a subscription, now or with its period."""
    row = get(Subscription, subscription_id)
    form = CancellationForm()
    at_period_end = form.when.data == "period_end"
    if form.carry_out(lambda: _cancel(subscription_id, at_period_end, form)):
        words = "It ends with the period that is paid." if at_period_end else "The subscription has ended."
        return done(url_for(".show", subscription_id=subscription_id), words)
    return _cancellation(form, row)


@pages.post("/<subscription_id>/cancellation/withdrawal")
@requires(Permission.SELL)
def uncancel(subscription_id: str) -> Response:
    """Let a subscription go on that was to end."""
    with transaction():
        subscriptions.uncancel(subscription_id, present(subscription_id))
    return done(url_for(".show", subscription_id=subscription_id), "The subscription goes on.")


@pages.post("/<subscription_id>/release")
@requires(Permission.SELL)
def release(subscription_id: str) -> Response:
    """Bill a subscription again that was set aside."""
    with transaction():
        parking.release(subscription_id, present(subscription_id))
    return done(url_for(".show", subscription_id=subscription_id), "It is billed again from where it stopped.")


def _cancel(subscription_id: str, at_period_end: bool, form: CancellationForm) -> None:
    credit = ProrationMode(form.credit.data or "none")
    with transaction():
        subscriptions.cancel(
            subscription_id, present(subscription_id), at_period_end=at_period_end, reason=form.why, credit=credit
        )


def _method(row: Subscription) -> Any:
    """The method that is charged: the subscription's own, or the customer's default."""
    methods = lists.payment_methods({"customer": row.customer_id}).items
    own = [method for method in methods if method.id == row.payment_method_id]
    return next(iter([*own, *(method for method in methods if method.is_default)]), None)


def _next_invoice(row: Subscription) -> upcoming.Upcoming | None:
    """None also when the rules refuse to reckon, which is what parks a subscription."""
    try:
        return upcoming.next_invoice(row, row.customer, row.plan)
    except BillingError:
        return None


def _cancellation(form: CancellationForm, row: Subscription) -> Response:
    back = (row.plan.name, url_for(".show", subscription_id=row.id))
    return dialog("admin/subscriptions/_cancellation.html", "Cancel subscription", back, form=form, subscription=row)
