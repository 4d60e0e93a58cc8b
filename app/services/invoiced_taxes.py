"""The taxes that a line was really invoiced with: whatever gives it back, gives those back (Excise Tax Act, s. 232).

The customer may have moved since, and the rate may have changed: neither touches what was charged.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select

from app.db import session
from app.domain.taxes import ChargedTax, TaxRate, TaxTreatment
from app.models import Invoice, InvoiceLine
from app.models.base import Json
from app.queries.base import among
from app.queries.filters import same
from app.queries.tax_books import rates_by_id
from app.services.invoice_rows import Bill


def of_lines(line_ids: Collection[str]) -> dict[str, TaxTreatment]:
    """How lines of invoices were taxed, by their ids: the rates, the numbers they were charged under, and the notes.

    Two statements, however many lines there are.
    """
    query = (
        select(InvoiceLine.id, InvoiceLine.taxes, Invoice.taxes, Invoice.notes)
        .join(Invoice, same(InvoiceLine.invoice_id, Invoice))
        .where(among(InvoiceLine.id, line_ids))
    )
    found = session().execute(query).all()
    rates = rates_by_id({tax["rate_id"] for _, taxes, _, _ in found for tax in taxes})
    return {line_id: _treatment(taxes, sums, notes, rates) for line_id, taxes, sums, notes in found}


def on_credits(bills: Sequence[Bill]) -> list[Bill]:
    """The bills, with the lines that give earlier ones back taxed as those were."""
    given_back = {line.credits_id for bill in bills for line in bill.lines if line.credits_id}
    if not given_back:
        return list(bills)
    treatments = of_lines(given_back)
    return [_with(bill, treatments) for bill in bills]


def _with(bill: Bill, treatments: Mapping[str, TaxTreatment]) -> Bill:
    lines = [
        replace(line, draft=replace(line.draft, treatment=treatments[line.credits_id])) if line.credits_id else line
        for line in bill.lines
    ]
    return replace(bill, lines=tuple(lines))


def _treatment(
    taxes: Sequence[Json], sums: Sequence[Json], notes: Sequence[str], rates: Mapping[str, TaxRate]
) -> TaxTreatment:
    numbers = {tax["rate_id"]: tax["registration_number"] for tax in sums}
    charged = [ChargedTax(rates[tax["rate_id"]], numbers[tax["rate_id"]]) for tax in taxes]
    return TaxTreatment(tuple(charged), tuple(notes))
