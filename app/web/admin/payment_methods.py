"""What customers pay with: added, made the default and removed for them by staff."""

from flask import Blueprint, Response, request, url_for

from app.db import transaction
from app.domain.errors import InvalidInput
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.gateways.errors import GatewayError
from app.models import Customer, GatewayAccount, PaymentMethod
from app.permissions import Permission
from app.present import present
from app.queries import lists
from app.queries.base import get
from app.services import payment_methods
from app.services.formats import method_name
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.customers import MethodForm, method_form
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done

pages = Blueprint("payment_methods", __name__, url_prefix="/payment-methods")


@pages.get("/new")
@requires(Permission.COLLECT)
def new() -> Response:
    """The form to add a method to a customer, once it is clear at which account."""
    customer = get(Customer, request.args.get("customer", ""))
    accounts = _accounts()
    if "account" in request.args or len(accounts) == 1:
        account = get(GatewayAccount, request.args.get("account", accounts[0].id if accounts else ""))
        data = {"customer": customer.id, "account": account.id}
        return _form(method_form(account.gateway)(data=data), customer, account)
    title, part = "Add a payment method", "admin/payment_methods/_choice.html"
    return dialog(part, title, _back(customer), customer=customer, accounts=accounts)


@pages.post("/")
@requires(Permission.COLLECT)
@once
def create() -> Response:
    """Keep a method at its gateway, and charge it from now on if asked to."""
    customer = get(Customer, request.form.get("customer", ""))
    account = get(GatewayAccount, request.form.get("account", ""))
    form = method_form(account.gateway)()
    customer_id, account_id = customer.id, account.id
    if form.carry_out(lambda: _add(form, customer_id, account_id)):
        return done(_back(customer)[1], "The payment method was added.")
    return _form(form, customer, account)


@pages.post("/<method_id>/default")
@requires(Permission.COLLECT)
def make_default(method_id: str) -> Response:
    """Charge this one from now on, open invoices first."""
    with transaction():
        row = payment_methods.make_default(method_id, present(method_id))
        customer_id, name = row.customer_id, method_name(row)
    return done(url_for("admin.customers.show", customer_id=customer_id), f"{name} is charged from now on.")


@pages.get("/<method_id>/removal")
@requires(Permission.COLLECT)
def ask_to_remove(method_id: str) -> Response:
    """Ask before a method is removed."""
    row = get(PaymentMethod, method_id)
    return confirm(
        f"Remove {method_name(row)}?",
        "It will not be charged any more. The customer can add it again at any time.",
        url_for(".remove", method_id=method_id),
        "Remove",
        url_for("admin.customers.show", customer_id=row.customer_id),
    )


@pages.post("/<method_id>/removal")
@requires(Permission.COLLECT)
def remove(method_id: str) -> Response:
    """Remove a method."""
    customer_id = get(PaymentMethod, method_id).customer_id
    with transaction():
        payment_methods.remove(method_id, present(method_id))
    return done(url_for("admin.customers.show", customer_id=customer_id), "The payment method was removed.")


def _accounts() -> list[GatewayAccount]:
    """Accounts that can keep a method and are in use."""
    accounts = lists.gateway_accounts().items
    return [account for account in accounts if account.disabled_at is None and _can_keep(account)]


def _can_keep(account: GatewayAccount) -> bool:
    return Capability.SAVE_METHOD in gateway_class(account.gateway).capabilities


def _add(form: MethodForm, customer_id: str, account_id: str) -> str:
    """The gateway's refusal is about the token, whatever it says."""
    token, default = str(form.token.data), bool(form.default.data)
    try:
        return payment_methods.add(customer_id, account_id, token, present(customer_id), default=default).id
    except GatewayError as error:
        raise InvalidInput(str(error), code="method_refused", field="token") from error


def _back(customer: Customer) -> tuple[str, str]:
    return customer.name, url_for("admin.customers.show", customer_id=customer.id)


def _form(form: MethodForm, customer: Customer, account: GatewayAccount) -> Response:
    part = "admin/payment_methods/_form.html"
    return dialog(part, "Add a payment method", _back(customer), form=form, account=account)
