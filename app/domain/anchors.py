"""Where billing periods are anchored: the four modes of a subscription, each resolved to one wall time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from app.domain.errors import InvalidInput
from app.domain.periods import Interval, Recurrence, Schedule, add_months
from app.domain.zones import instant, to_wall

# Eight years lie between the leap years around 2100, so this many yearly turns always meet a 29 February.
_TURNS_TO_LEAP = 9


class AnchorMode(StrEnum):
    """How the anchor is chosen."""

    ANNIVERSARY = "anniversary"
    DAY_OF_MONTH = "day_of_month"
    CALENDAR = "calendar"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The choice made when a subscription starts.

    - anniversary: periods turn at the wall time of the start.
    - day_of_month: at the start of `day` (1 to 31; the last of shorter months), first on its next occurrence.
    - calendar: at the start of the day, of the ISO week (Monday) or of the year in which the subscription starts;
      months are counted from January, so that quarters are the calendar's quarters.
    - date: at the wall time of the instant `at`, before or after the start.

    Raises InvalidInput: `invalid_anchor_day`, `anchor_incomplete`, `naive_datetime`.
    """

    mode: AnchorMode = AnchorMode.ANNIVERSARY
    day: int | None = None
    at: datetime | None = None

    def __post_init__(self) -> None:
        if self.mode is AnchorMode.DAY_OF_MONTH and (type(self.day) is not int or not 1 <= self.day <= 31):
            raise InvalidInput(
                "The anchor day must be a whole number from 1 to 31.",
                code="invalid_anchor_day",
                field="anchor.day",
            )
        if self.mode is AnchorMode.DATE:
            if self.at is None:
                raise InvalidInput(
                    "An anchor of mode date needs the instant “at”.",
                    code="anchor_incomplete",
                    field="anchor.at",
                )
            instant(self.at, "anchor.at")

    @classmethod
    def parse(cls, mode: str, day: int | None = None, at: datetime | None = None) -> "Anchor":
        """From outside words; an unknown mode is InvalidInput (`invalid_anchor`)."""
        try:
            return cls(AnchorMode(mode), day, at)
        except ValueError:
            raise InvalidInput(
                f"“{mode}” is not an anchor: use anniversary, day_of_month, calendar or date.",
                code="invalid_anchor",
                field="anchor.mode",
            ) from None


ANNIVERSARY = Anchor()


def schedule_from(start: datetime, recurrence: Recurrence, timezone: str, anchor: Anchor = ANNIVERSARY) -> Schedule:
    """The schedule of a subscription whose first paid period starts at the instant `start`.

    Raises InvalidInput for an unknown zone, a naive start, or a day of the month on a daily or weekly plan
    (`anchor_mismatch`). Monthly on day 31 from 10 February 2026 turns on 28 February, 31 March, 30 April.
    """
    wall = to_wall(instant(start, "start_at"), timezone)
    return Schedule(recurrence, _WALLS[anchor.mode](anchor, wall, recurrence, timezone), timezone)


def _anniversary(_anchor: Anchor, start: datetime, _recurrence: Recurrence, _timezone: str) -> datetime:
    return start


def _date(anchor: Anchor, start: datetime, _recurrence: Recurrence, timezone: str) -> datetime:
    return to_wall(anchor.at, timezone) if anchor.at else start


def _day_of_month(anchor: Anchor, start: datetime, recurrence: Recurrence, _timezone: str) -> datetime:
    if not recurrence.months:
        raise InvalidInput(
            f"A plan billed {recurrence} cannot turn on a day of the month.",
            code="anchor_mismatch",
            field="anchor.mode",
        )
    day = anchor.day or start.day
    midnight = datetime.combine(start, time.min)
    this_month = add_months(midnight, 0, day)
    first = this_month if this_month >= start else add_months(midnight, 1, day)
    return _remembering(first, day, recurrence.months)


def _remembering(first: datetime, day: int, months: int) -> datetime:
    """The same boundary told from an earlier turn whose month is long enough to hold the wanted day.

    The anchor's own day is what later months are clipped from: 28 February could not say whether 28, 29, 30 or
    31 is meant, and 31 January can. A yearly turn in February knows no longer month than that of a leap year.
    """
    return max((add_months(first, -back * months, day) for back in range(_TURNS_TO_LEAP)), key=lambda wall: wall.day)


def _calendar(_anchor: Anchor, start: datetime, recurrence: Recurrence, _timezone: str) -> datetime:
    midnight = datetime.combine(start, time.min)
    return _CALENDAR_STARTS[recurrence.interval](midnight)


def _monday(midnight: datetime) -> datetime:
    return midnight - timedelta(days=midnight.weekday())


def _new_year(midnight: datetime) -> datetime:
    return midnight.replace(month=1, day=1)


_CALENDAR_STARTS: Mapping[Interval, Callable[[datetime], datetime]] = {
    Interval.DAY: lambda midnight: midnight,
    Interval.WEEK: _monday,
    Interval.MONTH: _new_year,
    Interval.YEAR: _new_year,
}
_WALLS: Mapping[AnchorMode, Callable[[Anchor, datetime, Recurrence, str], datetime]] = {
    AnchorMode.ANNIVERSARY: _anniversary,
    AnchorMode.DAY_OF_MONTH: _day_of_month,
    AnchorMode.CALENDAR: _calendar,
    AnchorMode.DATE: _date,
}
