"""Lines of a subscription's invoice, and the charge for a period or a part of one."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, Inexact
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from app.domain.currencies import exponent
from app.domain.derivation import Derivation, Step
from app.domain.exact import EXACT, major_text, plain
from app.domain.money import Money
from app.domain.periods import Period
from app.domain.pricing import Price, Priced, Unrounded
from app.domain.terms import Item, ProrationMode

WHOLE = Fraction(1)
NOTHING = Fraction(0)


class LineKind(StrEnum):
    """What a line is for."""

    RECURRING = "recurring"
    USAGE = "usage"
    PRORATION_CREDIT = "proration_credit"
    PRORATION_CHARGE = "proration_charge"
    ONE_OFF = "one_off"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `amount` (credits are negative) for `fraction` of a period's price, before discount and tax.

    A credit gives back what was really paid: discounts have already been taken off it, and it is taxed as of
    `taxed_at`, when the time was invoiced. Other lines are taxed as of their invoice. `credits` is the `ref` of the
    billed stretch that it gives back.
    """

    kind: LineKind
    description: str
    item: Item
    period: Period
    fraction: Fraction
    amount: Money
    derivation: Derivation
    taxed_at: datetime | None = None
    credits: str = ""

    @property
    def quantity(self) -> Decimal:
        """How many units the line is for."""
        return self.item.quantity


def charge(
    kind: LineKind, description: str, item: Item, currency: str, period: Period, fraction: Fraction, mode: ProrationMode
) -> Line:
    """The line for `fraction` of a whole period's price: exact until the one rounding, half away from zero.

    30.00 for 14/31 of a period is 420/31 = 13.548…, so 13.55. `mode` says in words how the fraction was counted.
    """
    if fraction == WHOLE:
        priced = _whole(item.price, item.quantity, currency)
        return Line(kind, description, item, period, WHOLE, priced.amount, priced.derivation)
    exact = exact_price(item.price, item.quantity)
    running = Fraction(exact.amount) * fraction
    amount = Money.rounded(running, currency)
    steps = (*exact.derivation, prorated(running, fraction, mode), rounded(amount))
    return Line(kind, description, item, period, fraction, amount, steps)


@lru_cache(maxsize=4096)
def exact_price(price: Price, quantity: Decimal) -> Unrounded:
    """What a quantity costs for a whole period, unrounded; remembered, because thousands are on the same plan."""
    return price.unrounded(quantity)


def prorated(running: Fraction, fraction: Fraction, mode: ProrationMode) -> Step:
    """The step that takes a fraction of a whole period's price; `running` is the exact amount after it."""
    values = {"numerator": str(fraction.numerator), "denominator": str(fraction.denominator), "counted_by": mode.value}
    return Step("prorate", f"{fraction} of the period, counted by {mode}", fraction_text(running), values)


def rounded(amount: Money) -> Step:
    """The step of the one rounding, to an amount in minor units."""
    text = money_text(amount)
    return Step("round", f"Rounded to {text} {amount.currency}", text, {"currency": amount.currency})


def fraction_text(value: Fraction) -> str:
    """An exact value: a decimal where it has one, else a fraction in lowest terms: "14.5", "310/7"."""
    try:
        return plain(EXACT.divide(Decimal(value.numerator), Decimal(value.denominator)))
    except Inexact:
        return str(value)


def money_text(amount: Money) -> str:
    """Major units with the currency's decimals, without the currency: "13.55"."""
    return major_text(amount.minor, exponent(amount.currency))


@lru_cache(maxsize=4096)
def _whole(price: Price, quantity: Decimal, currency: str) -> Priced:
    return price.charge(quantity, currency)
