"""Payment methods."""

from http import HTTPStatus

from app import models
from app.api.blueprint import v1
from app.api.operations import calls_gateway, reads, writes
from app.api.references import existing, gateway_account
from app.api.schemas.base import Page, page_of
from app.api.schemas.payment_methods import NewPaymentMethod, PaymentMethod, PaymentMethodListing
from app.permissions import Permission
from app.present import present
from app.queries import lists
from app.queries.base import get
from app.queries.claims import effect
from app.services import payment_methods


@v1.get("/payment-methods")
@reads(Page[PaymentMethod])
def list_payment_methods(query: PaymentMethodListing) -> Page[PaymentMethod]:
    """List payment methods, the newest first."""
    return page_of(lists.payment_methods(query.filters, cursor=query.cursor, limit=query.limit), PaymentMethod.of)


@v1.post("/payment-methods")
@calls_gateway(PaymentMethod, Permission.COLLECT, HTTPStatus.CREATED)
def add_payment_method(json: NewPaymentMethod) -> PaymentMethod:
    """Keep a gateway's token as a payment method."""
    return PaymentMethod.of(effect(models.PaymentMethod) or _add(json))


@v1.get("/payment-methods/<payment_method_id>")
@reads(PaymentMethod)
def show_payment_method(payment_method_id: str) -> PaymentMethod:
    """Show a payment method."""
    return PaymentMethod.of(get(models.PaymentMethod, payment_method_id))


@v1.delete("/payment-methods/<payment_method_id>")
@writes(None, Permission.COLLECT, HTTPStatus.NO_CONTENT)
def remove_payment_method(payment_method_id: str) -> None:
    """Remove a payment method."""
    payment_methods.remove(payment_method_id, present(payment_method_id))


@v1.post("/payment-methods/<payment_method_id>/default")
@writes(PaymentMethod, Permission.COLLECT)
def make_default(payment_method_id: str) -> PaymentMethod:
    """Charge this method from now on. Open invoices are tried with it at once."""
    return PaymentMethod.of(payment_methods.make_default(payment_method_id, present(payment_method_id)))


def _add(json: NewPaymentMethod) -> models.PaymentMethod:
    customer = existing(models.Customer, json.customer, "customer")
    account = gateway_account(json.payment_gateway)
    return payment_methods.add(customer.id, account.id, json.token, present(customer.id), default=json.default)
