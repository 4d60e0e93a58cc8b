"""From a subscription's lines to an invoice: the one way that previews, sales, changes and renewals take."""

from collections.abc import Callable, Sequence
from datetime import datetime
from fractions import Fraction

from app.domain.discounts import AmountOff, Discount
from app.domain.invoicing import DraftLine, InvoiceTotals, invoice_totals
from app.domain.lines import NOTHING, WHOLE, Line, LineKind
from app.domain.money import Money
from app.domain.taxes import UNTAXED, TaxRounding, TaxTreatment

Treatment = Callable[[datetime], TaxTreatment]


def untaxed(_at: datetime) -> TaxTreatment:
    """The treatment of a subscription without taxes."""
    return UNTAXED


def draft_line(line: Line, treatment: TaxTreatment, *, inclusive: bool = False) -> DraftLine:
    """A line ready for discounts and taxes. Discounts leave credits alone, which give back what was really paid."""
    return DraftLine(
        line.description,
        line.amount,
        line.quantity,
        line.item.price.unit_price,
        treatment,
        inclusive,
        discountable=line.kind is not LineKind.PRORATION_CREDIT,
        derivation=line.derivation,
    )


def discounts_on(lines: Sequence[Line], discounts: Sequence[Discount]) -> tuple[Discount, ...]:
    """The discounts as they hold for an invoice of these lines.

    A fixed amount is granted once a period. An invoice for a change in the middle of one gets it for that part of the
    period only, 5.00 for 14/31 being 2.26: else every change would earn the customer another 5.00.
    """
    part = billed_part(lines)
    scaled = [part_of(discount, part) for discount in discounts]
    return tuple(discount for discount in scaled if discount)


def billed_part(lines: Sequence[Line]) -> Fraction:
    """The part of a period that an invoice of these lines charges: a whole one, or what a change in its middle left."""
    if any(line.kind is LineKind.RECURRING for line in lines):
        return WHOLE
    return max((line.fraction for line in lines if line.kind is LineKind.PRORATION_CHARGE), default=NOTHING)


def part_of(discount: Discount, part: Fraction) -> Discount | None:
    """A discount for a part of a period: percentages stay, amounts shrink with it, rounded half away from zero.

    None when nothing is left of it.
    """
    if part == WHOLE or not isinstance(discount, AmountOff):
        return discount
    amount = discount.amount
    scaled = Money.rounded(Fraction(amount.amount) * part, amount.currency)
    return AmountOff(scaled, discount.label) if scaled else None


def subscription_totals(
    lines: Sequence[Line],
    currency: str,
    at: datetime,
    treatment: Treatment = untaxed,
    *,
    inclusive: bool = False,
    discounts: Sequence[Discount] = (),
    tax_rounding: TaxRounding = "invoice",
) -> InvoiceTotals:
    """The invoice issued at the instant `at` for a subscription's lines. A total below zero is the customer's credit.

    A credit is taxed as the invoice was that it gives back, whatever the rate is by now. Raises what `invoice_totals`
    refuses.
    """
    drafts = [draft_line(line, treatment(line.taxed_at or at), inclusive=inclusive) for line in lines]
    return invoice_totals(drafts, currency, discounts_on(lines, discounts), tax_rounding)
