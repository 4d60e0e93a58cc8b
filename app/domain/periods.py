"""Billing periods: half-open intervals [start, end) of UTC instants, cut at wall times in the customer's zone.

Boundary n of a schedule is the anchor plus n times the interval, counted from the anchor itself and never from
the previous boundary; so the 31st comes back after a short month, and 29 February after three common years.
"""

from calendar import isleap
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.errors import InvalidInput
from app.domain.zones import from_wall, instant, zone

# Time zones lie at most 26 hours apart (UTC-12 to UTC+14), so moving a customer shifts no boundary further.
WIDEST_ZONE_SHIFT = timedelta(hours=26)
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Interval(StrEnum):
    """The unit of a plan's recurrence."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


# Ten years at most: a longer period is a typing error, and would run out of calendar.
MAX_COUNTS = {Interval.DAY: 3660, Interval.WEEK: 520, Interval.MONTH: 120, Interval.YEAR: 10}
_DAYS = {Interval.DAY: 1, Interval.WEEK: 7}
_MONTHS = {Interval.MONTH: 1, Interval.YEAR: 12}


def days_in_month(year: int, month: int) -> int:
    """28 to 31: `days_in_month(2028, 2) == 29`."""
    return 29 if month == 2 and isleap(year) else _MONTH_DAYS[month - 1]


def add_months(wall: datetime, months: int, day: int | None = None) -> datetime:
    """The wall time `months` later on the same day (or on `day`), or on the last day of a month too short for it.

    `add_months(31 January, 1)` is 28 February. Raises ValueError outside the years 1 to 9999.
    """
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    wanted = day or wall.day
    if wanted > 28:
        wanted = min(wanted, days_in_month(year, month + 1))
    return wall.replace(year, month + 1, wanted)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How often a plan is billed: `Recurrence(Interval.MONTH, 3)` is quarterly.

    Its length is `months` (for month and year) or `days` (for day and week); the other of the two is 0.
    Raises InvalidInput for a count below 1 or longer than ten years (`invalid_interval_count`).
    """

    interval: Interval
    count: int = 1
    months: int = field(init=False, repr=False, compare=False)
    days: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        longest = MAX_COUNTS[self.interval]
        if type(self.count) is not int or not 1 <= self.count <= longest:
            raise InvalidInput(
                f"interval_count for {self.interval} must be a whole number from 1 to {longest}, not {self.count}.",
                code="invalid_interval_count",
                field="interval_count",
            )
        object.__setattr__(self, "months", _MONTHS.get(self.interval, 0) * self.count)
        object.__setattr__(self, "days", _DAYS.get(self.interval, 0) * self.count)

    @classmethod
    def parse(cls, interval: str, count: int = 1) -> "Recurrence":
        """From outside words, e.g. `Recurrence.parse("month", 3)`; an unknown word is `invalid_interval`."""
        try:
            return cls(Interval(interval), count)
        except ValueError:
            raise InvalidInput(
                f"“{interval}” is not an interval: use day, week, month or year.",
                code="invalid_interval",
                field="interval",
            ) from None

    def __str__(self) -> str:
        return f"every {self.interval}" if self.count == 1 else f"every {self.count} {self.interval}s"


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` (inclusive) to `end` (exclusive), both UTC instants; InvalidInput (`empty_period`) when empty."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise InvalidInput("A period must end after it starts.", code="empty_period", field="period_end")

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    @property
    def length(self) -> timedelta:
        """Elapsed time, which through a clock change is not a whole number of days."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Schedule:
    """Where a subscription's periods begin and end; the four columns kept on its row.

    `anchor` is a naive wall time in `timezone`: one boundary, from which all others are counted in both
    directions (`anchors.schedule_from` finds it). When a customer moves, `dataclasses.replace(schedule, timezone=…)`
    keeps the wall times. Raises InvalidInput: `unknown_timezone`, or `anchor_not_wall_time` for one with an offset.
    """

    recurrence: Recurrence
    anchor: datetime
    timezone: str

    def __post_init__(self) -> None:
        zone(self.timezone)
        if self.anchor.tzinfo is not None:
            raise InvalidInput(
                "The anchor is a wall time in the customer's zone and has no UTC offset.",
                code="anchor_not_wall_time",
                field="anchor",
            )

    def boundary(self, turn: int) -> datetime:
        """The UTC instant of the anchor plus `turn` intervals (negative: before the anchor)."""
        try:
            return from_wall(self._wall(turn), self.timezone)
        except (ValueError, OverflowError):
            raise InvalidInput(
                "That is beyond the calendar, which ends with the year 9999.", code="out_of_range", field="at"
            ) from None

    def period_containing(self, at: datetime) -> Period:
        """The whole period around an instant, boundary to boundary: start ≤ at < end."""
        _, begin, end = self._around(instant(at))
        return Period(begin, end)

    def first_period(self, start: datetime) -> Period:
        """From any instant to the first boundary after it: short, unless `start` is a boundary itself."""
        begin = instant(start, "start")
        return Period(begin, self._around(begin)[2])

    def next_period(self, previous_end: datetime) -> Period:
        """The period that begins exactly where the previous one ended: periods tile through a change of zone.

        It ends at the first boundary after that. When the customer has moved, the old end lies beside the new
        boundaries, and the rest up to the first of them may be a sliver (under half an interval and 26 hours):
        a sliver is not a period to bill, it is merged with the period that follows.
        """
        start = instant(previous_end, "previous_end")
        turn, begin, end = self._around(start)
        if begin != start and end - start < min(WIDEST_ZONE_SHIFT, (end - begin) / 2):
            end = self.boundary(turn + 2)
        return Period(start, end)

    def periods(self, start: datetime) -> Iterator[Period]:
        """The first period from `start`, then all that follow, without end."""
        period = self.first_period(start)
        while True:
            yield period
            period = self.next_period(period.end)

    def _wall(self, turn: int) -> datetime:
        if months := self.recurrence.months:
            return add_months(self.anchor, turn * months)
        return self.anchor + timedelta(days=turn * self.recurrence.days)

    def _around(self, at: datetime) -> tuple[int, datetime, datetime]:
        """The number of the last boundary at or before `at`, that boundary, and the one after.

        The calendar gives the number but for a step or two, which the clocks decide.
        """
        turn = self._guess(at.astimezone(zone(self.timezone)))
        begin = self.boundary(turn)
        while begin > at:
            turn -= 1
            begin = self.boundary(turn)
        end = self.boundary(turn + 1)
        while end <= at:
            turn += 1
            begin, end = end, self.boundary(turn + 1)
        return turn, begin, end

    def _guess(self, wall: datetime) -> int:
        anchor, months = self.anchor, self.recurrence.months
        if months:
            return ((wall.year - anchor.year) * 12 + wall.month - anchor.month) // months
        return (wall.toordinal() - anchor.toordinal()) // self.recurrence.days
