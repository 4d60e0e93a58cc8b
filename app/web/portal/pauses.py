"""A subscription that stands still, where the seller lets customers do that, and goes on again."""

from datetime import datetime

from flask import Blueprint, Response, url_for
from wtforms import DateField
from wtforms.validators import Optional

from app.db import transaction
from app.domain.zones import start_of_day
from app.models import Subscription
from app.permissions import Permission
from app.present import present
from app.services import subscriptions
from app.web.auth_guard import requires
from app.web.forms import Form
from app.web.once import once
from app.web.portal.own import own, refuse_unless
from app.web.rendering import done, render

pages = Blueprint("pauses", __name__, url_prefix="/subscriptions/<subscription_id>/pause")

SWITCH = "portal_pauses"


class PauseForm(Form):
    """Until when. The time that is paid for is kept meanwhile."""

    resume_on = DateField("It goes on", [Optional()], description="At the start of that day. Empty: when you say so.")


@pages.get("/")
@requires(Permission.OWN)
def ask(subscription_id: str) -> Response:
    """What a pause means, and until when."""
    return _form(PauseForm(), own(Subscription, subscription_id))


@pages.post("/")
@requires(Permission.OWN)
@once
def pause(subscription_id: str) -> Response:
    """Let it stand still."""
    row, form = own(Subscription, subscription_id), PauseForm()
    refuse_unless(SWITCH)
    if form.carry_out(lambda: _pause(form, row)):
        return done(_page(row), "Your subscription is paused.")
    return _form(form, row)


@pages.post("/end")
@requires(Permission.OWN)
def resume(subscription_id: str) -> Response:
    """Let it go on."""
    row = own(Subscription, subscription_id)
    refuse_unless(SWITCH)
    with transaction():
        subscriptions.resume(row.id, present(row.id))
    return done(_page(row), "Your subscription goes on.")


def _pause(form: PauseForm, row: Subscription) -> None:
    day = form.resume_on.data
    resume_at: datetime | None = start_of_day(day, row.timezone) if day else None
    with transaction():
        subscriptions.pause(row.id, present(row.id), resume_at=resume_at)


def _form(form: PauseForm, row: Subscription) -> Response:
    refuse_unless(SWITCH)
    return render("portal/subscriptions/pause.html", status=form.status, row=row, form=form)


def _page(row: Subscription) -> str:
    return url_for("portal.subscriptions.show", subscription_id=row.id)
