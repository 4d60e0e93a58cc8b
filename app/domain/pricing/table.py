"""A price as a table: what one unit costs, and ten, and a thousand, and where the price changes its mind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal

from app.domain.derivation import Derivation
from app.domain.money import Money
from app.domain.pricing.base import Price
from app.domain.pricing.tiers import Tiered

ROUND_QUANTITIES = tuple(Decimal(10) ** power for power in range(6))  # 1 to 100,000
AVERAGE_PLACES = Decimal("1e-6")
CUT_OFF = Context(prec=60, rounding=ROUND_DOWN)  # an average is shown, and nothing is computed with it


@dataclass(frozen=True, slots=True)
class PriceRow:
    """What a quantity costs before tax, why, and what that is for each unit on average (6 decimals, cut off)."""

    quantity: Decimal
    amount: Money
    average: Decimal
    derivation: Derivation


def price_table(price: Price, currency: str, tried: Sequence[Decimal] = ()) -> list[PriceRow]:
    """What telling quantities cost in a currency, and those that somebody wants to try, from low to high.

    Graduated at 5.00 up to 10 and 4.00 beyond asks 5.00, 50.00, 54.00 and 410.00 for 1, 10, 11 and 100. Raises
    InvalidInput for an unknown currency.
    """
    quantities = sorted({*_telling(price), *(quantity for quantity in tried if quantity > 0)})
    return [_row(price, currency, quantity) for quantity in quantities]


def _telling(price: Price) -> Iterator[Decimal]:
    """Round quantities, and the end of each tier with the first whole unit behind it."""
    yield from ROUND_QUANTITIES
    for tier in price.tiers if isinstance(price, Tiered) else ():
        if tier.up_to is not None:
            yield tier.up_to
            yield tier.up_to.to_integral_value(ROUND_DOWN) + 1


def _row(price: Price, currency: str, quantity: Decimal) -> PriceRow:
    priced = price.charge(quantity, currency)
    average = CUT_OFF.divide(priced.amount.amount, quantity).quantize(AVERAGE_PLACES, ROUND_DOWN, CUT_OFF)
    return PriceRow(quantity, priced.amount, average, priced.derivation)
