"""Wall time and instants: what a clock in the customer's billing time zone shows, and when that is in UTC."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from app.domain.errors import InvalidInput

_SECOND = timedelta(seconds=1)
_NO_OFFSET = timedelta(0)
_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
_WALL_ORIGIN = datetime(2000, 1, 1)  # noqa: DTZ001 - wall times are naive by design


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name, e.g. `zone("America/Toronto")`.

    Raises InvalidInput (`unknown_timezone`) for anything else, abbreviations and offsets included.
    """
    try:
        return ZoneInfo(name)
    # A missing file, a folder such as "America" and a path such as "../x" each raise something else.
    except (KeyError, ValueError, OSError):
        raise InvalidInput(
            f"“{name}” is not a time zone: use an IANA name such as America/Toronto.",
            code="unknown_timezone",
            field="timezone",
        ) from None


def instant(at: datetime, field: str = "at") -> datetime:
    """`at` in UTC. Raises InvalidInput (`naive_datetime`) when it has no offset, naming `field`."""
    if at.tzinfo is UTC:
        return at
    if at.tzinfo is None or at.utcoffset() is None:
        raise InvalidInput(
            f"{field} has no UTC offset: write it like 2026-01-31T00:00:00Z.",
            code="naive_datetime",
            field=field,
        )
    return at.astimezone(UTC)


def to_wall(at: datetime, timezone: str) -> datetime:
    """What the wall clock shows in `timezone` at an instant, as a naive datetime.

    A database keeps no `fold`, so neither does this: the second of two equal hours reads like the first.
    """
    return at.astimezone(zone(timezone)).replace(tzinfo=None, fold=0)


def from_wall(wall: datetime, timezone: str) -> datetime:
    """The UTC instant at which the clock in `timezone` shows the naive `wall` time.

    A time that occurs twice (clocks set back) is the earlier instant; a time that never occurs (clocks set
    forward, or a day skipped at the date line) is the first instant after the gap. So a later wall time is never
    an earlier instant, and periods cut at wall times neither overlap nor leave a gap (issue 3, periods).
    """
    if wall.fold:
        wall = wall.replace(fold=0)
    there = zone(timezone)
    before = there.utcoffset(wall) or _NO_OFFSET
    # datetime.replace(tzinfo=UTC) would do the same in four times as long, and renewals come here by the 100,000.
    at = _ORIGIN + (wall - _WALL_ORIGIN - before)
    after = at.astimezone(there).utcoffset() or _NO_OFFSET
    return at if after == before else _end_of_gap(at + before - after, at, there)


def _end_of_gap(before: datetime, after: datetime, there: ZoneInfo) -> datetime:
    """The first whole second in (before, after] at which the clock has been set forward.

    Bisected, because zoneinfo does not tell its transitions.
    """
    before, after = before.replace(microsecond=0), after.replace(microsecond=0)
    offset = after.astimezone(there).utcoffset()
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // _SECOND // 2)
        if middle.astimezone(there).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def local_date(at: datetime, timezone: str) -> date:
    """The calendar day in `timezone` that an instant falls on."""
    return at.astimezone(zone(timezone)).date()


def start_of_day(day: date, timezone: str) -> datetime:
    """The first instant of a calendar day in `timezone`, also where the clocks skip midnight."""
    return from_wall(datetime.combine(day, time.min), timezone)


def calendar_days(start: datetime, end: datetime, timezone: str) -> int:
    """Calendar days from the day of `start` (counted) to the day of `end` (not counted), in `timezone`.

    Days add up: days(a, b) + days(b, c) = days(a, c). 30 January 23:00 to 15 February 01:00 are 16 days.
    """
    return (local_date(end, timezone) - local_date(start, timezone)).days


def add_days(at: datetime, days: int, timezone: str) -> datetime:
    """The instant `days` calendar days later at the same wall time in `timezone`.

    Raises InvalidInput (`out_of_range`) beyond the year 9999.
    """
    try:
        return from_wall(to_wall(at, timezone) + timedelta(days=days), timezone)
    except OverflowError:
        raise InvalidInput(
            f"{days} days after {at:%Y-%m-%d} is beyond the calendar.", code="out_of_range", field="days"
        ) from None
