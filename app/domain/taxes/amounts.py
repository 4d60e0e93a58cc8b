"""How much tax: rounded once for each tax over the whole invoice, or line by line, and always summing up."""

from collections.abc import Sequence
from math import lcm
from typing import Literal, NamedTuple

from app.domain.exact import round_quotient, round_shares
from app.domain.taxes.rates import Ratio
from app.domain.taxes.treatment import ChargedTax, TaxTreatment

TaxRounding = Literal["invoice", "line"]


class TaxableLine(NamedTuple):
    """What a line is taxed on: its amount after discounts, in minor units, tax included or not."""

    amount: int
    treatment: TaxTreatment
    inclusive: bool = False


class LineTax(NamedTuple):
    """One tax on one line, in minor units. `taxable` is what it was computed on, `ratio` its exact share of that."""

    tax: ChargedTax
    taxable: int
    ratio: Ratio
    amount: int


def tax_lines(lines: Sequence[TaxableLine], rounding: TaxRounding = "invoice") -> list[list[LineTax]]:
    """The taxes of each line, in the order of its treatment.

    With rounding "invoice" each tax is computed exactly, rounded once over all lines, half away from zero, and shared
    out by largest remainder, so that the lines sum to the total; with "line" each line is rounded by itself. A tax
    included in a price is its exact share of it. A compound tax on top of a price is levied on the price and the
    amounts of the taxes before it, as charged. Example: 13 % on 100.00 gives 13.00, included in 113.00 also 13.00;
    5 % and then 10 % compound on 100.00 give 5.00 and 10.50.
    Sources: Revenu Québec "Calculating the taxes" and CRA interpretation 125136 (either way of rounding is allowed).
    """
    taxed: list[list[LineTax]] = [[] for _ in lines]
    for tax in _distinct(lines):
        bearing = [i for i, line in enumerate(lines) if tax in line.treatment.taxes]
        parts = [_unrounded(lines[i], tax, taxed[i]) for i in bearing]
        for i, (taxable, ratio), amount in zip(bearing, parts, _rounded(parts, rounding), strict=True):
            taxed[i].append(LineTax(tax, taxable, ratio, amount))
    return taxed


def _distinct(lines: Sequence[TaxableLine]) -> list[ChargedTax]:
    """Every tax of the invoice once, those on top of others last."""
    first = lines[0].treatment if lines else None
    if first is not None and all(line.treatment is first for line in lines):
        return list(first.taxes)
    taxes = dict.fromkeys(tax for line in lines for tax in line.treatment.taxes)
    return sorted(taxes, key=lambda tax: tax.rate.compound)


def _unrounded(line: TaxableLine, tax: ChargedTax, before: list[LineTax]) -> tuple[int, Ratio]:
    """What the tax is computed on, and its share of that."""
    if line.inclusive:
        return line.amount, line.treatment.included[line.treatment.taxes.index(tax)]
    if tax.rate.compound:
        return line.amount + sum(earlier.amount for earlier in before), tax.rate.ratio
    return line.amount, tax.rate.ratio


def _rounded(parts: list[tuple[int, Ratio]], rounding: TaxRounding) -> list[int]:
    if rounding == "line":
        return [round_quotient(taxable * ratio[0], ratio[1]) for taxable, ratio in parts]
    denominator = lcm(*[ratio[1] for _, ratio in parts])
    return round_shares([taxable * ratio[0] * (denominator // ratio[1]) for taxable, ratio in parts], denominator)
