"""Where billing periods begin and end. Laws: 500 schedules over all time zones and ten years."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.anchors import Anchor, AnchorMode, schedule_from
from app.domain.errors import InvalidInput
from app.domain.periods import WIDEST_ZONE_SHIFT, Interval, Period, Recurrence, Schedule
from app.domain.zones import to_wall
from tests.laws import tried

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
TEN_YEARS = timedelta(days=3653)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def starts(schedule, first, count):
    """The wall times at which the first periods begin, as the customer reads them."""
    periods = islice(schedule.periods(utc(first)), count)
    return [to_wall(period.start, schedule.timezone).isoformat(" ", "minutes") for period in periods]


@pytest.mark.parametrize(
    ("interval", "count", "start", "days"),
    [
        ("day", 1, "2028-02-28", ["02-28", "02-29", "03-01"]),
        ("day", 30, "2026-01-31", ["01-31", "03-02", "04-01"]),
        ("week", 1, "2026-12-24", ["12-24", "12-31", "01-07"]),
        ("week", 2, "2026-01-01", ["01-01", "01-15", "01-29"]),
        # the 31st is remembered through short months
        ("month", 1, "2026-01-31", ["01-31", "02-28", "03-31", "04-30", "05-31"]),
        ("month", 1, "2028-01-31", ["01-31", "02-29", "03-31", "04-30"]),
        ("month", 1, "2026-01-30", ["01-30", "02-28", "03-30"]),
        ("month", 1, "2026-02-28", ["02-28", "03-28", "04-28"]),
        ("month", 3, "2025-11-30", ["11-30", "02-28", "05-30", "08-30"]),
        # 29 February comes back in leap years, and 2100 is none
        ("year", 1, "2024-02-29", ["02-29", "02-28", "02-28", "02-28", "02-29"]),
        ("year", 4, "2096-02-29", ["02-29", "02-28", "02-29"]),
    ],
)
def test_anniversaries_are_counted_from_the_anchor_and_never_drift(interval, count, start, days):
    schedule = schedule_from(utc(start), Recurrence.parse(interval, count), "UTC")
    assert [text[5:10] for text in starts(schedule, start, len(days))] == days


@pytest.mark.parametrize(
    ("anchor", "interval", "count", "start", "expected"),
    [
        (Anchor.parse("day_of_month", 15), "month", 1, "2026-01-31 10:00", ["02-15 00:00", "03-15 00:00"]),
        (Anchor.parse("day_of_month", 15), "month", 1, "2026-01-15 00:00", ["02-15 00:00", "03-15 00:00"]),
        (Anchor.parse("day_of_month", 15), "month", 1, "2026-01-15 10:00", ["02-15 00:00", "03-15 00:00"]),
        (Anchor.parse("day_of_month", 31), "month", 1, "2026-02-10 00:00", ["02-28 00:00", "03-31 00:00"]),
        (Anchor.parse("day_of_month", 30), "month", 1, "2026-02-10 00:00", ["02-28 00:00", "03-30 00:00"]),
        (Anchor.parse("day_of_month", 31), "month", 2, "2026-02-10 00:00", ["02-28 00:00", "04-30 00:00"]),
        (Anchor.parse("day_of_month", 31), "month", 6, "2026-02-10 00:00", ["02-28 00:00", "08-31 00:00"]),
        (Anchor.parse("day_of_month", 30), "year", 1, "2027-02-10 00:00", ["02-28 00:00", "02-29 00:00"]),
        # monthly calendar periods, calendar quarters, ISO weeks, years
        (Anchor.parse("calendar"), "month", 1, "2026-02-10 12:34", ["03-01 00:00", "04-01 00:00"]),
        (Anchor.parse("calendar"), "month", 3, "2026-02-10 12:34", ["04-01 00:00", "07-01 00:00"]),
        (Anchor.parse("calendar"), "week", 1, "2026-01-01 12:00", ["01-05 00:00", "01-12 00:00"]),
        (Anchor.parse("calendar"), "day", 1, "2026-01-01 12:00", ["01-02 00:00", "01-03 00:00"]),
        (Anchor.parse("calendar"), "year", 1, "2026-07-01 12:00", ["01-01 00:00", "01-01 00:00"]),
        # an explicit date, before or after the start
        (Anchor.parse("date", at=utc("2026-03-05T06:00")), "month", 1, "2026-01-31", ["02-05 06:00", "03-05 06:00"]),
        (Anchor.parse("date", at=utc("2020-12-31T06:00")), "month", 1, "2026-01-31", ["01-31 06:00", "02-28 06:00"]),
    ],
)
def test_other_anchors_make_a_short_first_period(anchor, interval, count, start, expected):
    schedule = schedule_from(utc(start), Recurrence.parse(interval, count), "UTC", anchor)
    walls = starts(schedule, start, 3)
    assert walls[0] == (start if len(start) > 10 else start + " 00:00")
    assert [text[5:] for text in walls[1:]] == expected


def test_the_anchor_day_is_a_day_of_the_customers_zone():
    # 31 January 00:00 UTC is still 30 January in Toronto, and 15 February begins there at 05:00 UTC
    schedule = schedule_from(
        utc("2026-01-31"), Recurrence(Interval.MONTH), "America/Toronto", Anchor(AnchorMode.DAY_OF_MONTH, 15)
    )
    assert schedule.first_period(utc("2026-01-31")) == Period(utc("2026-01-31"), utc("2026-02-15T05:00"))


@pytest.mark.parametrize(
    ("timezone", "start", "instants"),
    [
        # daily at 02:30: the gap of 8 March turns at 03:00 EDT, and the day after at 02:30 EDT again
        ("America/Toronto", "2026-03-07T07:30", ["07 07:30", "08 07:00", "09 06:30", "10 06:30"]),
        # daily at 01:30: the first of the two on 1 November, so that day has 25 hours after it
        ("America/Toronto", "2026-10-31T05:30", ["31 05:30", "01 05:30", "02 06:30"]),
        ("Europe/Berlin", "2026-03-28T01:30", ["28 01:30", "29 01:00", "30 00:30"]),
        ("Australia/Lord_Howe", "2026-10-02T15:45", ["02 15:45", "03 15:30", "04 15:15"]),
        ("Asia/Tehran", "2022-03-20T20:30", ["20 20:30", "21 20:30", "22 19:30"]),
        # Apia had no 30 December 2011: no period for a day that never was
        ("Pacific/Apia", "2011-12-28T10:00", ["28 10:00", "29 10:00", "30 10:00", "31 10:00"]),
        # midnight came twice in St John's on 7 November 2010: the first counts
        ("America/St_Johns", "2010-11-06T02:30", ["06 02:30", "07 02:30", "08 03:30"]),
    ],
)
def test_periods_follow_the_wall_clock_through_its_changes(timezone, start, instants):
    schedule = schedule_from(utc(start), Recurrence(Interval.DAY), timezone)
    begun = [period.start.strftime("%d %H:%M") for period in islice(schedule.periods(utc(start)), len(instants))]
    assert begun == instants


@pytest.mark.parametrize(
    ("at", "start", "end"),
    [
        ("2026-02-28T00:00", "2026-02-28", "2026-03-31"),
        ("2026-02-27T23:59:59.999999", "2026-01-31", "2026-02-28"),
        ("2026-03-30T12:00", "2026-02-28", "2026-03-31"),
        ("2025-02-28T00:00", "2025-02-28", "2025-03-31"),
        ("1999-12-31T00:00", "1999-12-31", "2000-01-31"),
    ],
)
def test_the_period_around_an_instant_is_half_open_and_reaches_back_before_the_anchor(at, start, end):
    schedule = schedule_from(utc("2026-01-31"), Recurrence(Interval.MONTH), "UTC")
    period = schedule.period_containing(utc(at))
    assert (period.start, period.end) == (utc(start), utc(end))
    assert utc(at) in period


def test_the_second_pass_of_a_repeated_evening_belongs_to_the_day_that_began_in_the_first():
    # St John's went from 00:01 on 7 November 2010 back to 23:01 on the 6th: at 03:00 UTC clocks showed 23:30 again
    schedule = schedule_from(utc("2010-11-01T02:30"), Recurrence(Interval.DAY), "America/St_Johns")
    again = utc("2010-11-07T03:00")
    assert to_wall(again, "America/St_Johns") == datetime(2010, 11, 6, 23, 30)
    assert schedule.period_containing(again) == Period(utc("2010-11-07T02:30"), utc("2010-11-08T03:30"))


@pytest.mark.parametrize(
    ("interval", "old", "new", "end"),
    [
        # west by 3 hours: the new midnight is 3 hours off, a sliver, merged into February
        ("month", "America/Toronto", "America/Los_Angeles", "2026-03-01T08:00"),
        # east by 6 hours: the new midnight has passed, so February is 6 hours shorter
        ("month", "America/Toronto", "Europe/Berlin", "2026-02-28T23:00"),
        # across the date line, 23 hours off: still a sliver of a month
        ("month", "Pacific/Auckland", "Pacific/Honolulu", "2026-03-01T10:00"),
        ("day", "America/Toronto", "America/Los_Angeles", "2026-02-02T08:00"),
        # 19 hours off are most of a day, and billed as one
        ("day", "Asia/Tokyo", "Pacific/Honolulu", "2026-02-01T10:00"),
    ],
)
def test_a_customer_who_moves_gets_neither_a_gap_nor_a_sliver(interval, old, new, end):
    before = Schedule(Recurrence(Interval(interval)), datetime(2026, 1, 1), old)
    january = before.period_containing(before.boundary(31 if interval == "day" else 1) - timedelta(hours=1))
    following = replace(before, timezone=new).next_period(january.end)
    assert following == Period(january.end, utc(end))


@st.composite
def schedules(draw):
    """Any recurrence, anchor and zone, with a start between 2000 and 2030."""
    interval = draw(st.sampled_from(Interval))
    recurrence = Recurrence(interval, draw(st.integers(1, {"day": 90, "week": 20, "month": 30, "year": 5}[interval])))
    start = draw(st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
    mode = draw(st.sampled_from(AnchorMode))
    if mode is AnchorMode.DAY_OF_MONTH and not recurrence.months:
        mode = AnchorMode.ANNIVERSARY
    at = start + draw(st.timedeltas(-TEN_YEARS, TEN_YEARS))
    anchor = Anchor(mode, draw(st.integers(1, 31)), at)
    return schedule_from(start, recurrence, draw(st.sampled_from(ZONES)), anchor), start


@given(schedules())
@tried(150)
def test_periods_tile_time(drawn):
    schedule, start = drawn
    periods = [period for period in islice(schedule.periods(start), 400) if period.start < start + TEN_YEARS]
    assert periods[0].start == start
    assert all(before.end == after.start for before, after in pairwise(periods))
    assert all(schedule.period_containing(period.start) == period for period in periods[1:])


@given(schedules(), st.timedeltas(-TEN_YEARS, TEN_YEARS))
@tried(200)
def test_every_instant_lies_in_exactly_one_period(drawn, offset):
    schedule, start = drawn
    at = start + offset
    period = schedule.period_containing(at)
    assert period.start <= at < period.end
    assert schedule.period_containing(period.start) == period
    assert schedule.period_containing(period.end).start == period.end


@given(schedules(), st.lists(st.sampled_from(ZONES), min_size=1, max_size=5))
@tried(150)
def test_periods_tile_through_any_moves_and_no_period_is_a_sliver(drawn, moves):
    schedule, start = drawn
    end = schedule.first_period(start).end
    for zone_name in moves:
        schedule = replace(schedule, timezone=zone_name)
        period = schedule.next_period(end)
        whole = schedule.period_containing(period.end - timedelta(microseconds=1))
        assert period.start == end
        assert period.end == whole.end
        assert period.length >= max(whole.length / 2, whole.length - WIDEST_ZONE_SHIFT)
        end = period.end


@pytest.mark.parametrize(
    ("make", "code", "field"),
    [
        (lambda: Recurrence.parse("fortnight"), "invalid_interval", "interval"),
        (lambda: Recurrence.parse("month", 0), "invalid_interval_count", "interval_count"),
        (lambda: Recurrence.parse("month", -1), "invalid_interval_count", "interval_count"),
        (lambda: Recurrence.parse("month", 121), "invalid_interval_count", "interval_count"),
        (lambda: Recurrence.parse("month", True), "invalid_interval_count", "interval_count"),
        (lambda: Recurrence.parse("month", 1.5), "invalid_interval_count", "interval_count"),
        (lambda: Schedule(Recurrence(Interval.DAY), datetime(2026, 1, 1), "Mars/Base"), "unknown_timezone", "timezone"),
        (lambda: Schedule(Recurrence(Interval.DAY), utc("2026-01-01"), "UTC"), "anchor_not_wall_time", "anchor"),
        (lambda: Anchor.parse("easter"), "invalid_anchor", "anchor.mode"),
        (lambda: Anchor.parse("day_of_month"), "invalid_anchor_day", "anchor.day"),
        (lambda: Anchor.parse("day_of_month", 0), "invalid_anchor_day", "anchor.day"),
        (lambda: Anchor.parse("day_of_month", 32), "invalid_anchor_day", "anchor.day"),
        (lambda: Anchor.parse("date"), "anchor_incomplete", "anchor.at"),
        (lambda: Anchor.parse("date", at=datetime(2026, 1, 1)), "naive_datetime", "anchor.at"),
        (lambda: schedule_from(datetime(2026, 1, 1), Recurrence(Interval.DAY), "UTC"), "naive_datetime", "start_at"),
        (
            lambda: schedule_from(
                utc("2026-01-01"), Recurrence(Interval.WEEK), "UTC", Anchor(AnchorMode.DAY_OF_MONTH, 1)
            ),
            "anchor_mismatch",
            "anchor.mode",
        ),
        (lambda: Period(utc("2026-01-02"), utc("2026-01-02")), "empty_period", "period_end"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused_with_its_field(make, code, field):
    with pytest.raises(InvalidInput) as refusal:
        make()
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_a_schedule_refuses_naive_instants_and_the_end_of_the_calendar():
    schedule = schedule_from(utc("2026-01-31"), Recurrence(Interval.YEAR), "UTC")
    with pytest.raises(InvalidInput, match="UTC offset"):
        schedule.period_containing(datetime(2026, 1, 31))
    with pytest.raises(InvalidInput, match="year 9999"):
        schedule.period_containing(utc("9999-12-31"))


def test_a_recurrence_says_itself():
    assert [str(Recurrence(Interval.MONTH)), str(Recurrence(Interval.WEEK, 2))] == ["every month", "every 2 weeks"]
