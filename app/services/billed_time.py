"""What was really invoiced in advance for the current period, with its discounts and what was given back since.

The invoices say it, not our memory: a line that a credit note gave back in part can be credited for the rest only, and
one whose invoice was taken back not at all (issue 3: no credit exceeds what was invoiced).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Select, select, union_all

from app.db import session
from app.domain.contract import Contract
from app.domain.credits import Billed
from app.domain.lines import LineKind
from app.domain.money import Money
from app.domain.terms import Item
from app.models import Invoice, InvoiceLine, Subscription
from app.queries.base import among
from app.queries.filters import same

PERIOD_REASONS = ("subscription_start", "subscription_cycle")


def with_billed(rows: Sequence[tuple[Subscription, Contract]]) -> list[Contract]:
    """The contracts with what was billed in advance; one statement for all of them."""
    invoiced = _invoiced([row for row, _ in rows])
    lines = {line.id: line for _, line in invoiced}
    found = [_known(each, lines) if _remembers(row) else _billed(each, row, invoiced) for row, each in rows]
    return [replace(contract, billed=tuple(billed)) for (_, contract), billed in zip(rows, found, strict=True)]


def _remembers(row: Subscription) -> bool:
    return row.state is not None and row.state["billed"] is not None


def _refs(row: Subscription) -> Iterable[str]:
    return (stretch["ref"] for stretch in (row.state or {})["billed"])


def _invoiced(rows: Sequence[Subscription]) -> list[tuple[str | None, InvoiceLine]]:
    """The lines that the subscriptions remember, and those of the invoices that opened the current periods of others,
    in their order and each with its subscription."""
    if not rows:
        return []
    named = {ref for row in rows if _remembers(row) for ref in _refs(row)}
    both = union_all(_named(named), _of_periods([row.id for row in rows if not _remembers(row)]))
    query = select(Invoice.subscription_id, InvoiceLine).from_statement(both).execution_options(populate_existing=True)
    found = [(subscription_id, line) for subscription_id, line in session().execute(query)]
    return sorted(found, key=lambda each: each[1].position)


def _named(line_ids: Collection[str]) -> Select[str | None, InvoiceLine]:
    query = select(Invoice.subscription_id, InvoiceLine).join(Invoice, same(InvoiceLine.invoice_id, Invoice))
    return query.where(among(InvoiceLine.id, line_ids), Invoice.status != "void")


def _of_periods(subscription_ids: Collection[str]) -> Select[str | None, InvoiceLine]:
    return (
        select(Invoice.subscription_id, InvoiceLine)
        .join(InvoiceLine, same(InvoiceLine.invoice_id, Invoice))
        .join(Subscription, same(Invoice.subscription_id, Subscription))
        .where(
            among(Subscription.id, subscription_ids),
            Invoice.reason.in_(PERIOD_REASONS),
            Invoice.status != "void",
            Invoice.period_start == Subscription.current_period_start,
            InvoiceLine.period_start == Subscription.current_period_start,
            InvoiceLine.kind == LineKind.RECURRING,
        )
    )


def _known(contract: Contract, lines: dict[str, InvoiceLine]) -> list[Billed]:
    """What is remembered, as far as it still stands on an invoice."""
    return [_refreshed(billed, lines[billed.ref]) for billed in contract.billed if billed.ref in lines]


def ref_of(line: InvoiceLine) -> str:
    """What the item of a line is known by, see `contracts.sold_in`."""
    return f"{line.plan_id}/{line.charge_id}" if line.charge_id else str(line.plan_id)


def _billed(contract: Contract, row: Subscription, invoiced: Sequence[tuple[str | None, InvoiceLine]]) -> list[Billed]:
    items = {item.ref: item for item in contract.terms.items}
    mine = [(items[ref_of(line)], line) for owner, line in invoiced if owner == row.id and ref_of(line) in items]
    return [_stretch(item, line, contract) for item, line in mine]


def _stretch(item: Item, line: InvoiceLine, contract: Contract) -> Billed:
    nothing = Money(0, contract.terms.currency)
    return _refreshed(Billed(item, contract.period, contract.fraction, nothing, nothing, nothing, line.id), line)


def _refreshed(billed: Billed, line: InvoiceLine) -> Billed:
    """What was billed, with the sums that the line has by now."""
    currency = billed.amount.currency
    return replace(
        billed,
        amount=Money(line.amount_minor, currency),
        discount=Money(line.discount_minor, currency),
        credited=Money(line.credited_minor, currency),
    )
