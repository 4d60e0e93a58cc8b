"""What of an invoice can still be given back, and what is on its way."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, select

from app.db import session
from app.domain.credit_notes import LinePart
from app.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine, Refund
from app.models.base import Json
from app.queries.filters import same


class LineLeft(NamedTuple):
    """A line of an invoice, and what is left of it after credit notes and prorated credits."""

    line: InvoiceLine
    left: LinePart


def lines_left(invoice: Invoice) -> list[LineLeft]:
    """The lines of an invoice in their order. Three statements."""
    lines = session().scalars(
        select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id).order_by(InvoiceLine.position)
    )
    found = {line.id: line for line in lines}
    left = {line.id: _part(line) for line in found.values()}
    for note_line in _note_lines(found):
        part = LinePart(note_line.net_minor, _amounts(note_line.taxes), found[note_line.invoice_line_id].inclusive)
        left[note_line.invoice_line_id] -= part
    for credit in _prorated_credits(found):
        target = found[credit.credits_id or ""]
        left[target.id] -= _given_back(credit, target)
    return [LineLeft(line, left[line.id]) for line in found.values()]


def notes_of(invoice_id: str) -> Sequence[CreditNote]:
    """The credit notes of an invoice, oldest first."""
    return (
        session().scalars(select(CreditNote).where(CreditNote.invoice_id == invoice_id).order_by(CreditNote.id)).all()
    )


def unclaimed(note: CreditNote) -> int:
    """What a credit note is to send back and no refund does yet, in minor units."""
    sent = select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(
        Refund.credit_note_id == note.id, Refund.status != "failed"
    )
    return note.refund_minor - int(session().scalar(sent) or 0)


def refunds_for(note: CreditNote) -> Sequence[Refund]:
    """The refunds of a credit note, newest first."""
    return session().scalars(select(Refund).where(Refund.credit_note_id == note.id).order_by(Refund.id.desc())).all()


def _note_lines(lines: Mapping[str, InvoiceLine]) -> Sequence[CreditNoteLine]:
    return session().scalars(select(CreditNoteLine).where(CreditNoteLine.invoice_line_id.in_(lines))).all()


def _prorated_credits(lines: Mapping[str, InvoiceLine]) -> Sequence[InvoiceLine]:
    query = (
        select(InvoiceLine)
        .join(Invoice, same(InvoiceLine.invoice_id, Invoice))
        .where(InvoiceLine.credits_id.in_(lines), Invoice.status != "void")
    )
    return session().scalars(query).all()


def _part(line: InvoiceLine) -> LinePart:
    taxes, priced = _amounts(line.taxes), line.amount_minor - line.discount_minor
    return LinePart(priced - sum(taxes) if line.inclusive else priced, taxes, line.inclusive)


def _given_back(credit: InvoiceLine, target: InvoiceLine) -> LinePart:
    """A prorated credit as a part of the line it gives back, tax by tax."""
    part = _part(credit)
    by_rate = dict(zip(map(_rate, credit.taxes), part.taxes, strict=True))
    taxes = tuple(-by_rate.get(_rate(tax), 0) for tax in target.taxes)
    return LinePart(-part.net, taxes, target.inclusive)


def _amounts(taxes: Sequence[Json]) -> tuple[int, ...]:
    return tuple(tax["amount_minor"] for tax in taxes)


def _rate(tax: Json) -> tuple[str, str]:
    return tax["name"], tax["rate"]
