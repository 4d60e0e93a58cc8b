"""Issuing bills: totals, numbers and what the balance pays, then all rows, one statement for each kind of them."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from app.domain.discounts import Discount
from app.domain.invoicing import DraftLine, InvoiceTotals, invoice_totals
from app.ids import as_id, to_uuid
from app.models import Invoice, InvoiceLine
from app.services import balance_moves, events, invoice_numbers, ledger
from app.services.bulk import add_to_rows, insert_rows, put_rows, together
from app.services.invoice_rows import INVOICE_COLUMNS, LINE_COLUMNS, Bill, Drawn, Issue, invoice_row, line_row

GRACED = "subscription_cycle"  # only renewals come by themselves, so only they are left open for a while


def issue(issue_of: Issue, bills: Sequence[Bill], balances: Mapping[str, int]) -> list[str]:
    """Write the bills as invoices, or as drafts where they are to be looked at first; gives their ids in order.

    Runs in the caller's transaction. `balances` of customers are locked until commit, and so are the numbers it takes.
    An invoice gets its number, and is issued by that, when everything else is written.
    """
    drawn = _drawn(issue_of, bills, balances)
    put = put_rows if any(each.bill.rewrites for each in drawn) else insert_rows
    with together():
        add_to_rows(InvoiceLine, "credited_minor", (credit for each in drawn for credit in _credits(each)))
        put(InvoiceLine, LINE_COLUMNS, [row for each in drawn for row in _line_rows(issue_of, each)])
        ledger.post_all([booking for each in drawn for booking in _bookings(each)], issue_of.at)
        events.emit_all([fact for each in drawn for fact in _facts(each)], issue_of.at)
        put(Invoice, INVOICE_COLUMNS, [invoice_row(issue_of, each) for each in drawn])
        final = [(each.id, each.bill.customer) for each in drawn if not each.is_draft]
        invoice_numbers.give(issue_of.tenant, final, issue_of.at)
    return [each.invoice_id for each in drawn]


def totals_of(bill: Bill) -> InvoiceTotals:
    """What a bill comes to, with the discounts it has. Raises what the domain refuses."""
    drafts = tuple([line.draft for line in bill.lines])
    return _totals(drafts, bill.customer.currency, tuple([grant.discount for grant in bill.discounts]))


@lru_cache(maxsize=1024)
def _totals(drafts: tuple[DraftLine, ...], currency: str, discounts: tuple[Discount, ...]) -> InvoiceTotals:
    """Remembered, because thousands in one place are on the same plan."""
    return invoice_totals(drafts, currency, discounts)


def _drawn(issue_of: Issue, bills: Sequence[Bill], balances: Mapping[str, int]) -> list[Drawn]:
    totals = [totals_of(bill) for bill in bills]
    final = [place for place, bill in enumerate(bills) if not _stays_draft(issue_of, bill)]
    customer_ids = [bills[place].customer.id for place in final]
    owed = [totals[place].total.minor for place in final]
    taken = balance_moves.spend(list(zip(customer_ids, owed, strict=True)), balances)
    spent = dict(zip(final, taken, strict=True))
    ids = [_id_of(bill) for bill in bills]
    return [
        Drawn(ids[place], as_id("inv", ids[place]), bill, totals[place], place not in spent, spent.get(place, 0))
        for place, bill in enumerate(bills)
    ]


def _id_of(bill: Bill) -> UUID:
    return to_uuid("inv", bill.rewrites.id) if bill.rewrites else uuid7()


def _stays_draft(issue_of: Issue, bill: Bill) -> bool:
    graced = bill.reason == GRACED and not bill.rewrites and issue_of.tenant.setting("grace_hours") > 0
    return bill.draft or graced or bill.parked is not None


def _line_rows(issue_of: Issue, drawn: Drawn) -> Iterator[tuple[Any, ...]]:
    pairs = zip(drawn.bill.lines, drawn.total.lines, strict=True)
    return (line_row(issue_of, drawn, position, line, total) for position, (line, total) in enumerate(pairs, 1))


def _credits(drawn: Drawn) -> Iterator[tuple[UUID, int]]:
    """What new lines give back of earlier ones, so that nothing is given back twice."""
    for line in drawn.bill.lines:
        if line.credits_id and line.id is None:
            yield to_uuid("ivl", line.credits_id), -line.draft.amount.minor


def _bookings(drawn: Drawn) -> Iterator[ledger.Booking]:
    """What an invoice does to the books; a draft does nothing yet."""
    if drawn.is_draft:
        return
    invoice_id, customer_id, total = drawn.invoice_id, drawn.bill.customer.id, drawn.total
    if total.total:
        yield ledger.invoice_finalized(invoice_id, customer_id, total)
    if drawn.from_balance:
        yield ledger.balance_applied(invoice_id, customer_id, drawn.from_balance, total.currency)


def _facts(drawn: Drawn) -> Iterator[events.Fact]:
    """What there is to say about an invoice. One that asks for nothing is paid the moment it is issued."""
    is_new = drawn.bill.rewrites is None
    names = ("invoice.finalized",) if drawn.due else ("invoice.finalized", "invoice.paid")
    if drawn.is_draft:
        names = ("invoice.drafted",) if is_new else ("invoice.updated",)
    said = {"total": str(drawn.total.total)}
    if drawn.bill.parked:
        names, said = ("invoice.parked",), {**said, "reason": drawn.bill.parked}
    for name in names:
        yield events.Fact(name, drawn.invoice_id, drawn.bill.customer.id, said)
