"""The PDFs of invoices and credit notes: made once, kept, and the same bytes ever after."""

import hashlib
from datetime import datetime
from typing import Any

from flask import render_template
from sqlalchemy import select

from app.db import current_tenant_id, session
from app.domain.errors import Conflict
from app.ids import new_id
from app.integrations import pdf
from app.integrations.storage import DirectoryStorage, Storage
from app.models import CreditNote, Document, Invoice
from app.queries.balances import taken_at_issue
from app.queries.base import get
from app.services.paper import paper_size
from app.settings import current_settings


def storage() -> Storage:
    """Where documents are kept."""
    return DirectoryStorage(current_settings().quittance_data_dir / "documents")


def invoice_pdf(invoice_id: str, at: datetime) -> Document:
    """The invoice's PDF, made now if it was not made before. Raises Conflict for a draft, which has no number yet."""
    invoice = get(Invoice, invoice_id, lock=True)
    if invoice.number is None:
        raise Conflict("A draft has no PDF: finalise the invoice first.", code="invoice_is_draft")
    return find(invoice_id) or _make(invoice.id, invoice.number, "invoice", _invoice_html(invoice), at)


def credit_note_pdf(credit_note_id: str, at: datetime) -> Document:
    """The credit note's PDF, made now if it was not made before."""
    note = get(CreditNote, credit_note_id, lock=True)
    return find(credit_note_id) or _make(note.id, note.number, "credit_note", _credit_note_html(note), at)


def find(subject_id: str) -> Document | None:
    """The PDF of this invoice or credit note if it was made already."""
    return session().scalar(select(Document).where(Document.subject_id == subject_id))


def content(document: Document) -> bytes:
    """The bytes of a document."""
    return storage().read(document.path)


def _make(subject_id: str, number: str, kind: str, html: str, at: datetime) -> Document:
    file = pdf.render(html)
    document_id = new_id("doc")
    path = f"{current_tenant_id()}/{document_id}.pdf"
    storage().write(path, file)
    row = Document(
        id=document_id,
        subject_id=subject_id,
        kind=kind,
        filename=f"{number}.pdf",
        path=path,
        content_type="application/pdf",
        size=len(file),
        sha256=hashlib.sha256(file).hexdigest(),
        created_at=at,
    )
    session().add(row)
    session().flush()
    return row


def _invoice_html(invoice: Invoice) -> str:
    days = (invoice.due_at - invoice.issued_at).days if invoice.due_at and invoice.issued_at else 0
    terms, from_balance = f"Net {days} days" if days else "Due on receipt", taken_at_issue(invoice)
    return _html("invoice", invoice, invoice=invoice, terms=terms, from_balance=from_balance)


def _credit_note_html(note: CreditNote) -> str:
    return _html("credit_note", note, note=note)


def _html(template: str, row: Invoice | CreditNote, **context: Any) -> str:
    """What is printed comes from the row alone, which keeps seller and buyer as they were."""
    return render_template(
        f"documents/{template}.html",
        number=row.number,
        seller=row.seller,
        buyer=row.buyer,
        zone=row.buyer["timezone"],
        locale=row.buyer["locale"],
        paper=paper_size(row.seller["address"].get("country")),
        font_dir=pdf.FONT_DIR,
        **context,
    )
