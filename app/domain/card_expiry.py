"""When somebody is warned that their card ends. A card is good to the end of the month that stands on it."""

from datetime import date, datetime, timedelta

from app.domain.zones import add_days, from_wall, start_of_day

WARNED_BEFORE = timedelta(days=30)
AGAIN_AFTER = 7  # days
NINE = timedelta(hours=9)


def warning_at(exp_month: int, exp_year: int, timezone: str) -> datetime:
    """Nine in the morning in `timezone`, 30 days before the month with which a card ends (as a UTC instant).

    12/2026 in America/Toronto: 1 November 2026, 9:00 there, which is 14:00 UTC.
    """
    first = datetime(exp_year, exp_month, 1)  # noqa: DTZ001 - a wall time
    return from_wall(first - WARNED_BEFORE + NINE, timezone)


def next_look(exp_month: int, exp_year: int, timezone: str, at: datetime) -> datetime | None:
    """When to look next whether somebody must be warned: at the warning's instant, or later once a week.

    None when the card has ended by then. A card of 12/2026 that is looked at on 20 December is looked at on the 27th,
    and then no more.
    """
    first = warning_at(exp_month, exp_year, timezone)
    if at < first:
        return first
    later = add_days(at, AGAIN_AFTER, timezone)
    return later if later < _end(exp_month, exp_year, timezone) else None


def _end(exp_month: int, exp_year: int, timezone: str) -> datetime:
    year, month = divmod(exp_year * 12 + exp_month, 12)
    return start_of_day(date(year, month + 1, 1), timezone)
