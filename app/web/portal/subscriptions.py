"""What they bought: how it stands, what it costs next, ending it and taking that back."""

from collections.abc import Mapping

from flask import Blueprint, Response, url_for
from wtforms import RadioField, SelectChoice, TextAreaField, ValidationError

from app.db import transaction
from app.models import Subscription
from app.permissions import Permission
from app.present import present
from app.queries import portal as query
from app.services import subscriptions
from app.services.formats import day_text
from app.services.payment_methods import for_charging
from app.services.upcoming import next_invoice
from app.web.auth_guard import requires
from app.web.forms import AtMost, Form, stripped
from app.web.portal.own import lets, own, own_customer, own_id
from app.web.rendering import done, render

pages = Blueprint("subscriptions", __name__, url_prefix="/subscriptions")

REASONS: Mapping[str, str] = {
    "unused": "I do not use it enough",
    "too_expensive": "It costs too much",
    "missing_features": "It lacks something that I need",
    "switched_service": "I use something else now",
    "customer_service": "I was not helped well",
    "low_quality": "It does not work well enough",
    "too_complex": "It is too complicated",
    "other": "Another reason",
}
LATEST = 5


class CancellationForm(Form):
    """Why somebody leaves. Nobody has to say."""

    reason = RadioField(
        "Why do you leave?",
        choices=[SelectChoice(code, text) for code, text in REASONS.items()],
        validate_choice=False,
    )
    comment = TextAreaField("What could we have done better?", [AtMost(500)], filters=[stripped])

    def validate_reason(self, field: RadioField) -> None:
        """One of ours, or none: that is an answer as well."""
        if field.data and field.data not in REASONS:
            raise ValidationError("Choose one of the reasons, or none.")

    @property
    def words(self) -> str | None:
        """What is kept of it: `too_expensive: We found another one.`"""
        return ": ".join(filter(None, (self.reason.data, self.comment.data))) or None


@pages.get("/")
@requires(Permission.OWN)
def index() -> Response:
    """All of them, the running ones first."""
    return render("portal/subscriptions/list.html", rows=query.subscriptions_of(own_id()))


@pages.get("/<subscription_id>")
@requires(Permission.OWN)
def show(subscription_id: str) -> Response:
    """One subscription: its plan, its period, its next bill, its invoices."""
    row, customer = own(Subscription, subscription_id), own_customer()
    invoices = query.invoices_of(customer.id, subscription_id=row.id, limit=LATEST)
    return render(
        "portal/subscriptions/detail.html",
        row=row,
        upcoming=next_invoice(row, customer, row.plan),
        method=for_charging(customer.id, row.payment_method_id),
        latest=invoices.items,
        is_over=row.status in query.ENDED,
        may_change=lets("portal_changes"),
        may_pause=lets("portal_pauses"),
    )


@pages.get("/<subscription_id>/cancellation")
@requires(Permission.OWN)
def ask_to_cancel(subscription_id: str) -> Response:
    """Say what ending it means, and ask why."""
    return _cancellation(own(Subscription, subscription_id), CancellationForm())


@pages.post("/<subscription_id>/cancellation")
@requires(Permission.OWN)
def cancel(subscription_id: str) -> Response:
    """End it with its period."""
    row, form = own(Subscription, subscription_id), CancellationForm()
    if not form.carry_out(lambda: _cancel(row.id, form.words)):
        return _cancellation(row, form)
    ends = day_text(row.current_period_end, own_customer())
    return done(_page(row), f"Your subscription ends on {ends}. Until then you can take that back.")


@pages.post("/<subscription_id>/cancellation/withdrawal")
@requires(Permission.OWN)
def go_on(subscription_id: str) -> Response:
    """Take the end back while it has not come."""
    row = own(Subscription, subscription_id)
    with transaction():
        subscriptions.uncancel(row.id, present(row.id))
    return done(_page(row), "Your subscription goes on as before.")


def _cancel(subscription_id: str, reason: str | None) -> None:
    with transaction():
        subscriptions.cancel(subscription_id, present(subscription_id), at_period_end=True, reason=reason)


def _cancellation(row: Subscription, form: CancellationForm) -> Response:
    return render("portal/subscriptions/cancellation.html", status=form.status, row=row, form=form)


def _page(row: Subscription) -> str:
    return url_for("portal.subscriptions.show", subscription_id=row.id)
