"""Money as whole minor units of one currency. No float ever comes near it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

from app.domain.currencies import exponent
from app.domain.errors import InvalidInput

MAX_DIGITS = 26  # integer digits of NUMERIC(38,12)
MAX_MINOR = 2**63 - 1  # amounts are stored as BIGINT
# Python reads more than people write: "1_000", " 1 ", digits of other scripts, "NaN".
_WRITTEN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_WIDE = Context(prec=160)  # the default context silently keeps 28 digits


def round_half_away(value: Decimal | Fraction) -> int:
    """Nearest integer, halves away from zero: 2.5 → 3, -2.5 → -3. Exact for fractions of any size."""
    exact = Fraction(value)
    magnitude = (abs(exact.numerator) * 2 + exact.denominator) // (exact.denominator * 2)
    return magnitude if exact >= 0 else -magnitude


def parse_decimal(text: str | int | Decimal, field: str) -> Decimal:
    """A finite decimal out of outside input. Floats are refused because they cannot hold a cent exactly."""
    if isinstance(text, bool) or not isinstance(text, str | int | Decimal):
        raise InvalidInput(f'{field} must be a decimal string such as "9.99".', code="invalid_decimal", field=field)
    value = Decimal(text) if not isinstance(text, str) or _WRITTEN.fullmatch(text) else Decimal("NaN")
    if not value.is_finite():
        raise InvalidInput(f'{field} must be a decimal such as "9.99".', code="invalid_decimal", field=field)
    if value and not -MAX_DIGITS < value.adjusted() < MAX_DIGITS:
        raise InvalidInput(f"{field} is out of range.", code="out_of_range", field=field)
    return value


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (`Money(1299, "CAD")` is 12.99 dollars). Arithmetic refuses to mix currencies."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, amount: str | int | Decimal, currency: str, field: str = "amount") -> "Money":
        """From major units: `Money.parse("12.99", "CAD") == Money(1299, "CAD")`.

        Raises InvalidInput for an unknown currency, a float, or more decimals than the currency has.
        """
        places = exponent(currency)
        scaled = parse_decimal(amount, field).scaleb(places, _WIDE)
        if scaled != scaled.to_integral_value():
            raise InvalidInput(
                f"{field} has more decimals than {currency}, which has {places}.",
                code="too_precise",
                field=field,
            )
        if abs(scaled) > MAX_MINOR:
            raise InvalidInput(f"{field} is more than can be stored.", code="amount_out_of_range", field=field)
        return cls(int(scaled), currency)

    @classmethod
    def rounded(cls, major: Decimal | Fraction, currency: str) -> "Money":
        """The one rounding of a computed amount in major units: half away from zero to the minor unit."""
        return cls(round_half_away(Fraction(major) * 10 ** exponent(currency)), currency)

    @property
    def amount(self) -> Decimal:
        """Major units with exactly the currency's decimals: `Money(1299, "CAD").amount == Decimal("12.99")`."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def __bool__(self) -> bool:
        return self.minor != 0

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise InvalidInput(
                f"{self.currency} and {other.currency} cannot be added up.",
                code="currency_mismatch",
                field="currency",
            )
        return other.minor

    def allocate(self, weights: Sequence[int]) -> list["Money"]:
        """Split into parts in proportion to `weights` (≥ 0, not all zero) whose sum is exactly the whole.

        Largest remainder: each part is first cut towards zero, then the units left over go to the parts that lost
        most, the earlier one first. `Money(100, "CAD").allocate([1, 1, 1])` gives 34, 33, 33.
        """
        return [Money(part, self.currency) for part in allocate(self.minor, weights)]


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """The largest-remainder split behind `Money.allocate`, on bare integers of either sign."""
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights must be non-negative and not all zero")
    sign = -1 if total < 0 else 1
    cuts = [divmod(abs(total) * weight, whole) for weight in weights]
    left = abs(total) - sum(part for part, _ in cuts)
    most_cut = sorted(range(len(cuts)), key=lambda i: -cuts[i][1])[:left]
    return [sign * (part + (i in most_cut)) for i, (part, _) in enumerate(cuts)]


def sum_money(amounts: Sequence[Money], currency: str) -> Money:
    """The sum of amounts in one currency; zero of that currency when there are none."""
    return sum(amounts, Money(0, currency))
