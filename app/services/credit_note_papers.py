"""A credit note on its way to the customer: the PDF, and the mail that brings it."""

from datetime import datetime

from app.db import transaction
from app.domain.money import Money
from app.models import CreditNote, Customer
from app.queries.base import get
from app.services import documents, mails
from app.services.formats import money_text


def credit_note_issued(credit_note_id: str, at: datetime) -> None:
    """Make the PDF of a new credit note and queue it for the customer, with what becomes of the money."""
    with transaction():
        document = documents.credit_note_pdf(credit_note_id, at)
        note = get(CreditNote, credit_note_id)
        customer = get(Customer, note.customer_id)
        if customer.deleted_at:
            return
        parts = {"owed": note.owed_minor, "refund": note.refund_minor, "balance": note.balance_minor}
        context = {
            "name": customer.name,
            "number": note.number,
            "invoice_number": note.invoice.number,
            "document_id": document.id,
            "total": money_text(note.total, customer.locale),
            **{name: _text(minor, note, customer) for name, minor in parts.items()},
        }
        mails.queue("credit_note", customer.email, at, dedupe=note.id, context=context, customer_id=customer.id)


def _text(minor: int, note: CreditNote, customer: Customer) -> str | None:
    return money_text(Money(minor, note.currency), customer.locale) if minor else None
