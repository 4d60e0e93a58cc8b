"""Parts of a period: what fraction they are, and the lines when terms change inside one (issue 3, proration).

The law they keep: charges less credits are what was used, to within one minor unit for each line.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from app.domain.credits import Billed, after_credit, credit, credit_all
from app.domain.lines import NOTHING, WHOLE, Line, LineKind, charge
from app.domain.periods import Period, Schedule
from app.domain.terms import FirstPeriod, Item, ProrationMode, Terms
from app.domain.zones import calendar_days, to_wall

_MICROSECOND = timedelta(microseconds=1)


def _microseconds(start: datetime, end: datetime, _timezone: str) -> int:
    return (end - start) // _MICROSECOND


_COUNTS: Mapping[ProrationMode, Callable[[datetime, datetime, str], int]] = {
    ProrationMode.SECOND: _microseconds,
    ProrationMode.DAY: calendar_days,
}


def share(start: datetime, end: datetime, whole: Period, mode: ProrationMode, timezone: str) -> Fraction:
    """What fraction of `whole` lies in [start, end), in lowest terms: counted by `second` or by calendar `day`.

    Shares of neighbouring parts add up, so the parts of a period make 1. By day, a change on 18 January in a period
    from 1 to 31 January (31 days) leaves 14/31: the day of the change belongs to what follows it.
    """
    if start == whole.start and end == whole.end:
        return WHOLE
    count = _COUNTS[mode]
    total = count(whole.start, whole.end, timezone)
    return Fraction(count(start, end, timezone), total) if total else NOTHING


def first_fraction(schedule: Schedule, first: Period, terms: Terms) -> Fraction:
    """What a first period costs as a fraction of a whole one: 1 unless it is shorter than the schedule's own period.

    A shorter one is prorated, full (1) or free (0), as the terms say. One that starts at a boundary's wall time is
    whole, also in the second of two equal hours when clocks are set back.
    """
    whole, timezone = schedule.period_containing(first.start), schedule.timezone
    starts_whole = to_wall(first.start, timezone) == to_wall(whole.start, timezone)
    if starts_whole or terms.first_period is FirstPeriod.FULL:
        return WHOLE
    if terms.first_period is FirstPeriod.FREE:
        return NOTHING
    return share(first.start, first.end, whole, terms.proration.counted, timezone)


def charges(
    kind: LineKind, items: Sequence[Item], terms: Terms, period: Period, fraction: Fraction, mode: ProrationMode
) -> tuple[Line, ...]:
    """A line for each item, for `fraction` of a whole period's price."""
    words = "Remaining time on " if kind is LineKind.PRORATION_CHARGE else ""
    return tuple(charge(kind, words + item.name, item, terms.currency, period, fraction, mode) for item in items)


def credits_from(
    billed: Sequence[Billed], at: datetime, mode: ProrationMode, timezone: str
) -> tuple[tuple[Line, ...], tuple[Billed, ...]]:
    """The lines that give back paid time from `at` on, and what stays billed.

    `second` and `day` give back the unused time, `full` everything that is left, `none` nothing.
    """
    if mode is ProrationMode.NONE:
        return (), tuple(billed)
    lines: list[Line] = []
    kept: list[Billed | None] = []
    for stretch in billed:
        line = credit_all(stretch) if mode is ProrationMode.FULL else _unused(stretch, at, mode, timezone)
        lines += [line] if line and line.amount else []
        kept.append(after_credit(stretch, line) if line else stretch)
    return tuple(lines), tuple(stretch for stretch in kept if stretch)


def _unused(billed: Billed, at: datetime, mode: ProrationMode, timezone: str) -> Line | None:
    """The credit for the time of a billed stretch after `at`; None when it has no such time."""
    if at >= billed.period.end:
        return None
    start = max(at, billed.period.start)
    unused = share(start, billed.period.end, billed.period, mode, timezone)
    return credit(billed, start, unused, mode)
