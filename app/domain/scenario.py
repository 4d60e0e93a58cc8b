"""What a preview of a subscription is asked: its terms, its start, what is planned for it, and how far to look."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.anchors import ANNIVERSARY, Anchor
from app.domain.contract import Contract, Move
from app.domain.discounts import Discount
from app.domain.errors import InvalidInput
from app.domain.subscription_invoices import Treatment, untaxed
from app.domain.subscriptions import CancelMode, cancel, change
from app.domain.taxes import TaxRounding
from app.domain.terms import ProrationMode, Terms
from app.domain.zones import instant

MAX_PERIODS = 1000
DEFAULT_CYCLES = 12


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """Other terms at an instant; without a mode, the terms before it decide how it is prorated."""

    at: datetime
    terms: Terms
    mode: ProrationMode | None = None

    def apply(self, contract: Contract) -> Move:
        """What it makes of the contract."""
        return change(contract, self.terms, self.at, self.mode)


@dataclass(frozen=True, slots=True)
class PlannedCancellation:
    """The end, now or with the period, with a credit for the unused time or without."""

    at: datetime
    mode: CancelMode = CancelMode.PERIOD_END
    credit: ProrationMode = ProrationMode.NONE

    def apply(self, contract: Contract) -> Move:
        """What it makes of the contract."""
        return cancel(contract, self.at, self.mode, self.credit)


PlannedEvent = PlannedChange | PlannedCancellation


@dataclass(frozen=True, slots=True)
class Scenario:
    """A subscription to look ahead on, before the instant `until` or for `cycles` paid periods, whichever ends first.

    Without either it is 12 cycles. `treatment` says how what is invoiced at an instant is taxed. Raises InvalidInput:
    `too_many_periods`, `until_before_start`, `naive_datetime`, or `outside_period` for a plan after the end.
    """

    terms: Terms
    start_at: datetime
    timezone: str
    anchor: Anchor = ANNIVERSARY
    trial_days: int = 0
    until: datetime | None = None
    cycles: int | None = None
    changes: tuple[PlannedChange, ...] = ()
    cancellation: PlannedCancellation | None = None
    discounts: tuple[Discount, ...] = ()
    treatment: Treatment = untaxed
    inclusive: bool = False
    tax_rounding: TaxRounding = "invoice"

    def __post_init__(self) -> None:
        if self.cycles is not None and (type(self.cycles) is not int or not 1 <= self.cycles <= MAX_PERIODS):
            raise InvalidInput(
                f"cycles must be a whole number from 1 to {MAX_PERIODS}.", code="too_many_periods", field="cycles"
            )
        begin, events = instant(self.start_at, "start_at"), self.events
        if self.until is None:
            return
        until = instant(self.until, "until")
        if until <= begin:
            raise InvalidInput("until must be after start_at.", code="until_before_start", field="until")
        if events and events[-1].at >= until:
            raise InvalidInput(
                "A change or cancellation is planned at or after until: look further ahead, or leave it out.",
                code="outside_period",
                field="at",
            )

    @property
    def events(self) -> tuple[PlannedEvent, ...]:
        """What is planned, in order of time; at one instant changes come before the cancellation."""
        planned: list[PlannedEvent] = [*self.changes]
        if self.cancellation:
            planned.append(self.cancellation)
        return tuple(sorted(planned, key=lambda event: instant(event.at)))

    @property
    def last_cycle(self) -> int | None:
        """How many paid periods it looks at, if they are counted."""
        return DEFAULT_CYCLES if self.until is None and self.cycles is None else self.cycles
