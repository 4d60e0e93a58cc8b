"""Lists as CSV files, with the filters of the page they are asked from, sent while they are being read."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, stream_with_context

from app import clock
from app.db import tenant_scope
from app.domain.money import Money
from app.domain.zones import local_date, zone
from app.models import Invoice, Payment
from app.permissions import Permission
from app.queries import lists
from app.queries.base import MAX_LIMIT, Page
from app.services.formats import paid_with
from app.web.admin import invoices as invoice_pages
from app.web.admin import payments as payment_pages
from app.web.auth_guard import person, requires

pages = Blueprint("exports", __name__, url_prefix="/exports")

Cell = str | Decimal | datetime | None
INVOICE_COLUMNS = (
    "number status customer_id customer email currency subtotal discount tax total paid due"
    " issued_at due_at paid_at voided_at id"
).split()
PAYMENT_COLUMNS = (
    "id status customer_id customer invoice gateway account method currency amount refunded"
    " started_at ended_at decline_code message gateway_ref received_at"
).split()
# A spreadsheet takes a text that begins so for a formula, and runs it (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes UTF-8 for something else


@pages.get("/invoices.csv")
@requires(Permission.VIEW)
def invoices() -> Response:
    """The invoices of the list, a row each."""
    filters = invoice_pages.filters()
    return _file("invoices", INVOICE_COLUMNS, lambda at: lists.invoices(filters, cursor=at, limit=MAX_LIMIT), _invoice)


@pages.get("/payments.csv")
@requires(Permission.VIEW)
def payments() -> Response:
    """The payments of the list, a row each."""
    filters = payment_pages.filters()
    return _file("payments", PAYMENT_COLUMNS, lambda at: lists.payments(filters, cursor=at, limit=MAX_LIMIT), _payment)


def _file(
    name: str, columns: Sequence[str], read: Callable[[str | None], Page[Any]], row: Callable[[Any], Sequence[Cell]]
) -> Response:
    today = local_date(clock.now(), person().timezone)
    lines = _lines(person().tenant_id, person().timezone, columns, read, row)
    disposition = {"Content-Disposition": f'attachment; filename="{name}-{today}.csv"'}
    return Response(stream_with_context(lines), headers=disposition, content_type="text/csv; charset=utf-8")


def _lines(
    tenant_id: str,
    timezone: str,
    columns: Sequence[str],
    read: Callable[[str | None], Page[Any]],
    row: Callable[[Any], Sequence[Cell]],
) -> Iterator[str]:
    """Page after page, each in a scope of its own: the view's has ended when the first line is sent."""
    yield BYTE_ORDER_MARK + _csv([columns], timezone)
    cursor, more = None, True
    while more:
        with tenant_scope(tenant_id):
            page = read(cursor)
            text = _csv([row(item) for item in page.items], timezone)
        yield text
        cursor, more = page.next_cursor, page.next_cursor is not None


def _csv(rows: Sequence[Sequence[Cell]], timezone: str) -> str:
    sheet = io.StringIO()
    csv.writer(sheet).writerows([_text(cell, timezone) for cell in row] for row in rows)
    return sheet.getvalue()


def _text(cell: Cell, timezone: str) -> str:
    if isinstance(cell, datetime):
        return cell.astimezone(zone(timezone)).isoformat(timespec="seconds")
    if isinstance(cell, str) and cell.startswith(FORMULA):
        return f"'{cell}"
    return "" if cell is None else str(cell)


def _invoice(row: Invoice) -> Sequence[Cell]:
    parts = (row.subtotal_minor, row.discount_minor, row.tax_minor, row.total_minor, row.paid_minor)
    return (
        row.number,
        row.status,
        row.customer_id,
        row.customer.name,
        row.customer.email,
        row.currency,
        *(Money(minor, row.currency).amount for minor in parts),
        row.due.amount,
        row.issued_at,
        row.due_at,
        row.paid_at,
        row.voided_at,
        row.id,
    )


def _payment(row: Payment) -> Sequence[Cell]:
    return (
        row.id,
        row.status,
        row.customer_id,
        row.customer.name,
        row.invoice.number,
        row.gateway_account.gateway if row.gateway_account else lists.OUTSIDE,
        row.gateway_account.name if row.gateway_account else None,
        paid_with(row),
        row.currency,
        row.amount.amount,
        Money(row.refunded_minor, row.currency).amount,
        row.started_at,
        row.settled_at,
        row.decline_code,
        row.message,
        row.gateway_ref or row.outside_reference,
        row.received_at,
    )
