"""Drafts: changing an invoice before it is issued."""

from http import HTTPStatus

from app.api.blueprint import v1
from app.api.operations import writes
from app.api.schemas.invoices import InvoiceWithLines, LineChanges, NewInvoiceLine
from app.permissions import Permission
from app.present import present
from app.services import draft_lines, drafts, invoices


@v1.post("/invoices/<invoice_id>/finalize")
@writes(InvoiceWithLines, Permission.SELL)
def finalize_invoice(invoice_id: str) -> InvoiceWithLines:
    """Give a draft its number and ask for the money."""
    return InvoiceWithLines.of(drafts.finalize(invoice_id, present(invoice_id)))


@v1.post("/invoices/<invoice_id>/replace")
@writes(InvoiceWithLines, Permission.COLLECT, HTTPStatus.CREATED)
def replace_invoice(invoice_id: str) -> InvoiceWithLines:
    """Take an unpaid invoice back and write the same again as a draft, which is the answer."""
    return InvoiceWithLines.of(invoices.replace(invoice_id, present(invoice_id)))


@v1.post("/invoices/<invoice_id>/lines")
@writes(InvoiceWithLines, Permission.SELL, HTTPStatus.CREATED)
def add_line(invoice_id: str, json: NewInvoiceLine) -> InvoiceWithLines:
    """Add a line to a draft. Its totals are reckoned anew."""
    return InvoiceWithLines.of(draft_lines.add(invoice_id, json.one_off(), present(invoice_id)))


@v1.patch("/invoices/<invoice_id>/lines/<line_id>")
@writes(InvoiceWithLines, Permission.SELL)
def change_line(invoice_id: str, line_id: str, json: LineChanges) -> InvoiceWithLines:
    """Change a line of a draft; its price is then simply quantity times unit amount."""
    return InvoiceWithLines.of(draft_lines.change(invoice_id, line_id, json.given(), present(invoice_id)))


@v1.delete("/invoices/<invoice_id>/lines/<line_id>")
@writes(InvoiceWithLines, Permission.SELL)
def remove_line(invoice_id: str, line_id: str) -> InvoiceWithLines:
    """Take a line off a draft."""
    return InvoiceWithLines.of(draft_lines.remove(invoice_id, line_id, present(invoice_id)))
