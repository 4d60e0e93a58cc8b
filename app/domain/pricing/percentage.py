"""A percentage of the value of events, such as a fee on each payment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from app.domain.errors import InvalidInput
from app.domain.exact import EXACT, ZERO, plain, sum_exact
from app.domain.pricing.base import Price, Trail, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentage(Price):
    """`rate` percent of the value of each event, plus `fixed_amount` for each, within limits for each event.

    Events are taken in order: the first `free_events` cost nothing; then the first `free_units` of value do. An event
    that is free as a whole pays no fixed amount and no minimum; one that is partly free pays for the rest. A quantity
    counts as a single event. Events below zero are priced like their opposites, by themselves, and credited.

    `Percentage(rate=Decimal("2.9"), fixed_amount=Decimal("0.30"))` asks 90 × 2.9 % + 2 × 0.30 = 3.21 for events of
    10 and 80.
    """

    model: ClassVar[str] = "percentage"

    rate: Decimal
    fixed_amount: Decimal = ZERO
    free_units: Decimal = ZERO
    free_events: Decimal = ZERO
    per_event_min: Decimal | None = None
    per_event_max: Decimal | None = None

    def __post_init__(self) -> None:
        Price.__post_init__(self)
        if self.free_events != self.free_events.to_integral_value():
            raise InvalidInput("free_events is a whole number.", code="not_whole", field="free_events")
        low, high = self.per_event_min, self.per_event_max
        if low is not None and high is not None and low > high:
            raise InvalidInput(
                f"The minimum for each event ({plain(low)}) is above the maximum ({plain(high)}).",
                code="limits_crossed",
                field="per_event_min",
            )

    def _price(self, trail: Trail, usage: Usage) -> None:
        events = usage if isinstance(usage, tuple) else (usage,) if usage else ()
        self._add_events(trail, [event for event in events if event >= 0], 1)
        self._add_events(trail, [EXACT.minus(event) for event in events if event < 0], -1)

    def _add_events(self, trail: Trail, events: Sequence[Decimal], sign: int) -> None:
        """Add events in three groups, within the limits, below and above, so that the trail stays short."""
        within, below, above = self._grouped(events)
        if within:
            self._add_rate(trail, EXACT.multiply(sum_exact(within), sign))
        for count, amount, text in (
            (len(within), self.fixed_amount, "fixed amount of an event"),
            (len(below), self.per_event_min, "minimum of an event"),
            (len(above), self.per_event_max, "maximum of an event"),
        ):
            if count and amount:
                self._add_each(trail, sign * count, amount, text)

    def _grouped(self, events: Sequence[Decimal]) -> tuple[list[Decimal], list[Decimal], list[Decimal]]:
        """The billable values within the limits for each event, below the minimum, above the maximum."""
        within: list[Decimal] = []
        below: list[Decimal] = []
        above: list[Decimal] = []
        for value in self._billable(events):
            fee = EXACT.fma(value, self.rate.scaleb(-2, EXACT), self.fixed_amount)
            if self.per_event_min is not None and fee < self.per_event_min:
                below.append(value)
            elif self.per_event_max is not None and fee > self.per_event_max:
                above.append(value)
            else:
                within.append(value)
        return within, below, above

    def _billable(self, events: Sequence[Decimal]) -> Iterator[Decimal]:
        """The value to be paid of each event that is not free."""
        free = self.free_units
        for event in events[int(self.free_events) :]:
            if event > free or not free:
                yield EXACT.subtract(event, free)
            free = max(EXACT.subtract(free, event), ZERO)

    def _add_rate(self, trail: Trail, value: Decimal) -> None:
        rate, base = plain(self.rate), plain(value)
        amount = EXACT.multiply(value, self.rate).scaleb(-2, EXACT)
        trail.add("percentage", f"{base} × {rate} %", amount, {"value": base, "rate": rate})

    def _add_each(self, trail: Trail, events: int, amount: Decimal, text: str) -> None:
        each = plain(amount)
        values = {"events": str(events), "amount": each}
        trail.add("each_event", f"{events} × {each} ({text})", EXACT.multiply(amount, events), values)
