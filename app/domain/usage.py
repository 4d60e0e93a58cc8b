"""Metered usage: what events sum up to in a period, and when one comes too late or too early to count."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.exact import EXACT, PLACES, ZERO, parse_exact, sum_exact
from app.domain.money import MAX_DIGITS, round_half_away

LatePolicy = Literal["next_invoice", "correct", "refuse"]
Placement = Literal["current", "next_invoice", "correct"]

# A year's usage may be billed when the year has ended, and be put right in the year that follows.
LONGEST_AGO = timedelta(days=2 * 365)
# The clock of a client may run a little ahead of ours; beyond that, a time in the future is a mistake.
CLOCK_TOLERANCE = timedelta(minutes=5)
_MICROSECOND = timedelta(microseconds=1)
LONGEST_LABEL = 255  # characters of a value, for meters that count how many there are
# Numbers as they are nearly always written; `parse_exact` takes all of these.
_PLAIN_NUMBER = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{1,{PLACES}}})?")
_PLAIN_LABEL = re.compile(f".{{1,{LONGEST_LABEL}}}", re.DOTALL)
_PLAIN_TYPES = {str, int}  # true and false are of another


class Value(NamedTuple):
    """What a meter reads from an event: the value of its property, as a number or as text."""

    number: Decimal = ZERO
    text: str = ""


class Values(NamedTuple):
    """What a meter reads from many events, in their order: the numbers as they are written, and the texts."""

    numbers: Sequence[str]
    texts: Sequence[str]

    @classmethod
    def of(cls, values: Sequence[Value]) -> "Values":
        """Values that were read one by one."""
        return cls([str(value.number) for value in values], [value.text for value in values])


class Reading(NamedTuple):
    """A value, and the instant that it is about."""

    at: datetime
    number: Decimal = ZERO
    text: str = ""


@dataclass(frozen=True, slots=True)
class Meter:
    """Which property of events is measured, and how. Only counting needs no property."""

    code: str
    aggregation: str
    property: str | None = None
    late_policy: LatePolicy = "next_invoice"

    def __post_init__(self) -> None:
        if self.aggregation not in AGGREGATIONS:
            raise InvalidInput(
                f"“{self.aggregation}” is not an aggregation: use one of {', '.join(AGGREGATIONS)}.",
                code="unknown_aggregation",
                field="aggregation",
            )
        if (self.aggregation == "count") != (self.property is None):
            raise InvalidInput(
                "Every aggregation but count measures a property of the events, and count none.",
                code="meter_property",
                field="property",
            )

    def read(self, properties: Mapping[str, Any]) -> Value:
        """What is measured of an event. Numbers are decimal strings or whole JSON numbers, below zero too.

        Raises InvalidInput, naming the property, when it is missing or not what the meter measures.
        """
        if self.property is None:
            return Value()
        field = f"properties.{self.property}"
        given = properties.get(self.property)
        if given is None or given == "":
            raise InvalidInput(f"The meter “{self.code}” needs {field}.", code="property_missing", field=field)
        if self.aggregation == "unique":
            return Value(text=_label(str(given), field))
        return Value(parse_exact(given, field, signed=True))

    def read_plain(self, properties: Sequence[Mapping[str, Any]]) -> Values | None:
        """What `read` finds in each of many events, in a fraction of its time. None when one of them is not plain: it
        may be refused, or be written in a rarer way.
        """
        zeros, blanks = ["0"] * len(properties), [""] * len(properties)
        if self.property is None:
            return Values(zeros, blanks)
        given = [named.get(self.property) for named in properties]
        if not _PLAIN_TYPES.issuperset(map(type, given)):
            return None
        texts = list(map(str, given))
        if self.aggregation == "unique":
            return Values(zeros, texts) if all(map(_PLAIN_LABEL.fullmatch, texts)) else None
        return Values(texts, blanks) if all(map(_PLAIN_NUMBER.fullmatch, texts)) else None


def _label(text: str, field: str) -> str:
    if len(text) > LONGEST_LABEL:
        raise InvalidInput(f"{field} is longer than {LONGEST_LABEL} characters.", code="too_long", field=field)
    return text


class Window(NamedTuple):
    """The period [start, end) that readings are taken in, and the level at its start."""

    start: datetime
    end: datetime
    opening: Decimal = ZERO


def aggregate(aggregation: str, readings: Iterable[Reading], window: Window) -> Decimal:
    """The quantity that readings make in a window; those outside of it do not count.

    `count` and `unique` count events and distinct values, `sum` adds up, `max` and `last` give the highest and the
    latest value (of two at one instant, the one given later). `weighted_sum` takes each value as a change of a level
    and gives the average of the level over the window, rounded half away from zero to 12 decimals: 10 from the start
    and 4 more from half time on weigh 12. Without readings the quantity is zero, or the opening level.
    """
    within = [reading for reading in readings if window.start <= reading.at < window.end]
    return AGGREGATIONS[aggregation](within, window)


def time_weighted(readings: Iterable[Reading], window: Window) -> Fraction:
    """The exact average over the window of a level that begins at `opening` and changes by each reading from then on.

    A change weighs as much as the part of the window that is left after it.
    """
    changes = [EXACT.multiply(reading.number, (window.end - reading.at) // _MICROSECOND) for reading in readings]
    return Fraction(window.opening) + Fraction(sum_exact(changes)) / ((window.end - window.start) // _MICROSECOND)


def _last(readings: Sequence[Reading], window: Window) -> Decimal:
    latest = Reading(window.start)
    for reading in readings:
        if reading.at >= latest.at:
            latest = reading
    return latest.number


def _weighted_sum(readings: Sequence[Reading], window: Window) -> Decimal:
    return Decimal(round_half_away(time_weighted(readings, window) * 10**PLACES)).scaleb(-PLACES, EXACT)


AGGREGATIONS: dict[str, Callable[[Sequence[Reading], Window], Decimal]] = {
    "count": lambda readings, _: Decimal(len(readings)),
    "sum": lambda readings, _: sum_exact([reading.number for reading in readings]),
    "max": lambda readings, _: max([reading.number for reading in readings], default=ZERO),
    "last": _last,
    "unique": lambda readings, _: Decimal(len({reading.text for reading in readings})),
    "weighted_sum": _weighted_sum,
}


def find_meter(meters: Mapping[str, Meter], code: str) -> Meter:
    """The meter with a code. Raises NotFound, naming the field, for one the tenant does not have."""
    meter = meters.get(code)
    if meter is None:
        raise NotFound(
            f"There is no meter “{code}”: create it before sending usage.", code="unknown_meter", field="meter"
        )
    return meter


def is_timely(at: datetime, received_at: datetime) -> bool:
    """Whether an event dated `at` is taken: from two years before it was received to five minutes after."""
    return received_at - LONGEST_AGO <= at <= received_at + CLOCK_TOLERANCE


def check_timely(at: datetime, received_at: datetime) -> None:
    """Refuse an event that is not timely: dated in the future (`usage_in_future`) or long ago (`usage_too_old`)."""
    if is_timely(at, received_at):
        return
    if at > received_at:
        raise InvalidInput(
            f"The event is dated {at.isoformat()}, which is still to come: send usage when it has happened.",
            code="usage_in_future",
            field="at",
        )
    raise InvalidInput(
        f"The event is dated {at.isoformat()}, more than two years ago: usage is taken for two years.",
        code="usage_too_old",
        field="at",
    )


def place(at: datetime, invoiced_until: datetime | None, policy: LatePolicy) -> Placement:
    """Where an event belongs, when usage before `invoiced_until` (not included) has been invoiced already.

    `current`: the period that is still open. A late one goes on the `next_invoice`, or makes a `correct`ion of the one
    already sent (credit note and new invoice). Raises Conflict when the meter's policy is to refuse it.
    """
    if invoiced_until is None or at >= invoiced_until:
        return "current"
    if policy == "refuse":
        raise Conflict(
            f"Usage before {invoiced_until.isoformat()} has been invoiced, and this meter takes none afterwards.",
            code="usage_too_late",
            field="at",
        )
    return policy


def levels(limit: Decimal, percents: Iterable[Decimal]) -> list[Decimal]:
    """The alert levels at percents of a limit: 80 and 100 percent of 500 are 400 and 500."""
    return [EXACT.multiply(limit, percent).scaleb(-2, EXACT) for percent in percents]


def crossed(thresholds: Iterable[Decimal], before: Decimal, after: Decimal) -> list[Decimal]:
    """The thresholds that usage reached or passed on its way up from `before` to `after`, lowest first.

    Each is crossed once; after a correction below it, it can be crossed again.
    """
    return sorted(threshold for threshold in thresholds if before < threshold <= after)
