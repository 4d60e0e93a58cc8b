"""Credit notes."""

from http import HTTPStatus

from flask import Response

from app import models
from app.api.blueprint import v1
from app.api.files import download
from app.api.operations import reads, writes
from app.api.schemas.base import Listing, Page, page_of
from app.api.schemas.credit_notes import (
    CreditNote,
    CreditNoteListing,
    CreditNotePreview,
    CreditNoteWithLines,
    NewCreditNote,
)
from app.db import transaction
from app.permissions import Permission
from app.present import present
from app.queries import sale_lists
from app.queries.base import get
from app.services import credit_notes, documents


@v1.get("/credit-notes")
@reads(Page[CreditNote])
def list_credit_notes(query: CreditNoteListing) -> Page[CreditNote]:
    """List credit notes, the newest first."""
    return page_of(sale_lists.credit_notes(query.filters, cursor=query.cursor, limit=query.limit), CreditNote.of)


@v1.get("/credit-notes/<credit_note_id>")
@reads(CreditNoteWithLines)
def show_credit_note(credit_note_id: str) -> CreditNoteWithLines:
    """Show a credit note with its lines."""
    return CreditNoteWithLines.of(get(models.CreditNote, credit_note_id))


@v1.get("/credit-notes/<credit_note_id>/pdf")
@reads(None, media="application/pdf")
def show_credit_note_pdf(credit_note_id: str) -> Response:
    """Download a credit note as PDF."""
    with transaction():
        return download(documents.credit_note_pdf(credit_note_id, present(credit_note_id)))


@v1.get("/invoices/<invoice_id>/credit-notes")
@reads(Page[CreditNote])
def list_credit_notes_of_invoice(invoice_id: str, query: Listing) -> Page[CreditNote]:
    """List the credit notes of an invoice, the newest first."""
    filters = {"invoice": get(models.Invoice, invoice_id).id}
    return page_of(sale_lists.credit_notes(filters, cursor=query.cursor, limit=query.limit), CreditNote.of)


@v1.post("/invoices/<invoice_id>/credit-notes")
@writes(CreditNoteWithLines, Permission.COLLECT, HTTPStatus.CREATED)
def issue_credit_note(invoice_id: str, json: NewCreditNote) -> CreditNoteWithLines:
    """Give back an invoice, in part or in full. Refunds follow by themselves."""
    currency = get(models.Invoice, invoice_id).currency
    amount, lines = json.money(currency), json.parts(currency)
    row = credit_notes.issue(
        invoice_id, present(invoice_id), amount=amount, lines=lines, reason=json.reason, settle=json.settle
    )
    return CreditNoteWithLines.of(row)


@v1.post("/invoices/<invoice_id>/credit-notes/preview")
@writes(CreditNotePreview, Permission.VIEW)
def preview_credit_note(invoice_id: str, json: NewCreditNote) -> CreditNotePreview:
    """Show what a credit note would come to, to the cent. Nothing is stored."""
    currency = get(models.Invoice, invoice_id).currency
    drawn = credit_notes.preview(
        invoice_id, amount=json.money(currency), lines=json.parts(currency), settle=json.settle
    )
    return CreditNotePreview.of(drawn)
