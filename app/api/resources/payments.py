"""Payments and refunds."""

from http import HTTPStatus

from app import models
from app.api import paying
from app.api.blueprint import v1
from app.api.operations import calls_gateway, reads, writes
from app.api.references import existing
from app.api.schemas.base import Page, page_of
from app.api.schemas.payments import (
    Attestation,
    Capture,
    NewPayment,
    NewRefund,
    Payment,
    PaymentListing,
    Refund,
    RefundListing,
    Reversal,
)
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.money import Money
from app.permissions import Permission
from app.present import present
from app.queries import lists
from app.queries.base import get
from app.queries.claims import effect
from app.services import attesting, charging, outside_payments, refunds, refusals


@v1.get("/payments")
@reads(Page[Payment])
def list_payments(query: PaymentListing) -> Page[Payment]:
    """List payments, the newest first."""
    return page_of(lists.payments(query.filters, cursor=query.cursor, limit=query.limit), Payment.of)


@v1.post("/payments")
@calls_gateway(Payment, Permission.COLLECT, HTTPStatus.CREATED)
def pay(json: NewPayment) -> Payment:
    """Pay an invoice.

    With a kept method, a gateway's token, or `hosted`: the payer finishes it with the gateway, in one of the invoice's
    payment options. The answer says what came of it: `succeeded`, `failed` with a decline code, `requires_action` with
    what the payer must do next, `authorized` if it is to be captured later, or `pending` and `unknown`, of which nobody
    knows yet.

    Money that came in outside of any gateway, such as by bank transfer, is recorded with `received`: it has succeeded.
    """
    return Payment.of(effect(models.Payment) or _pay(json))


@v1.get("/payments/<payment_id>")
@reads(Payment)
def show_payment(payment_id: str) -> Payment:
    """Show a payment."""
    return Payment.of(get(models.Payment, payment_id))


@v1.get("/payments/<payment_id>/refunds")
@reads(Page[Refund])
def list_refunds(payment_id: str, query: RefundListing) -> Page[Refund]:
    """List the refunds of a payment, the newest first."""
    filters = {**query.filters, "payment": get(models.Payment, payment_id).id}
    return page_of(lists.refunds(filters, cursor=query.cursor, limit=query.limit), Refund.of)


@v1.post("/payments/<payment_id>/refunds")
@calls_gateway(Refund, Permission.COLLECT, HTTPStatus.CREATED)
def refund_payment(payment_id: str, json: NewRefund) -> Refund:
    """Refund a payment, in whole or in part."""
    return Refund.of(effect(models.Refund) or _refund(get(models.Payment, payment_id), json))


@v1.post("/payments/<payment_id>/capture")
@calls_gateway(Payment, Permission.COLLECT)
def capture_payment(payment_id: str, json: Capture) -> Payment:
    """Capture a payment that is authorized: take what is reserved, or a part of it.

    Of a part, the rest is let go by the gateway and stays due on the invoice. Some gateways tell later how that went:
    it is `pending` then. Where a gateway gives no answer the payment stays `authorized`, and the capture is asked for
    again by itself; if it was refused, `message` says why.
    """
    row = get(models.Payment, payment_id)
    part = None if json.amount is None else Money.parse(json.amount, json.currency or row.currency)
    return Payment.of(charging.capture(payment_id, present(row.id), part=part))


@v1.post("/payments/<payment_id>/void")
@calls_gateway(Payment, Permission.COLLECT)
def void_payment(payment_id: str) -> Payment:
    """Give up a payment that is authorized: nothing is taken, and the invoice stays open. As for a capture."""
    return Payment.of(charging.void(payment_id, present(get(models.Payment, payment_id).id)))


@v1.post("/payments/<payment_id>/reversal")
@writes(Payment, Permission.COLLECT)
def reverse_payment(payment_id: str, json: Reversal) -> Payment:
    """Take back a payment that was `received` outside of gateways: the money did not come, or was recorded on the wrong
    invoice. It has failed, and the invoice is owed again."""
    at = present(get(models.Payment, payment_id).id)
    return Payment.of(outside_payments.take_back(payment_id, at, reason=json.reason))


@v1.post("/payments/<payment_id>/attestation")
@calls_gateway(Payment, Permission.COLLECT)
def attest_payment(payment_id: str, json: Attestation) -> Payment:
    """Say what became of a payment that is in doubt.

    The gateway is asked once more: if it says by now how the payment ended, that counts. What it says later counts,
    too, and is shown as a difference if it is something else.
    """
    at = present(get(models.Payment, payment_id).id)
    return Payment.of(attesting.attest_payment(payment_id, at, made=json.made, note=json.note))


@v1.post("/payments/<payment_id>/refunds/<refund_id>/attestation")
@calls_gateway(Refund, Permission.COLLECT)
def attest_refund(payment_id: str, refund_id: str, json: Attestation) -> Refund:
    """Say what became of a refund that is in doubt. As for a payment."""
    row = get(models.Refund, refund_id)
    if row.payment_id != payment_id:
        raise NotFound(f"This payment has no refund {refund_id}.", field="id")
    return Refund.of(attesting.attest_refund(row.id, present(payment_id), made=json.made, note=json.note))


def _pay(json: NewPayment) -> models.Payment:
    invoice = existing(models.Invoice, json.invoice_id, "invoice_id")
    if json.received is not None:
        return paying.receive(invoice, json, json.received)
    if json.hosted is not None:
        return paying.begin(invoice, json, json.hosted)
    return paying.pay(invoice, json, paying.method_for(invoice, json))


def _refund(payment: models.Payment, json: NewRefund) -> models.Refund:
    if json.currency not in (None, payment.currency):
        raise InvalidInput(f"This payment is in {payment.currency}.", code="currency_mismatch", field="currency")
    left = Money(payment.amount_minor - payment.refunded_minor, payment.currency)
    with refusals.told("refund.refuse", payment.id, present(payment.id)):
        if not left:
            raise Conflict("All of this payment was refunded already.", code="refund_too_large", field="amount")
    amount = left if json.amount is None else Money.parse(json.amount, payment.currency)
    return refunds.refund(payment.id, amount, present(payment.id), reason=json.reason)
