"""Decimal arithmetic that never rounds by accident, and the roundings that are meant."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from functools import reduce

from app.domain.currencies import exponent
from app.domain.errors import InvalidInput
from app.domain.money import MAX_MINOR, parse_decimal

# Two NUMERIC(38,12) factors make 76 digits and the default context silently keeps 28; here a lost digit raises.
EXACT = Context(prec=160, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])

ZERO = Decimal(0)
PLACES = 12  # of unit prices, rates and quantities: NUMERIC(38,12)


def plain(value: Decimal) -> str:
    """A decimal as people write it: no exponent, no trailing zeros. `plain(Decimal("1.50E+3")) == "1500"`."""
    text = str(EXACT.normalize(value))
    return text if "E" not in text else f"{Decimal(text):f}"


def parse_exact(value: str | int | Decimal, field: str, *, signed: bool = False) -> Decimal:
    """A quantity, rate or unit price out of outside input: at most 12 decimals, not below zero unless `signed`.

    Raises InvalidInput, naming the field, for anything else, floats included.
    """
    number = parse_decimal(value, field)
    places = number.as_tuple().exponent
    if isinstance(places, int) and places < -PLACES:
        raise InvalidInput(f"{field} has more than {PLACES} decimals.", code="too_precise", field=field)
    if number < 0 and not signed:
        raise InvalidInput(f"{field} must not be below zero.", code="negative", field=field)
    return number


def sum_exact(values: Iterable[Decimal]) -> Decimal:
    """The exact sum of decimals, zero of none."""
    return reduce(EXACT.add, values, ZERO)


def to_minor(major: Decimal, currency: str) -> int:
    """Minor units of an exact amount in major units, half away from zero: `to_minor(Decimal("0.125"), "CAD") == 13`.

    Raises InvalidInput for an unknown currency and for an amount beyond what can be stored.
    """
    scaled = major.scaleb(exponent(currency), EXACT)
    return check_storable(int(scaled.to_integral_value(ROUND_HALF_UP)), currency)


def check_storable(minor: int, currency: str) -> int:
    """The minor units as given; raises InvalidInput beyond what a BIGINT holds, 9.2e18."""
    if not -MAX_MINOR <= minor <= MAX_MINOR:
        amount = major_text(minor, exponent(currency))
        raise InvalidInput(
            f"An amount of {amount} {currency} is more than can be stored.", code="amount_out_of_range", field="amount"
        )
    return minor


def major_text(minor: int, places: int) -> str:
    """Minor units as a decimal string with the currency's decimals: `major_text(-1299, 2) == "-12.99"`."""
    if not places:
        return str(minor)
    digits = str(abs(minor)).zfill(places + 1)
    return f"{'-' if minor < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def round_quotient(numerator: int, denominator: int) -> int:
    """Nearest integer of a quotient with a positive denominator, half away from zero: `round_quotient(-5, 2) == -3`."""
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


def round_shares(numerators: Sequence[int], denominator: int) -> list[int]:
    """Round parts so that they sum to the rounded whole: each part is `numerator / denominator`, of either sign.

    The sum is rounded once, half away from zero. Every part is cut towards zero, then the units still missing go one
    by one to the parts that lost most, the earlier one first (largest remainder). Opposite parts round to opposite
    numbers. `round_shares([33, 33, 34], 10) == [3, 3, 4]`, whose sum is 100 / 10.
    """
    if len(numerators) == 1:
        return [round_quotient(numerators[0], denominator)]
    parts = [n // denominator if n >= 0 else -(-n // denominator) for n in numerators]
    missing = round_quotient(sum(numerators), denominator) - sum(parts)
    if missing:
        sign = 1 if missing > 0 else -1
        lost = [sign * (part * denominator - n) for part, n in zip(parts, numerators, strict=True)]
        for i in sorted(range(len(parts)), key=lost.__getitem__)[: abs(missing)]:
            parts[i] += sign
    return parts
