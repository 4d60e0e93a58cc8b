"""Credit notes: giving back what was invoiced, to the cent and never more (rules: domain/credit_notes.py).

A note first takes off what is still owed. The rest goes back to the payments it came from, or becomes the customer's
balance.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from app.db import session
from app.domain import credit_notes as rules
from app.domain.errors import Conflict, InvalidInput
from app.domain.ledger import entry
from app.domain.money import Money
from app.ids import new_id, to_uuid
from app.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine, Payment
from app.models.base import Json
from app.queries.base import get
from app.queries.credit_notes import LineLeft, lines_left
from app.services import balance_moves, collection, ledger, numbers, refundable
from app.services.bulk import add_to_rows
from app.services.events import emit
from app.services.history import audit
from app.services.locks import lock_debt

CREDITABLE = ("open", "paid")
SETTLEMENTS = ("auto", "balance", "refund")


class Split(NamedTuple):
    """What becomes of a credit note's total, in minor units."""

    owed: int
    refund: int
    balance: int


class Drawn(NamedTuple):
    """A credit note before it is written: what is left of each line, the part of it, and where the total goes."""

    left: Sequence[LineLeft]
    note: rules.CreditNote
    split: Split


def issue(
    invoice_id: str,
    at: datetime,
    *,
    amount: Money | None = None,
    lines: Mapping[str, Money] | None = None,
    reason: str = "",
    settle: str = "auto",
) -> CreditNote:
    """Give back an invoice: an `amount` of it, tax included, or amounts of its `lines` by id as priced, or all of it.

    `settle` says where what was paid goes: `refund` (to the payments it came from), `balance`, or `auto`: refunded as
    far as the gateways can, the rest to the balance. Refunds follow by themselves. 40.68 of an invoice of 113.00 with
    13.00 tax gives back 36.00 and 4.68. Raises InvalidInput or Conflict, naming the field, for more than is left.
    """
    payments = refundable.payments_of(invoice_id, lock=True)
    invoice = lock_debt(invoice_id)
    drawn = _drawn(invoice, payments, amount, lines, settle)
    if drawn.split.balance:
        balance_moves.of(invoice.customer_id)  # locked before the counter of the numbers, see services/locks.py
    row = _write(invoice, drawn, reason, at)
    _book(row, at)
    invoice.credited_minor += drawn.split.owed
    collection.close(invoice, at)
    return row


def preview(
    invoice_id: str, *, amount: Money | None = None, lines: Mapping[str, Money] | None = None, settle: str = "auto"
) -> Drawn:
    """What `issue` would write now, to the cent. Nothing is written or locked, and the same is refused."""
    return _drawn(get(Invoice, invoice_id), refundable.payments_of(invoice_id), amount, lines, settle)


def _drawn(
    invoice: Invoice,
    payments: Sequence[Payment],
    amount: Money | None,
    lines: Mapping[str, Money] | None,
    settle: str,
) -> Drawn:
    if settle not in SETTLEMENTS:
        raise InvalidInput(f"settle is one of {', '.join(SETTLEMENTS)}.", code="invalid_settle", field="settle")
    if invoice.status not in CREDITABLE:
        raise Conflict(f"An invoice that is {invoice.status} cannot be credited.", code="not_creditable")
    left = lines_left(invoice)
    note = _note(left, invoice, amount, lines)
    return Drawn(left, note, _split(note.total.minor, invoice, refundable.left(invoice, payments), settle))


def _note(
    left: Sequence[LineLeft], invoice: Invoice, amount: Money | None, lines: Mapping[str, Money] | None
) -> rules.CreditNote:
    parts = [each.left for each in left]
    if amount is not None and lines is not None:
        raise InvalidInput("Give an amount or lines, not both.", code="ambiguous_credit", field="amount")
    if amount is not None:
        _check_currency(amount, invoice, "amount")
        return rules.credit_amount(parts, amount)
    if lines is not None:
        names = [each.line.id for each in left]
        return rules.credit_lines(parts, _by_position(left, invoice, lines), invoice.currency, names)
    if sum(part.total for part in parts) < 0:
        raise Conflict("This invoice is itself a credit: there is nothing to give back.", code="nothing_left_to_credit")
    return rules.credit_all(parts, invoice.currency)


