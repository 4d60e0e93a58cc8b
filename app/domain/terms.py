"""What a subscription is sold at: its charges, how often they recur, and the rules for parts of a period."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from app.domain.currencies import exponent
from app.domain.errors import InvalidInput
from app.domain.periods import Recurrence
from app.domain.pricing import Price

# The mean Gregorian month, 146,097 days in 4,800 months: only to tell which of two plans costs more over time.
_DAYS_PER_MONTH = Fraction(146_097, 4_800)


class Billing(StrEnum):
    """When a period is invoiced: at its start for the time to come, or at its end for the time used."""

    IN_ADVANCE = "in_advance"
    IN_ARREARS = "in_arrears"


class FirstPeriod(StrEnum):
    """What a first period costs that is shorter than a whole one."""

    PRORATE = "prorate"
    FULL = "full"
    FREE = "free"


class ProrationMode(StrEnum):
    """How a part of a period is paid.

    - second: by elapsed time, exact to the microsecond.
    - day: by calendar days in the customer's zone; the day of a change counts as a day of the new terms.
    - none: not at all; what was invoiced stands, and the new price begins with the next period.
    - full: as if the new terms had held for the whole period: all that was invoiced is credited, the whole is charged.
    - next_period: the new terms themselves begin with the next period.
    """

    SECOND = "second"
    DAY = "day"
    NONE = "none"
    FULL = "full"
    NEXT_PERIOD = "next_period"


COUNTED = frozenset({ProrationMode.SECOND, ProrationMode.DAY})


@dataclass(frozen=True, slots=True)
class ProrationRules:
    """A plan's choice: for a change to something dearer, to something cheaper, and for short first and last periods."""

    upgrade: ProrationMode = ProrationMode.SECOND
    downgrade: ProrationMode = ProrationMode.SECOND
    counted: ProrationMode = ProrationMode.SECOND

    def __post_init__(self) -> None:
        if self.counted not in COUNTED:
            raise InvalidInput(
                f"A short period is counted by second or by day, not “{self.counted}”.",
                code="invalid_proration",
                field="proration",
            )


@dataclass(frozen=True, slots=True)
class Item:
    """One recurring charge: a price for a quantity, each period. `ref` is the caller's own key for it."""

    name: str
    price: Price
    quantity: Decimal = Decimal(1)
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything that decides what a subscription costs. All items are in one currency and one rhythm.

    Raises InvalidInput for no items (`no_items`), the same item twice (`duplicate_item`) or an unknown currency.
    """

    items: tuple[Item, ...]
    currency: str
    recurrence: Recurrence
    billing: Billing = Billing.IN_ADVANCE
    first_period: FirstPeriod = FirstPeriod.PRORATE
    proration: ProrationRules = ProrationRules()

    def __post_init__(self) -> None:
        exponent(self.currency)
        if not self.items:
            raise InvalidInput("A subscription needs at least one item.", code="no_items", field="plan")
        if len(set(self.items)) < len(self.items):
            raise InvalidInput("The same item stands twice: raise its quantity.", code="duplicate_item", field="plan")

    def mode_of_change(self, new: "Terms") -> ProrationMode:
        """How a change from these terms to `new` is paid: these terms' rule for an upgrade or for a downgrade."""
        return self.proration.downgrade if new.cost_per_day < self.cost_per_day else self.proration.upgrade

    @property
    def cost_per_day(self) -> Fraction:
        """Exact major units for an average day, so that monthly and yearly plans can be compared."""
        days = self.recurrence.days or self.recurrence.months * _DAYS_PER_MONTH
        return sum((Fraction(item.price.unrounded(item.quantity).amount) for item in self.items), Fraction(0)) / days

    def same_rhythm(self, other: "Terms") -> bool:
        """Whether both recur alike: twelve months are a year, but four weeks are no month."""
        mine, its = self.recurrence, other.recurrence
        return (mine.months, mine.days) == (its.months, its.days)
