"""Late usage of meters whose policy is to correct: a credit note for what was invoiced, and a new invoice.

What was paid becomes the customer's balance and pays the new invoice, so that only the difference is asked for or given
back. Taxes and discounts are those of the invoice that is corrected.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

from sqlalchemy import select

from app.db import session, transaction
from app.domain.discounts import AmountOff, PercentOff
from app.domain.exact import round_quotient
from app.domain.lines import LineKind
from app.domain.money import Money
from app.domain.periods import Period
from app.models import Customer, Invoice, InvoiceLine, Plan, Subscription
from app.queries.base import get
from app.queries.filters import same
from app.queries.payments import open_payment
from app.services import credit_notes, invoiced_taxes, metering, recounts, refundable
from app.services.batches import each
from app.services.billing import Biller
from app.services.grants import Grant, grant_of
from app.services.invoice_rows import Bill, BillLine
from app.services.locks import lock_debt
from app.services.recounts import Missed

REASON = "usage_correction"
WHY = "Usage came late"
PATIENCE = timedelta(hours=1)  # with an invoice that is still a draft or is just being paid, and after a failure


@dataclass(frozen=True, slots=True)
class _Part:
    """What is given back of an invoice line, as it was priced: before discount, and after it as the customer paid."""

    line: InvoiceLine
    gross: int
    paid: int

    @classmethod
    def of(cls, line: InvoiceLine) -> "_Part":
        """All that is left of it."""
        paid = line.amount_minor - line.discount_minor
        left = paid - line.credited_minor
        return cls(line, round_quotient(line.amount_minor * left, paid) if left > 0 else 0, max(left, 0))


def correct_due(at: datetime) -> int:
    """Correct what is due at `at` in the tenant in scope; gives how many subscriptions were looked at.

    Safe at any frequency and in any number of workers: a period that somebody else counts is passed over, and one that
    was corrected waits for nothing any more.
    """
    done = 0
    while ids := _due(at):
        done += each(ids, partial(correct, at=at), partial(_put_off, at=at))
    return done


def correct(subscription_id: str, at: datetime) -> None:
    """Correct the invoices of one subscription, in a transaction of its own.

    1,300 calls are 65.00 by now, and 60.00 for 1,200 were invoiced: a credit note of 60.00 and an invoice of 65.00,
    each with its tax. What has no line that could be given back is invoiced alone: 5.00.
    """
    with transaction():
        missed = recounts.corrections_due(subscription_id, at)
        lines = _lines(subscription_id, missed) if missed else []
        if any(_must_wait(invoice_id) for invoice_id in sorted({line.invoice_id for line in lines})):
            _put_off(subscription_id, at)
            return
        biller, row = Biller(at), get(Subscription, subscription_id)
        for _, found in groupby(sorted(missed, key=_home), key=_home):
            _correct(biller, row, list(found), lines)


def _due(at: datetime) -> list[str]:
    with transaction():
        return recounts.subscriptions_to_correct(at)


def _put_off(subscription_id: str, at: datetime) -> None:
    recounts.put_off(subscription_id, at, at + PATIENCE)


def _home(one: Missed) -> str:
    """The invoice that the period stands on; nothing was invoiced of a period without use."""
    return one.kept.invoice_id or ""


def _lines(subscription_id: str, missed: Sequence[Missed]) -> list[InvoiceLine]:
    """The lines that these periods were invoiced with, their invoices locked in the order of services/locks.py."""
    query = (
        select(InvoiceLine)
        .join(Invoice, same(InvoiceLine.invoice_id, Invoice))
        .where(
            Invoice.subscription_id == subscription_id,
            Invoice.status.in_(("draft", *credit_notes.CREDITABLE)),
            InvoiceLine.kind == LineKind.USAGE,
            InvoiceLine.charge_id.in_({one.kept.charge_id for one in missed}),
            InvoiceLine.period_start.in_({one.kept.period_start for one in missed}),
        )
        .order_by(InvoiceLine.id)
        .execution_options(populate_existing=True)
    )
    invoice_ids = sorted({line.invoice_id for line in session().scalars(query)})
    for invoice_id in invoice_ids:
        refundable.payments_of(invoice_id, lock=True)
    for invoice_id in invoice_ids:
        lock_debt(invoice_id)
    return list(session().scalars(query))


def _must_wait(invoice_id: str) -> bool:
    return get(Invoice, invoice_id).status == "draft" or open_payment(invoice_id) is not None


def _correct(biller: Biller, row: Subscription, missed: Sequence[Missed], lines: Sequence[InvoiceLine]) -> None:
    """Give back the lines of periods that stand on one invoice, and invoice them anew."""
    parts = {
        one.kept.id: [part for line in lines if _is_of(line, one) and (part := _Part.of(line)).paid] for one in missed
    }
    given_back = [part for found in parts.values() for part in found]
    _credit(given_back, row.customer.currency, biller.issue_of.at)
    written = [line for one in missed if (line := _line(biller, row.customer, one, parts[one.kept.id]))]
    invoice_id = biller.issue([_bill(row, missed[0], written, given_back)])[0] if written else None
    recounts.settle(missed, biller.issue_of.at)
    for one in missed:
        one.kept.invoice_id = invoice_id or one.kept.invoice_id


def _is_of(line: InvoiceLine, one: Missed) -> bool:
    return (line.charge_id, line.period_start) == (one.kept.charge_id, one.kept.period_start)


def _credit(given_back: Sequence[_Part], currency: str, at: datetime) -> None:
    """A credit note for each invoice; what was paid is kept for the new one."""
    for invoice_id, parts in groupby(given_back, key=lambda part: part.line.invoice_id):
        amounts = {part.line.id: Money(part.paid, currency) for part in parts}
        credit_notes.issue(invoice_id, at, lines=amounts, reason=WHY, settle="balance")


def _line(biller: Biller, customer: Customer, one: Missed, parts: Sequence[_Part]) -> BillLine | None:
    """The line that takes the place of these parts; None where it asks for nothing, and where less was used than was
    invoiced but nothing of that is left to be given back."""
    gross = Money(sum(part.gross for part in parts), customer.currency)
    amount = gross + one.amount
    if not amount or (amount.minor < 0 and one.kept.invoice_id and not parts):
        return None
    plan = get(Plan, one.now.use.charge.plan_id)
    if parts:
        treatment = invoiced_taxes.of_lines([parts[0].line.id])[parts[0].line.id]
    else:
        treatment = biller.treatment(customer, plan.product.tax_category)
    return metering.corrected_line(one, gross, plan, treatment)


def _bill(row: Subscription, first: Missed, written: Sequence[BillLine], given_back: Sequence[_Part]) -> Bill:
    """With the discounts of the invoice that is corrected, or where nothing was invoiced those at work by now."""
    home = get(Invoice, first.kept.invoice_id) if first.kept.invoice_id else None
    start, end = (home.period_start, home.period_end) if home else (None, None)
    period = Period(start, end) if start and end else Period(first.kept.period_start, first.kept.period_end)
    return Bill(
        row.customer,
        tuple(written),
        REASON,
        row,
        period,
        row.collection,
        memo=f"Corrects {home.number}: usage came late." if home else "",
        discounts=_discounts(home, given_back) if home else (),
        closed=home is not None,
    )


def _discounts(home: Invoice, given_back: Sequence[_Part]) -> tuple[Grant, ...]:
    """Percentages hold for what came late, too. A fixed amount was granted once: as far as it was taken off what is
    given back."""
    grants = [grant_of(kept, home.currency) for kept in home.discounts]
    if all(isinstance(grant.discount, PercentOff) for grant in grants):
        return tuple(grant._replace(counts=False) for grant in grants)
    taken = sum(part.gross - part.paid for part in given_back)
    label = ", ".join(grant.discount.label for grant in grants)
    return (Grant(AmountOff(Money(taken, home.currency), label)),) if taken else ()
