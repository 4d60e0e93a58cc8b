"""Changing the lines of a draft. Its totals are reckoned anew, by the same rules that will issue it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete

from app.db import session
from app.domain.errors import Conflict, NotFound
from app.ids import to_uuid
from app.models import Invoice, InvoiceLine
from app.queries.base import get
from app.services import drafts
from app.services.billing import Biller
from app.services.bulk import add_to_rows
from app.services.history import audit
from app.services.invoice_rows import BillLine
from app.services.one_off import OneOff

EDITABLE = ("description", "quantity", "unit_amount")


def add(invoice_id: str, line: OneOff, at: datetime) -> Invoice:
    """Add a line to a draft. Raises Conflict for a finalised invoice, and InvalidInput naming the field."""
    invoice, biller = drafts.locked(invoice_id), Biller(at)
    bill = drafts.bill_of(biller, invoice)
    lines = (*bill.lines, biller.one_off_line(bill.customer, line))
    return _rewrite(biller, invoice, lines, "add_line")


def change(invoice_id: str, line_id: str, values: Mapping[str, Any], at: datetime) -> Invoice:
    """Change `description`, `quantity` or `unit_amount` of a draft's line, whose price is then simply that.

    Raises NotFound for a line of another invoice, Conflict for one that was given back in part; else like `add`.
    """
    invoice, biller = drafts.locked(invoice_id), Biller(at)
    row = _line_of(invoice, line_id)
    bill = drafts.bill_of(biller, invoice)
    kept = {"description": row.description, "quantity": row.quantity, "unit_amount": row.unit_amount or 0}
    given = {name: value for name, value in values.items() if name in EDITABLE}
    written = OneOff(**{**kept, **given}, tax_category=row.tax_category, inclusive=row.inclusive)
    draft = biller.one_off_line(bill.customer, written).draft
    lines = tuple(replace(line, draft=draft) if line.id == line_id else line for line in bill.lines)
    return _rewrite(biller, invoice, lines, "change_line")


def remove(invoice_id: str, line_id: str, at: datetime) -> Invoice:
    """Take a line off a draft. Raises like `change`."""
    invoice, biller = drafts.locked(invoice_id), Biller(at)
    row = _line_of(invoice, line_id)
    bill = drafts.bill_of(biller, invoice)
    if row.credits_id:
        add_to_rows(InvoiceLine, "credited_minor", [(to_uuid("ivl", row.credits_id), row.amount_minor)])
    session().execute(delete(InvoiceLine).where(InvoiceLine.id == line_id))
    return _rewrite(biller, invoice, tuple(line for line in bill.lines if line.id != line_id), "remove_line")


def _line_of(invoice: Invoice, line_id: str) -> InvoiceLine:
    row = get(InvoiceLine, line_id)
    if row.invoice_id != invoice.id:
        raise NotFound(f"This invoice has no line {line_id}.", field="id")
    if row.credited_minor:
        raise Conflict("This line was given back in part: it stays as it is.", code="line_credited")
    return row


def _rewrite(biller: Biller, invoice: Invoice, lines: tuple[BillLine, ...], change: str) -> Invoice:
    """Write a draft anew with these lines."""
    biller.issue([replace(drafts.bill_of(biller, invoice), lines=lines, draft=True)])
    audit(f"invoice.{change}", invoice.id, biller.issue_of.at)
    session().expire(invoice, ["lines"])
    return get(Invoice, invoice.id, lock=True)
