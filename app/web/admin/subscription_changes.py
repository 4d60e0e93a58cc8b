"""Another plan for a subscription, with its price shown before it counts; pauses and their end."""

from datetime import datetime

from flask import Blueprint, Response, url_for

from app.db import transaction
from app.domain.contract import WhilePaused
from app.domain.errors import BillingError
from app.domain.terms import ProrationMode
from app.domain.zones import start_of_day
from app.models import Plan, Subscription
from app.permissions import Permission
from app.present import present
from app.queries import lists
from app.queries.base import get
from app.services import subscription_changes, subscriptions
from app.services.subscription_changes import Quote, Wanted
from app.web.admin.dialogs import dialog
from app.web.admin.forms.subscription_changes import ChangeForm, PauseForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.quotes import looked_at
from app.web.rendering import done, render

pages = Blueprint("subscription_changes", __name__, url_prefix="/subscriptions/<subscription_id>")


@pages.get("/change")
@requires(Permission.SELL)
def ask_to_change(subscription_id: str) -> Response:
    """The form to put it on another plan or quantity."""
    row = get(Subscription, subscription_id)
    return _change(ChangeForm(data={"plan": row.plan_id, "quantity": row.quantity}), row)


@pages.post("/change/preview")
@requires(Permission.SELL)
def preview(subscription_id: str) -> Response:
    """What the change would cost, as it is filled in so far."""
    return _change(ChangeForm(), get(Subscription, subscription_id), "admin/subscriptions/_change_preview.html")


@pages.post("/change")
@requires(Permission.SELL)
@once
def change(subscription_id: str) -> Response:
    """Change it, at the price that was looked at."""
    row, form = get(Subscription, subscription_id), ChangeForm()
    form.offer(row, _plans(row))
    if form.carry_out(lambda: _carry_out(form, row)):
        return done(_page(row), "It is changed." if form.result.next_plan_id is None else "The change is planned.")
    return _change(form, row)


@pages.post("/change/withdrawal")
@requires(Permission.SELL)
def withdraw(subscription_id: str) -> Response:
    """Take back a change that was planned."""
    row = get(Subscription, subscription_id)
    with transaction():
        subscription_changes.withdraw(subscription_id, present(subscription_id))
    return done(_page(row), "It stays on what it is on.")


@pages.get("/pause")
@requires(Permission.SELL)
def ask_to_pause(subscription_id: str) -> Response:
    """The form to pause it."""
    return _pause(PauseForm(), get(Subscription, subscription_id))


@pages.post("/pause")
@requires(Permission.SELL)
@once
def pause(subscription_id: str) -> Response:
    """Pause it."""
    row, form = get(Subscription, subscription_id), PauseForm()
    if form.carry_out(lambda: _stand_still(form, row)):
        return done(_page(row), "It is paused.")
    return _pause(form, row)


@pages.post("/resumption")
@requires(Permission.SELL)
def resume(subscription_id: str) -> Response:
    """Let it go on."""
    row = get(Subscription, subscription_id)
    with transaction():
        subscriptions.resume(subscription_id, present(subscription_id))
    return done(_page(row), "It goes on.")


def _carry_out(form: ChangeForm, row: Subscription) -> Subscription:
    at = present(row.id)
    as_of, fingerprint = looked_at(form.at.data, form.fingerprint.data, at)
    with transaction():
        return subscription_changes.change(row.id, _wanted(form), at, as_of=as_of, fingerprint=fingerprint)


def _stand_still(form: PauseForm, row: Subscription) -> None:
    resume_at: datetime | None = None
    if form.resume_on.data:
        resume_at = start_of_day(form.resume_on.data, row.timezone)
    with transaction():
        subscriptions.pause(
            row.id,
            present(row.id),
            resume_at=resume_at,
            billing=WhilePaused(form.billing.data),
            credit=ProrationMode(form.credit.data),
        )


def _wanted(form: ChangeForm) -> Wanted:
    mode = ProrationMode(form.proration.data) if form.proration.data else None
    return Wanted(form.plan.data, form.quantity.data or 0, mode)


def _quoted(form: ChangeForm, row: Subscription) -> Quote | BillingError:
    try:
        return subscription_changes.preview(row.id, _wanted(form), present(row.id))
    except BillingError as refusal:
        return refusal


def _plans(row: Subscription) -> list[Plan]:
    return list(lists.plans({"currency": row.plan.currency}, limit=1000).items)


def _change(form: ChangeForm, row: Subscription, fragment: str = "admin/subscriptions/_change.html") -> Response:
    form.offer(row, _plans(row))
    quoted = _quoted(form, row)
    refused = quoted if isinstance(quoted, BillingError) else None
    return render(
        "admin/dialog.html",
        fragment=fragment,
        status=200 if fragment.endswith("_preview.html") else form.status,
        part="admin/subscriptions/_change.html",
        title="Change plan",
        back=(row.plan.name, _page(row)),
        form=form,
        subscription=row,
        quote=None if refused else quoted,
        refused=refused,
        changes=_requotes(row),
    )


def _requotes(row: Subscription) -> dict[str, str]:
    """Attributes of fields that have the change priced anew; until then it cannot be sent."""
    return {
        "hx-post": url_for(".preview", subscription_id=row.id),
        "hx-trigger": "input changed delay:300ms, change",
        "hx-target": "#quote",
        "hx-swap": "outerHTML",
        "hx-include": "closest form",
        "hx-sync": "closest form:replace",
        "hx-disabled-elt": "#change-submit",
    }


def _pause(form: PauseForm, row: Subscription) -> Response:
    back = (row.plan.name, _page(row))
    return dialog("admin/subscriptions/_pause.html", "Pause subscription", back, form=form, subscription=row)


def _page(row: Subscription) -> str:
    return url_for("admin.subscriptions.show", subscription_id=row.id)
