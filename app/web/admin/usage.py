"""What customers used: sums of the current periods, what was invoiced of earlier ones, the events, and alerts."""

from collections.abc import Sequence

from flask import Blueprint, Response, request, url_for

from app.db import transaction
from app.domain.periods import Period
from app.models import Customer, Subscription, UsageAlert
from app.permissions import Permission
from app.present import present
from app.queries import lists, usage_lists
from app.queries.base import get
from app.services import usage, usage_alerts
from app.services.contracts import ENDED
from app.services.usage import Used
from app.web.admin import listing
from app.web.admin.customers import header
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.meters import AlertForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render, url_with

pages = Blueprint("usage", __name__)

SHOWN = 20


@pages.get("/customers/<customer_id>/usage")
@requires(Permission.VIEW)
def of_customer(customer_id: str) -> Response:
    """The tab of a customer's usage."""
    row = get(Customer, customer_id)
    filters = {"customer": row.id, **listing.asked("meter"), **listing.asked_days()}
    events = usage_lists.events(filters, cursor=listing.cursor(), limit=listing.LIMIT)
    return render(
        "admin/customers/usage.html",
        **header(row, "usage"),
        current=_current(row.id),
        billed=usage_lists.billed(row.id, limit=SHOWN),
        rows=events.items,
        next_url=url_with(cursor=events.next_cursor) if events.next_cursor else None,
        filtered=any(filters[name] for name in ("meter", "since", "before")),
        meters=usage_lists.meters({"archived": "yes"}, limit=1000).items,
        alerts=usage_lists.alerts_on(row.id),
        reached=usage_lists.reached(row.id, limit=SHOWN),
    )


@pages.get("/subscriptions/<subscription_id>/usage")
@requires(Permission.VIEW)
def of_subscription(subscription_id: str) -> Response:
    """What one subscription used, and what was invoiced of it."""
    row = get(Subscription, subscription_id)
    return render(
        "admin/subscriptions/usage.html",
        subscription=row,
        current=_so_far([] if row.status in ENDED else [row]),
        billed=usage_lists.billed(row.customer_id, subscription_id=row.id, limit=SHOWN),
    )


@pages.get("/usage-alerts/new")
@requires(Permission.SELL)
def new_alert() -> Response:
    """The form for an alert: on one customer's usage, or on anybody's."""
    asked = request.args.get("customer")
    customer = get(Customer, asked) if asked else None
    return _form(AlertForm(data={"customer": asked, "meter": request.args.get("meter")}), customer)


@pages.post("/usage-alerts/")
@requires(Permission.SELL)
@once
def add_alert() -> Response:
    """Have levels told of."""
    form = AlertForm()
    customer = get(Customer, form.customer.data) if form.customer.data else None
    _offer(form)
    customer_id = customer.id if customer else None
    if form.carry_out(lambda: _add(form, customer_id)):
        return done(_home(customer_id, form.meter.data), "You will be told once in each period.")
    return _form(form, customer)


@pages.get("/usage-alerts/<alert_id>/removal")
@requires(Permission.SELL)
def ask_to_remove_alert(alert_id: str) -> Response:
    """Ask before an alert is removed."""
    row = get(UsageAlert, alert_id)
    action, back = url_for(".remove_alert", alert_id=alert_id), _home(row.customer_id, row.meter_id)
    return confirm(f"Remove the alert on {row.meter.name}?", "Nobody is told any more.", action, "Remove", back)


@pages.post("/usage-alerts/<alert_id>/removal")
@requires(Permission.SELL)
def remove_alert(alert_id: str) -> Response:
    """Tell no more."""
    row = get(UsageAlert, alert_id)
    home = _home(row.customer_id, row.meter_id)
    with transaction():
        usage_alerts.remove(alert_id, present(row.customer_id or row.meter_id))
    return done(home, "The alert was removed.")


def _current(customer_id: str) -> list[tuple[Subscription, Used]]:
    """What each running subscription used of each charge in its current period so far."""
    return _so_far([row for row in lists.subscriptions({"customer": customer_id}).items if row.status not in ENDED])


def _so_far(running: Sequence[Subscription]) -> list[tuple[Subscription, Used]]:
    windows = [(row, row.plan, Period(row.current_period_start, row.current_period_end)) for row in running]
    by_id = {row.id: row for row in running}
    return [(by_id[used.use.subscription_id], used) for used in usage.charges_due(windows).values()]


def _add(form: AlertForm, customer_id: str | None) -> None:
    with transaction():
        usage_alerts.create(form.meter.data, form.wanted, present(customer_id or form.meter.data), customer_id)


def _offer(form: AlertForm) -> None:
    form.offer(usage_lists.meters({}, limit=1000).items)


def _form(form: AlertForm, customer: Customer | None) -> Response:
    _offer(form)
    back = (customer.name if customer else "Meters", _home(customer.id if customer else None, None))
    return dialog("admin/usage/_alert.html", "Alert on usage", back, form=form, customer=customer)


def _home(customer_id: str | None, meter_id: str | None) -> str:
    if customer_id:
        return url_for(".of_customer", customer_id=customer_id)
    return url_for("admin.meters.show", meter_id=meter_id) if meter_id else url_for("admin.meters.index")
