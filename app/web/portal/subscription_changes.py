"""Another plan or quantity, chosen by the customer, who sees exactly what happens before it does."""

from collections.abc import Sequence

from flask import Blueprint, Response, url_for
from wtforms import HiddenField, IntegerField, RadioField, SelectChoice

from app.db import transaction
from app.domain.errors import BillingError
from app.models import Plan, Subscription
from app.permissions import Permission
from app.present import present
from app.queries import lists
from app.services import subscription_changes
from app.services.subscription_changes import Quote, Wanted
from app.web.auth_guard import requires
from app.web.forms import Form, Required
from app.web.once import once
from app.web.portal.own import own, refuse_unless
from app.web.quotes import looked_at
from app.web.rendering import done, render

pages = Blueprint("subscription_changes", __name__, url_prefix="/subscriptions/<subscription_id>/change")

SWITCH = "portal_changes"


class ChangeForm(Form):
    """A plan of the same product. How the rest of the period is paid is the seller's choice."""

    plan = RadioField("Plan", [Required()])
    quantity = IntegerField("Quantity", [Required()])
    at = HiddenField()
    fingerprint = HiddenField()

    def offer(self, plans: Sequence[Plan]) -> None:
        """Let one of these plans be chosen."""
        self.plan.choices = [SelectChoice(plan.id, plan.name) for plan in plans]

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.plan.data, self.quantity.data or 0)


@pages.get("/")
@requires(Permission.OWN)
def ask(subscription_id: str) -> Response:
    """The plans to choose from."""
    row = own(Subscription, subscription_id)
    return _page(ChangeForm(data={"plan": row.plan_id, "quantity": row.quantity}), row)


@pages.post("/preview")
@requires(Permission.OWN)
def preview(subscription_id: str) -> Response:
    """What the change means, as it is chosen so far."""
    return _page(ChangeForm(), own(Subscription, subscription_id), "portal/subscriptions/_quote.html")


@pages.post("/")
@requires(Permission.OWN)
@once
def change(subscription_id: str) -> Response:
    """Change it, at the price that was looked at."""
    row, form = own(Subscription, subscription_id), ChangeForm()
    refuse_unless(SWITCH)
    form.offer(_plans(row))
    if form.carry_out(lambda: _carry_out(form, row)):
        return done(_show(row), "It is changed." if form.result.next_plan_id is None else "The change is planned.")
    return _page(form, row)


@pages.post("/withdrawal")
@requires(Permission.OWN)
def withdraw(subscription_id: str) -> Response:
    """Take back a change that was planned."""
    row = own(Subscription, subscription_id)
    refuse_unless(SWITCH)
    with transaction():
        subscription_changes.withdraw(row.id, present(row.id))
    return done(_show(row), "Your subscription stays as it is.")


def _carry_out(form: ChangeForm, row: Subscription) -> Subscription:
    at = present(row.id)
    as_of, fingerprint = looked_at(form.at.data, form.fingerprint.data, at)
    with transaction():
        return subscription_changes.change(row.id, form.wanted, at, as_of=as_of, fingerprint=fingerprint)


def _plans(row: Subscription) -> list[Plan]:
    """What it is on, and what else of the same product is sold in its currency, by name."""
    sold = lists.plans({"product": row.plan.product_id, "currency": row.plan.currency}, limit=100).items
    others = [plan for plan in sold if plan.id != row.plan_id]
    return [row.plan, *sorted(others, key=lambda plan: plan.name)]


def _quoted(form: ChangeForm, row: Subscription) -> Quote | BillingError:
    try:
        return subscription_changes.preview(row.id, form.wanted, present(row.id))
    except BillingError as refusal:
        return refusal


def _page(form: ChangeForm, row: Subscription, fragment: str | None = None) -> Response:
    refuse_unless(SWITCH)
    plans = _plans(row)
    form.offer(plans)
    if form.plan.data not in [plan.id for plan in plans]:
        form.plan.data = row.plan_id
    quoted = _quoted(form, row)
    refused = quoted if isinstance(quoted, BillingError) else None
    return render(
        "portal/subscriptions/change.html",
        status=200 if fragment else form.status,
        fragment=fragment,
        form=form,
        row=row,
        plans=plans,
        quote=None if refused else quoted,
        refused=refused,
    )


def _show(row: Subscription) -> str:
    return url_for("portal.subscriptions.show", subscription_id=row.id)