def _by_position(left: Sequence[LineLeft], invoice: Invoice, lines: Mapping[str, Money]) -> dict[int, Money]:
    positions = {each.line.id: position for position, each in enumerate(left)}
    for line_id, amount in lines.items():
        if line_id not in positions:
            raise InvalidInput(f"This invoice has no line {line_id}.", code="unknown_line", field=f"lines.{line_id}")
        _check_currency(amount, invoice, f"lines.{line_id}")
    return {positions[line_id]: amount for line_id, amount in lines.items()}


def _check_currency(amount: Money, invoice: Invoice, field: str) -> None:
    if amount.currency != invoice.currency:
        raise InvalidInput(f"This invoice is in {invoice.currency}.", code="currency_mismatch", field=field)


def _split(total: int, invoice: Invoice, can_refund: int, settle: str) -> Split:
    owed = min(total, invoice.due_minor)
    paid = total - owed
    refund = {"auto": min(paid, can_refund), "balance": 0, "refund": paid}[settle]
    if refund > can_refund:
        most = Money(can_refund, invoice.currency)
        raise Conflict(
            f"Only {most} can be sent back to payments: settle the rest with the balance.",
            code="not_refundable",
            field="settle",
        )
    return Split(owed, refund, paid - refund)


def _write(invoice: Invoice, drawn: Drawn, reason: str, at: datetime) -> CreditNote:
    left, note, split = drawn
    row = CreditNote(
        id=new_id("crn"),
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        number=f"CN-{numbers.take('credit notes'):06d}",
        currency=invoice.currency,
        reason=reason,
        net_minor=note.net.minor,
        tax_minor=note.tax.minor,
        total_minor=note.total.minor,
        owed_minor=split.owed,
        refund_minor=split.refund,
        balance_minor=split.balance,
        refund_at=at if split.refund else None,
        taxes=_tax_sums(invoice, left, note),
        seller=invoice.seller,
        buyer=invoice.buyer,
        issued_at=at,
        created_at=at,
    )
    session().add(row)
    session().flush()
    touched = [(each.line, part) for each, part in zip(left, note.parts, strict=True) if part.net or any(part.taxes)]
    session().add_all(_line(row, position, line, part, at) for position, (line, part) in enumerate(touched, 1))
    session().flush()
    add_to_rows(InvoiceLine, "credited_minor", [(to_uuid("ivl", line.id), part.priced) for line, part in touched])
    audit("credit_note.issue", row.id, at, invoice=invoice.id, total=str(row.total), reason=reason)
    emit("credit_note.issued", row.id, at, customer_id=row.customer_id, invoice=invoice.id, total=str(row.total))
    return row


def _line(row: CreditNote, position: int, line: InvoiceLine, part: rules.LinePart, at: datetime) -> CreditNoteLine:
    taxes = [{**tax, "amount_minor": minor} for tax, minor in zip(line.taxes, part.taxes, strict=True)]
    return CreditNoteLine(
        credit_note_id=row.id,
        invoice_line_id=line.id,
        position=position,
        description=line.description,
        net_minor=part.net,
        tax_minor=sum(part.taxes),
        taxes=taxes,
        created_at=at,
    )


def _tax_sums(invoice: Invoice, left: Sequence[LineLeft], note: rules.CreditNote) -> list[Json]:
    """The taxes of the invoice that are given back, each once."""
    sums: dict[tuple[str, str], int] = {}
    for each, part in zip(left, note.parts, strict=True):
        for tax, minor in zip(each.line.taxes, part.taxes, strict=True):
            rate = (tax["name"], tax["rate"])
            sums[rate] = sums.get(rate, 0) + minor
    given_back = [(tax, sums.get((tax["name"], tax["rate"]), 0)) for tax in invoice.taxes]
    return [{**tax, "amount_minor": minor} for tax, minor in given_back if minor]


def _book(row: CreditNote, at: datetime) -> None:
    """What is to be refunded stands against the customer's debt until it has been sent."""
    if row.total_minor:
        amounts = {"revenue": row.net_minor, "tax": row.tax_minor, "to_balance": row.balance_minor}
        posted = entry("credit_note_issued", row.currency, owed=row.owed_minor + row.refund_minor, **amounts)
        ledger.post_all([ledger.Booking(row.id, row.customer_id, posted)], at)
