"""From lines to what the customer pays. Previews, one-off invoices and renewals all go through `invoice_totals`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from app.domain.currencies import exponent
from app.domain.derivation import Derivation, Step
from app.domain.discounts import AmountOff, Discount, LineDiscount, discount_lines
from app.domain.errors import InvalidInput
from app.domain.exact import check_storable, major_text
from app.domain.money import Money
from app.domain.pricing import Price, Usage
from app.domain.pricing.base import quantity_of
from app.domain.taxes import UNTAXED, ChargedTax, LineTax, TaxableLine, TaxRounding, TaxTreatment, tax_lines


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A line as priced, before discounts.

    An `inclusive` amount has its taxes inside, and stays what it is where no tax applies. A line below zero is a
    credit. `discountable` lets a line above zero stay out of discounts.
    """

    description: str
    amount: Money
    quantity: Decimal = Decimal(1)
    unit_amount: Decimal | None = None
    treatment: TaxTreatment = UNTAXED
    inclusive: bool = False
    discountable: bool = True
    derivation: Derivation = ()


class TotalLine(NamedTuple):
    """A line with its discount, its taxes and the whole way to what it adds to the total."""

    draft: DraftLine
    discount: Money
    tax: Money
    taxes: tuple[LineTax, ...]
    derivation: Derivation


class TaxTotal(NamedTuple):
    """A tax over the whole invoice. `taxable` is the sum it is levied on: without tax, or with the taxes below it."""

    tax: ChargedTax
    taxable: Money
    amount: Money


@dataclass(frozen=True, slots=True)
class InvoiceTotals:
    """`subtotal` sums the amounts as priced; `tax` counts every tax, inside prices or on top; `total` is to be paid."""

    currency: str
    lines: tuple[TotalLine, ...]
    subtotal: Money
    discount: Money
    tax: Money
    total: Money
    taxes: tuple[TaxTotal, ...]
    notes: tuple[str, ...]


def priced_line(
    description: str,
    price: Price,
    usage: Usage,
    currency: str,
    treatment: TaxTreatment = UNTAXED,
    *,
    inclusive: bool = False,
) -> DraftLine:
    """The line of a price and a usage, rounded once to the minor unit of `currency`."""
    priced = price.charge(usage, currency)
    return DraftLine(
        description,
        priced.amount,
        quantity_of(usage),
        priced.unit_amount,
        treatment,
        inclusive,
        derivation=priced.derivation,
    )


def invoice_totals(
    lines: Sequence[DraftLine],
    currency: str,
    discounts: Sequence[Discount] = (),
    tax_rounding: TaxRounding = "invoice",
) -> InvoiceTotals:
    """Discounts first, in the order given, then taxes on what is left; see `discount_lines` and `tax_lines`.

    The lines' discounts and taxes sum exactly to those of the invoice. One line of 100.00 with 10 % off and 13 % tax on
    top: subtotal 100.00, discount 10.00, tax 11.70, total 101.70. Raises InvalidInput for a line or discount in another
    currency and for a total beyond what can be stored.
    """
    _check_currency(lines, discounts, currency)
    places = exponent(currency)
    reductions = discount_lines([line.amount.minor if line.discountable else 0 for line in lines], discounts)
    discount = [sum([reduction.amount for reduction in taken]) for taken in reductions]
    bases = [line.amount.minor - off for line, off in zip(lines, discount, strict=True)]
    taxable = [TaxableLine(base, line.treatment, line.inclusive) for line, base in zip(lines, bases, strict=True)]
    taxed = tax_lines(taxable, tax_rounding)
    total_lines = tuple([_total_line(*parts, places) for parts in zip(lines, reductions, taxed, strict=True)])
    taxes = [line.tax.minor for line in total_lines]
    on_top = sum([tax for tax, line in zip(taxes, lines, strict=True) if not line.inclusive])
    return InvoiceTotals(
        currency,
        total_lines,
        Money(sum(bases) + sum(discount), currency),
        Money(sum(discount), currency),
        Money(sum(taxes), currency),
        Money(check_storable(sum(bases) + on_top, currency), currency),
        _tax_totals(total_lines, currency),
        tuple(dict.fromkeys([note for line in lines for note in line.treatment.notes])),
    )


def _check_currency(lines: Sequence[DraftLine], discounts: Sequence[Discount], currency: str) -> None:
    currencies = [line.amount.currency for line in lines]
    currencies += [discount.amount.currency for discount in discounts if isinstance(discount, AmountOff)]
    for other in currencies:
        if other != currency:
            raise InvalidInput(
                f"An amount in {other} cannot stand on an invoice in {currency}.",
                code="currency_mismatch",
                field="currency",
            )


def _total_line(line: DraftLine, taken: list[LineDiscount], taxes: list[LineTax], places: int) -> TotalLine:
    currency = line.amount.currency
    return TotalLine(
        line,
        Money(sum([reduction.amount for reduction in taken]), currency),
        Money(sum([each.amount for each in taxes]), currency),
        tuple(taxes),
        (*line.derivation, *_steps(line, taken, taxes, places)),
    )


def _steps(line: DraftLine, taken: list[LineDiscount], taxes: list[LineTax], places: int) -> Iterator[Step]:
    """From the priced amount to what the line adds to the total, discount by discount and tax by tax."""
    running, currency = line.amount.minor, line.amount.currency
    if not line.derivation:
        given = major_text(running, places)
        yield Step("given", f"{given} {currency}, as given", given, {"amount": given})
    for reduction in taken:
        running -= reduction.amount
        values = _share(reduction.base, reduction.ratio, reduction.amount, currency, places)
        yield Step("discount", str(reduction.discount), major_text(running, places), values)
    for tax, taxable, ratio, minor in taxes:
        rate, amount = tax.rate, major_text(minor, places)
        values = _share(taxable, ratio, minor, currency, places)
        values.update(rate.operands)
        if line.inclusive:
            values["tax"] = amount
            yield Step("tax_included", f"{rate.label} included: {amount}", major_text(running, places), values)
        else:
            running += minor
            yield Step("tax", f"{rate.label} on {values['of']}: {amount}", major_text(running, places), values)


def _share(base: int, ratio: tuple[int, int], amount: int, currency: str, places: int) -> dict[str, str]:
    """The operands of a rounded share. `rounding` is away from zero or towards it, as the largest remainder went."""
    away = abs(amount) * ratio[1] > abs(base) * ratio[0]
    return {
        "of": major_text(base, places),
        "share": f"{ratio[0]}/{ratio[1]}",
        "rounding": "away" if away else "towards",
        "currency": currency,
    }


def _tax_totals(lines: Sequence[TotalLine], currency: str) -> tuple[TaxTotal, ...]:
    """Each tax once, in the order it first stands on a line."""
    sums: dict[int, list[int]] = {}
    taxes: list[ChargedTax] = []
    for line in lines:
        base = line.draft.amount.minor - line.discount.minor - (line.tax.minor if line.draft.inclusive else 0)
        below = 0
        for tax, _, _, amount in line.taxes:
            # `tax_lines` puts one and the same object on all lines, and its identity is the cheapest key.
            if id(tax) not in sums:
                taxes.append(tax)
                sums[id(tax)] = [0, 0]
            sums[id(tax)][0] += base + below if tax.rate.compound else base
            sums[id(tax)][1] += amount
            below += amount
    return tuple([TaxTotal(tax, *[Money(minor, currency) for minor in sums[id(tax)]]) for tax in taxes])
