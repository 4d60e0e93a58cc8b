"""Giving back what was paid for time that is not used: never more than was really invoiced for it (issue 3)."""

from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from app.domain.derivation import Derivation, Step
from app.domain.lines import Line, LineKind, exact_price, fraction_text, money_text, prorated, rounded
from app.domain.money import Money
from app.domain.periods import Period
from app.domain.terms import Item, ProrationMode


@dataclass(frozen=True, slots=True)
class Billed:
    """Time that has been invoiced in advance: the line, what was taken off it, and what was given back since.

    `discount` and `credited` are not negative for a positive amount; after a credit, `period` is the time still kept.
    `ref` is the caller's own key for the invoice line.
    """

    item: Item
    period: Period
    fraction: Fraction
    amount: Money
    discount: Money
    credited: Money
    ref: str = ""

    @classmethod
    def of(cls, line: Line, discount: Money | None = None) -> "Billed":
        """What a line makes of the time it charges, with the discount the invoice gave on it."""
        nothing = Money(0, line.amount.currency)
        return cls(line.item, line.period, line.fraction, line.amount, discount or nothing, nothing)

    @property
    def left(self) -> Money:
        """What the customer really paid for it and has not got back."""
        return self.amount - self.discount - self.credited


def credit(billed: Billed, at: datetime, unused: Fraction, mode: ProrationMode) -> Line:
    """The line that gives back `unused` (0 to 1) of what was billed, for the time from `at` on.

    The price paid is reduced as the discount reduced it, and no more is given back than is left of it: 30.00 less
    10 % for 31 days, 14 of them unused, give back 27.00 × 14/31 = 12.19, at most 27.00 less earlier credits.
    """
    exact = exact_price(billed.item.price, billed.item.quantity)
    fraction = billed.fraction * unused
    running = Fraction(exact.amount) * fraction
    steps = [*exact.derivation, prorated(running, fraction, mode)]
    if billed.discount:
        running = running * (billed.amount - billed.discount).minor / billed.amount.minor
        steps.append(_discounted(running, billed))
    amount = -Money.rounded(running, billed.amount.currency)
    steps += [_turned(-running), rounded(amount)]
    if abs(amount.minor) > abs(billed.left.minor):
        amount = -billed.left
        steps.append(_limited(amount))
    return _credit_line(billed, at, fraction, amount, tuple(steps))


def credit_all(billed: Billed) -> Line:
    """The line that gives back everything left of what was billed, for the whole of its time."""
    parts = {"amount": billed.amount, "discount": billed.discount, "credited": billed.credited}
    paid = Step(
        "left",
        f"Invoiced {billed.amount} less {billed.discount} discount, less {billed.credited} credited before",
        money_text(billed.left),
        {name: money_text(amount) for name, amount in parts.items()},
    )
    amount = -billed.left
    steps = (paid, _turned(Fraction(amount.amount)), rounded(amount))
    return _credit_line(billed, billed.period.start, billed.fraction, amount, steps)


def after_credit(billed: Billed, line: Line) -> Billed | None:
    """What stays of a billed stretch once `line` has given back the time from its start on; None when nothing stays."""
    if line.period.start <= billed.period.start:
        return None
    kept = Period(billed.period.start, line.period.start)
    return replace(billed, period=kept, credited=billed.credited - line.amount)


def _credit_line(billed: Billed, at: datetime, fraction: Fraction, amount: Money, steps: Derivation) -> Line:
    description = f"Unused time on {billed.item.name}"
    period, invoiced = Period(at, billed.period.end), billed.period.start
    return Line(
        LineKind.PRORATION_CREDIT, description, billed.item, period, fraction, amount, steps, invoiced, billed.ref
    )


def _discounted(running: Fraction, billed: Billed) -> Step:
    values = {"amount": money_text(billed.amount), "discount": money_text(billed.discount)}
    text = f"Paid with a discount of {billed.discount} on {billed.amount}"
    return Step("discount_share", text, fraction_text(running), values)


def _turned(running: Fraction) -> Step:
    return Step("credit", "Given back", fraction_text(running), {})


def _limited(amount: Money) -> Step:
    text = f"No more than the {-amount} that are left of what was invoiced"
    return Step("credit_limit", text, money_text(amount), {"left": money_text(-amount)})
