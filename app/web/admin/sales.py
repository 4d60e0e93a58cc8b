"""Selling a plan to a customer, with the first invoice shown before it is issued."""

from flask import Blueprint, Response, request, url_for

from app.db import transaction
from app.domain.errors import BillingError
from app.models import Customer, Plan
from app.permissions import Permission
from app.present import present
from app.queries import lists
from app.queries.base import get
from app.services import subscriptions, upcoming
from app.web.admin.forms.subscriptions import SaleForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render

pages = Blueprint("sales", __name__, url_prefix="/sales")


@pages.get("/new")
@requires(Permission.SELL)
def new() -> Response:
    """The form to sell a plan to a customer."""
    customer = get(Customer, request.args.get("customer", ""))
    return _form(SaleForm(data={"customer": customer.id, "plan": request.args.get("plan")}), customer)


@pages.post("/preview")
@requires(Permission.SELL)
def preview() -> Response:
    """What the sale would cost, as it is filled in so far."""
    form = SaleForm()
    customer = get(Customer, form.customer.data or "")
    return _form(form, customer, fragment="admin/sales/_preview.html")


@pages.post("/")
@requires(Permission.SELL)
@once
def create() -> Response:
    """Sell a plan."""
    form = SaleForm()
    customer = get(Customer, form.customer.data or "")
    _offer(form, customer)
    if form.carry_out(lambda: _sell(form, customer.id)):
        return done(url_for("admin.subscriptions.show", subscription_id=form.result), f"Sold to {customer.name}.")
    return _form(form, customer)


def _sell(form: SaleForm, customer_id: str) -> str:
    with transaction():
        row = subscriptions.create(
            customer_id,
            form.plan.data,
            present(customer_id),
            quantity=form.quantity.data or 0,
            trial_days=form.trial_days.data,
            collection=form.collection.data,
            payment_method_id=form.method.data,
            coupon=form.coupon.data,
        )
        return row.id


def _first_invoice(form: SaleForm, customer: Customer) -> upcoming.Upcoming | BillingError | None:
    """What the chosen plan costs first, or why it cannot be said yet."""
    if not form.plan.data:
        return None
    try:
        return upcoming.first_invoice(
            customer,
            get(Plan, form.plan.data),
            present(customer.id),
            quantity=form.quantity.data or 1,
            trial_days=form.trial_days.data,
            coupon=form.coupon.data,
        )
    except BillingError as refusal:
        return refusal


def _offer(form: SaleForm, customer: Customer) -> None:
    plans = lists.plans({"currency": customer.currency}, limit=1000).items
    form.offer(plans, lists.payment_methods({"customer": customer.id}).items)


def _form(form: SaleForm, customer: Customer, fragment: str | None = None) -> Response:
    _offer(form, customer)
    form.plan.data = form.plan.data or next((choice.value for choice in form.plan.choices), None)
    first = _first_invoice(form, customer)
    refused = first if isinstance(first, BillingError) else None
    return render(
        "admin/sales/form.html",
        status=200 if fragment else form.status,
        fragment=fragment,
        form=form,
        customer=customer,
        upcoming=None if refused else first,
        refused=refused,
        plan=get(Plan, form.plan.data) if form.plan.data else None,
        changes=_reprices(),
    )


def _reprices() -> dict[str, str]:
    """Attributes of fields that have the price reckoned anew when they change."""
    return {
        "hx-post": url_for(".preview"),
        "hx-trigger": "input changed delay:300ms, change",
        "hx-target": "#preview",
        "hx-swap": "outerHTML",
        "hx-include": "closest form",
        "hx-sync": "closest form:replace",
    }
