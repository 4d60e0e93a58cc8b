"""Paying an invoice: whichever address it is asked at, and with a kept method or a fresh token."""

from app import models
from app.api.references import existing, gateway_account
from app.api.schemas.invoices import InvoicePayment
from app.api.schemas.payments import NewPayment
from app.domain.errors import Conflict, InvalidInput
from app.present import present
from app.queries.base import get
from app.queries.claims import effect
from app.services import charging, payment_methods


def pay(invoice: models.Invoice, wanted: InvoicePayment, method_id: str | None) -> models.Payment:
    """Collect an invoice with a method, or the one it is collected with anyway.

    Another attempt that only waits for its payer is given up for this one; any other open attempt is a Conflict.
    """
    if method_id:
        _method_of(invoice, method_id)
    charging.supersede(invoice.id, present(invoice.id))
    return charging.collect(
        invoice.id,
        present(invoice.id),
        method_id=method_id,
        off_session=wanted.off_session,
        return_url=wanted.return_url or "",
    )


def method_for(invoice: models.Invoice, wanted: NewPayment) -> str | None:
    """The method that is meant: the one named, or the token kept as one. None: whatever the invoice is paid with."""
    if wanted.token and wanted.payment_method_id:
        raise InvalidInput("Give a token or a payment method, not both.", code="ambiguous_method", field="token")
    if wanted.token:
        return (effect(models.PaymentMethod) or _keep(invoice, wanted, wanted.token)).id
    if wanted.payment_gateway:
        _check_gateway(invoice, wanted)
    return wanted.payment_method_id


def _keep(invoice: models.Invoice, wanted: NewPayment, token: str) -> models.PaymentMethod:
    if invoice.status not in ("open", "uncollectible"):
        raise Conflict(f"This invoice is {invoice.status}: there is nothing to pay.", code="not_payable")
    account = gateway_account(wanted.payment_gateway)
    return payment_methods.add(invoice.customer_id, account.id, token, present(invoice.id), default=False)


def _check_gateway(invoice: models.Invoice, wanted: NewPayment) -> None:
    """A gateway named beside a method must be the method's own."""
    if wanted.payment_method_id is None:
        raise InvalidInput("Say what to pay with there: a token.", code="missing", field="token")
    account = get(models.GatewayAccount, _method_of(invoice, wanted.payment_method_id).gateway_account_id)
    if account.gateway != wanted.payment_gateway:
        raise InvalidInput(
            f"This payment method belongs to {account.gateway}.", code="gateway_mismatch", field="payment_gateway"
        )


def _method_of(invoice: models.Invoice, method_id: str) -> models.PaymentMethod:
    method = existing(models.PaymentMethod, method_id, "payment_method_id")
    if method.customer_id != invoice.customer_id or method.removed_at:
        raise InvalidInput(
            "This customer has no such payment method.", code="payment_method_unknown", field="payment_method_id"
        )
    return method
