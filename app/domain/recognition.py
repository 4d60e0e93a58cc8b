"""Revenue over the service period: what is earned by which day. Amounts are without tax; credits are negative.

Every calendar day of the period in the customer's zone earns the same, to the minor unit: the units that do not divide
go to the earliest days, one each (largest remainder), so that the days sum to exactly the amount.
"""

from datetime import date, timedelta

from app.domain.money import Money
from app.domain.periods import Period
from app.domain.zones import local_date

_DAY = timedelta(days=1)


def service_days(period: Period, timezone: str) -> tuple[date, int]:
    """The first day of service and their number: the day of the end does not count, but one day there always is."""
    first, end = local_date(period.start, timezone), local_date(period.end, timezone)
    return first, max((end - first).days, 1)


def recognized(amount: Money, period: Period, timezone: str, before: date) -> Money:
    """What of an amount is earned before the start of a day; the rest is deferred.

    100.00 for January (31 days) are 3.23 on each of the first 18 days and 3.22 on the other 13, so 58.14 before the
    19th, and all of it before 1 February.
    """
    first, days = service_days(period, timezone)
    served = min(max((before - first).days, 0), days)
    each, left = divmod(abs(amount.minor), days)
    earned = served * each + min(served, left)
    return Money(earned if amount.minor >= 0 else -earned, amount.currency)


def by_day(amount: Money, period: Period, timezone: str) -> list[tuple[date, Money]]:
    """What each day of service earns, in order; the sum is the amount."""
    first, days = service_days(period, timezone)
    return [(first + _DAY * i, part) for i, part in enumerate(amount.allocate([1] * days))]


def by_month(amount: Money, period: Period, timezone: str) -> list[tuple[date, Money]]:
    """What each calendar month earns, told by its first day, in order; the sum is the amount.

    365.00 from 15 January to 15 January of the next year earn 17.00 in the first January and 14.00 in the second.
    """
    first, days = service_days(period, timezone)
    months: list[tuple[date, Money]] = []
    month, before = first.replace(day=1), Money(0, amount.currency)
    while month < first + _DAY * days:
        following = (month + _DAY * 31).replace(day=1)
        earned = recognized(amount, period, timezone, following)
        months.append((month, earned - before))
        month, before = following, earned
    return months
