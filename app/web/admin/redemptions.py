"""Giving coupons to customers, and taking them back."""

from flask import Blueprint, Response, request, url_for

from app.db import transaction
from app.models import Customer, Redemption
from app.permissions import Permission
from app.present import present
from app.queries import lists
from app.queries.base import get
from app.services import coupons
from app.services.contracts import ENDED
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.coupons import RedemptionForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done

pages = Blueprint("redemptions", __name__, url_prefix="/redemptions")


@pages.get("/new")
@requires(Permission.SELL)
def new() -> Response:
    """The form to give a customer a coupon."""
    customer = get(Customer, request.args.get("customer", ""))
    return _form(RedemptionForm(data={"customer": customer.id}), customer)


@pages.post("/")
@requires(Permission.SELL)
@once
def create() -> Response:
    """Give a customer a coupon."""
    form = RedemptionForm()
    customer = get(Customer, form.customer.data or "")
    _offer(form, customer)
    if form.carry_out(lambda: _redeem(form, customer.id)):
        return done(_home(customer.id), f"{form.coupon.data} discounts their next invoices.")
    return _form(form, customer)


@pages.get("/<redemption_id>/withdrawal")
@requires(Permission.SELL)
def ask_to_take_back(redemption_id: str) -> Response:
    """Ask before a coupon is taken back."""
    row = get(Redemption, redemption_id)
    return confirm(
        f"Take {row.coupon.code} back from {row.customer.name}?",
        "Their next invoices are not discounted by it any more. Invoices that were issued stay as they are.",
        url_for(".take_back", redemption_id=redemption_id),
        "Take it back",
        _home(row.customer_id),
    )


@pages.post("/<redemption_id>/withdrawal")
@requires(Permission.SELL)
def take_back(redemption_id: str) -> Response:
    """Take a coupon back."""
    with transaction():
        customer_id = coupons.take_back(redemption_id, present(redemption_id)).customer_id
    return done(_home(customer_id), "The coupon was taken back.")


def _redeem(form: RedemptionForm, customer_id: str) -> None:
    with transaction():
        coupons.redeem(form.coupon.data, customer_id, present(customer_id), subscription_id=form.subscription.data)


def _offer(form: RedemptionForm, customer: Customer) -> None:
    running = lists.subscriptions({"customer": customer.id}).items
    form.offer([row for row in running if row.status not in ENDED])


def _form(form: RedemptionForm, customer: Customer) -> Response:
    _offer(form, customer)
    back = (customer.name, _home(customer.id))
    return dialog("admin/redemptions/_form.html", "Give a coupon", back, form=form, customer=customer)


def _home(customer_id: str) -> str:
    return url_for("admin.customer_credits.show", customer_id=customer_id)
