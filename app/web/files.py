"""Documents on their way to a browser."""

from flask import Response, make_response

from app.db import transaction
from app.models import Document
from app.present import present
from app.services import documents


def invoice_pdf(invoice_id: str) -> Response:
    """The PDF of an invoice, to be shown or saved. Raises Conflict for a draft."""
    with transaction():
        return _inline(documents.invoice_pdf(invoice_id, present(invoice_id)))


def credit_note_pdf(credit_note_id: str) -> Response:
    """The PDF of a credit note, likewise."""
    with transaction():
        return _inline(documents.credit_note_pdf(credit_note_id, present(credit_note_id)))


def _inline(document: Document) -> Response:
    response = make_response(documents.content(document))
    response.content_type = document.content_type
    response.headers.set("Content-Disposition", "inline", filename=document.filename)
    return response
