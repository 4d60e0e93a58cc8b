"""Invoices."""

from http import HTTPStatus

from flask import Response

from app import models
from app.api import paying
from app.api.blueprint import v1
from app.api.files import download
from app.api.operations import calls_gateway, reads, writes
from app.api.references import existing
from app.api.schemas.base import Page, page_of
from app.api.schemas.invoices import (
    Invoice,
    InvoiceListing,
    InvoicePayment,
    InvoiceWithLines,
    NewInvoice,
    Voiding,
    WriteOff,
)
from app.api.schemas.payment_options import PaymentOptions
from app.api.schemas.payments import Payment
from app.db import transaction
from app.domain.errors import InvalidInput
from app.permissions import Permission
from app.present import present
from app.queries import lists
from app.queries.base import get
from app.queries.claims import effect
from app.services import balances, documents, invoices, write_offs


@v1.get("/invoices")
@reads(Page[Invoice])
def list_invoices(query: InvoiceListing) -> Page[Invoice]:
    """List invoices, the newest first."""
    return page_of(lists.invoices(query.filters, cursor=query.cursor, limit=query.limit), Invoice.of)


@v1.post("/invoices")
@writes(InvoiceWithLines, Permission.SELL, HTTPStatus.CREATED)
def issue_invoice(json: NewInvoice) -> InvoiceWithLines:
    """Issue a one-off invoice, or keep it as a draft."""
    customer = existing(models.Customer, json.customer, "customer")
    if json.currency not in (None, customer.currency):
        raise InvalidInput(
            f"This customer is billed in {customer.currency}.", code="currency_mismatch", field="currency"
        )
    lines = [line.one_off() for line in json.lines]
    row = invoices.create(
        customer.id, lines, present(customer.id), collection=json.collection, memo=json.memo, finalize=not json.draft
    )
    return InvoiceWithLines.of(row)


@v1.get("/invoices/<invoice_id>")
@reads(InvoiceWithLines)
def show_invoice(invoice_id: str) -> InvoiceWithLines:
    """Show an invoice with its lines, and why each amount is what it is."""
    return InvoiceWithLines.of(get(models.Invoice, invoice_id))


@v1.get("/invoices/<invoice_id>/payment-options")
@reads(PaymentOptions)
def show_payment_options(invoice_id: str) -> PaymentOptions:
    """Show how an invoice can be paid now: the customer's methods, and gateways with which a payer finishes it."""
    return paying.options(get(models.Invoice, invoice_id))


@v1.get("/invoices/<invoice_id>/pdf")
@reads(None, media="application/pdf")
def show_pdf(invoice_id: str) -> Response:
    """Download an invoice as PDF."""
    with transaction():
        return download(documents.invoice_pdf(invoice_id, present(invoice_id)))


@v1.post("/invoices/<invoice_id>/void")
@writes(InvoiceWithLines, Permission.COLLECT)
def void_invoice(invoice_id: str, json: Voiding) -> InvoiceWithLines:
    """Take an unpaid invoice back. It keeps its number."""
    return InvoiceWithLines.of(invoices.void(invoice_id, present(invoice_id), reason=json.reason))


@v1.post("/invoices/<invoice_id>/write-off")
@writes(InvoiceWithLines, Permission.COLLECT)
def write_off_invoice(invoice_id: str, json: WriteOff) -> InvoiceWithLines:
    """Give up an open invoice: it becomes `uncollectible`, and can still be paid."""
    return InvoiceWithLines.of(write_offs.write_off(invoice_id, present(invoice_id), reason=json.reason))


@v1.post("/invoices/<invoice_id>/apply-balance")
@writes(InvoiceWithLines, Permission.COLLECT)
def pay_from_balance(invoice_id: str) -> InvoiceWithLines:
    """Pay an open invoice with the customer's balance, as far as it goes."""
    return InvoiceWithLines.of(balances.apply(invoice_id, present(invoice_id)))


@v1.post("/invoices/<invoice_id>/pay")
@calls_gateway(Payment, Permission.COLLECT, HTTPStatus.CREATED)
def pay_invoice(invoice_id: str, json: InvoicePayment) -> Payment:
    """Pay an invoice with a kept method: the one given, the subscription's, or the customer's."""
    invoice = get(models.Invoice, invoice_id)
    return Payment.of(effect(models.Payment) or paying.pay(invoice, json, json.payment_method_id))
