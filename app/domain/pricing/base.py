"""What every price model shares: limits, negative usage, the one rounding, and the trail of steps."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from app.domain.currencies import exponent
from app.domain.derivation import Derivation, Step
from app.domain.errors import InvalidInput
from app.domain.exact import EXACT, ZERO, major_text, plain, sum_exact, to_minor
from app.domain.money import Money

Usage = Decimal | tuple[Decimal, ...]  # a quantity, or the values of single events


@dataclass(frozen=True, slots=True)
class Unrounded:
    """What usage costs in exact major units, for whoever goes on calculating (proration) and rounds later."""

    amount: Decimal
    derivation: Derivation


@dataclass(frozen=True, slots=True)
class Priced:
    """What usage costs, rounded once, with the reason why. `unit_amount` is set where one price per unit exists."""

    amount: Money
    derivation: Derivation
    unit_amount: Decimal | None = None


@dataclass(slots=True)
class Trail:
    """The running amount of a calculation and the steps it took."""

    amount: Decimal = ZERO
    steps: list[Step] = field(default_factory=list)

    def add(self, step: str, text: str, amount: Decimal, values: dict[str, str]) -> None:
        """A step that adds `amount` to the running amount."""
        self.become(step, text, EXACT.add(self.amount, amount) if self.amount else amount, values)

    def become(self, step: str, text: str, amount: Decimal, values: dict[str, str]) -> None:
        """A step that replaces the running amount."""
        self.amount = amount
        self.steps.append(Step(step, text, plain(amount), values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(ABC):
    """A price model. Models are frozen and hashable, so what a price costs for a usage can be remembered.

    Usage below zero is a correction: it costs what the opposite usage costs, credited, limits and allowances
    included, so that a line and its reversal sum to zero. No usage costs nothing but the minimum amount.
    """

    model: ClassVar[str]
    signed_fields: ClassVar[frozenset[str]] = frozenset()

    minimum_amount: Decimal | None = None
    maximum_amount: Decimal | None = None

    def __post_init__(self) -> None:
        low, high = self.minimum_amount, self.maximum_amount
        if low is not None and high is not None and low > high:
            raise InvalidInput(
                f"The minimum amount ({plain(low)}) is above the maximum amount ({plain(high)}).",
                code="limits_crossed",
                field="minimum_amount",
            )

    @property
    def unit_price(self) -> Decimal | None:
        """The price of one unit, where the model has a single one."""
        return None

    def charge(self, usage: Usage, currency: str) -> Priced:
        """The price of `usage` in `currency`, rounded half away from zero to the minor unit, once, at the very end.

        Raises InvalidInput for an unknown currency or an amount beyond what can be stored.
        Example: `Standard(unit_amount=Decimal("0.335")).charge(Decimal(3), "CAD").amount == Money(101, "CAD")`.
        """
        exact = self.unrounded(usage)
        minor = to_minor(exact.amount, currency)
        rounded = major_text(minor, exponent(currency))
        step = Step("round", f"Rounded to {rounded} {currency}", rounded, {"currency": currency})
        return Priced(Money(minor, currency), (*exact.derivation, step), self.unit_price)

    def unrounded(self, usage: Usage) -> Unrounded:
        """The exact price of `usage` in major units, of any currency, with its steps."""
        trail = Trail()
        credited = quantity_of(usage) < 0
        self._price(trail, opposite(usage) if credited else usage)
        self._limit(trail)
        if credited:
            trail.become("credit", "Credited, because the usage is negative", EXACT.minus(trail.amount), {})
        return Unrounded(trail.amount, tuple(trail.steps))

    @abstractmethod
    def _price(self, trail: Trail, usage: Usage) -> None:
        """Add the steps that price `usage`, which is not below zero."""

    def _limit(self, trail: Trail) -> None:
        low, high = self.minimum_amount, self.maximum_amount
        if low is not None and trail.amount < low:
            trail.become("minimum", f"At least {plain(low)}", low, {"minimum_amount": plain(low)})
        elif high is not None and trail.amount > high:
            trail.become("maximum", f"At most {plain(high)}", high, {"maximum_amount": plain(high)})


def quantity_of(usage: Usage) -> Decimal:
    """The quantity of a usage: itself, or the sum of its events."""
    return sum_exact(usage) if isinstance(usage, tuple) else usage


def opposite(usage: Usage) -> Usage:
    """The usage that cancels this one."""
    if isinstance(usage, tuple):
        return tuple(EXACT.minus(event) for event in usage)
    return EXACT.minus(usage)
