"""Wall times and instants through clock changes. Laws: 900 examples over all time zones."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidInput
from app.domain.zones import add_days, calendar_days, from_wall, instant, local_date, start_of_day, to_wall, zone
from tests.laws import tried

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
walls = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1))


@pytest.mark.parametrize(
    ("name", "wall", "utc"),
    [
        # nothing special: Toronto is UTC-5 in January
        ("America/Toronto", "2026-01-31T09:00:00", "2026-01-31T14:00:00"),
        # gap 02:00-03:00 on 8 March: every time in it is 03:00 EDT = 07:00 UTC
        ("America/Toronto", "2026-03-08T02:00:00", "2026-03-08T07:00:00"),
        ("America/Toronto", "2026-03-08T02:30:00", "2026-03-08T07:00:00"),
        ("America/Toronto", "2026-03-08T02:59:59.999999", "2026-03-08T07:00:00"),
        ("America/Toronto", "2026-03-08T03:00:00", "2026-03-08T07:00:00"),
        # overlap 01:00-02:00 on 1 November: the first of the two, still EDT
        ("America/Toronto", "2026-11-01T01:30:00", "2026-11-01T05:30:00"),
        ("America/Toronto", "2026-11-01T02:00:00", "2026-11-01T07:00:00"),
        ("Europe/Berlin", "2026-03-29T02:15:00", "2026-03-29T01:00:00"),
        ("Europe/Berlin", "2026-10-25T02:15:00", "2026-10-25T00:15:00"),
        # Tehran skipped midnight itself, last on 22 March 2022; no clock change since
        ("Asia/Tehran", "2022-03-22T00:00:00", "2022-03-21T20:30:00"),
        ("Asia/Tehran", "2022-03-22T00:59:00", "2022-03-21T20:30:00"),
        ("Asia/Tehran", "2022-09-21T23:30:00", "2022-09-21T19:00:00"),
        ("Asia/Tehran", "2026-03-22T00:30:00", "2026-03-21T21:00:00"),
        # Lord Howe moves by half an hour, from +10:30 to +11
        ("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:30:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:30:00", "2026-10-03T15:30:00"),
        ("Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00"),
        # Apia skipped the whole of 30 December 2011
        ("Pacific/Apia", "2011-12-30T00:00:00", "2011-12-30T10:00:00"),
        ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T10:00:00"),
        ("Pacific/Apia", "2011-12-31T00:00:00", "2011-12-30T10:00:00"),
        # St John's set its clocks back at 00:01, so midnight came twice on 7 November 2010
        ("America/St_Johns", "2010-11-07T00:00:00", "2010-11-07T02:30:00"),
        ("America/St_Johns", "2010-11-06T23:30:00", "2010-11-07T02:00:00"),
    ],
)
def test_a_wall_time_is_one_instant_also_when_it_never_comes_or_comes_twice(name, wall, utc):
    assert from_wall(datetime.fromisoformat(wall), name) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@given(st.sampled_from(ZONES), walls, st.timedeltas(timedelta(0), timedelta(hours=30)))
@tried(300)
def test_a_later_wall_time_is_never_an_earlier_instant(name, wall, step):
    assert from_wall(wall, name) <= from_wall(wall + step, name)


@given(st.sampled_from(ZONES), walls)
@tried(300)
def test_the_clock_shows_the_wall_time_or_has_just_jumped_over_it(name, wall):
    at = from_wall(wall, name)
    shown = to_wall(at, name)
    just_before = to_wall(at - timedelta(microseconds=1), name)
    assert shown == wall or just_before < wall < shown


@given(st.sampled_from(ZONES), st.lists(walls, min_size=3, max_size=3))
@tried(300)
def test_calendar_days_add_up(name, moments):
    a, b, c = sorted(from_wall(wall, name) for wall in moments)
    assert calendar_days(a, b, name) + calendar_days(b, c, name) == calendar_days(a, c, name)


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        # 30 January 23:00 to 15 February 01:00 in Toronto: 30 and 31 January, 1 to 14 February
        ("2026-01-31T04:00:00", "2026-02-15T06:00:00", 16),
        # the 23-hour day of 8 March is one day
        ("2026-03-08T05:00:00", "2026-03-09T04:00:00", 1),
        ("2026-03-08T05:00:00", "2026-03-09T03:59:59", 0),
    ],
)
def test_days_are_counted_in_the_customers_zone(start, end, days):
    first, last = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))
    assert calendar_days(first, last, "America/Toronto") == days


def test_a_day_begins_at_the_first_instant_it_has():
    assert start_of_day(date(2022, 3, 22), "Asia/Tehran") == datetime(2022, 3, 21, 20, 30, tzinfo=UTC)
    assert local_date(datetime(2022, 3, 21, 20, 29, tzinfo=UTC), "Asia/Tehran") == date(2022, 3, 21)


@pytest.mark.parametrize(("utc_hour", "fold"), [(5, 0), (6, 0), (5, 1), (6, 1)])
def test_the_two_readings_of_a_repeated_hour_are_one_wall_time(utc_hour, fold):
    wall = to_wall(datetime(2026, 11, 1, utc_hour, 30, tzinfo=UTC), "America/Toronto")
    assert (wall, wall.fold) == (datetime(2026, 11, 1, 1, 30), 0)
    assert from_wall(wall.replace(fold=fold), "America/Toronto").hour == 5


def test_days_are_added_on_the_wall_clock():
    friday = datetime(2026, 3, 6, 22, tzinfo=UTC)  # 17:00 EST, and 17:00 EDT is 21:00 UTC
    assert add_days(friday, 7, "America/Toronto") == datetime(2026, 3, 13, 21, tzinfo=UTC)


@pytest.mark.parametrize("name", ["", "Toronto", "America", "EDT5", "+05:00", "/etc/localtime", "A\0B"])
def test_a_name_that_is_not_a_zone_is_refused(name):
    with pytest.raises(InvalidInput) as refusal:
        zone(name)
    assert (refusal.value.code, refusal.value.field) == ("unknown_timezone", "timezone")


def test_an_instant_needs_an_offset_and_comes_back_in_utc():
    with pytest.raises(InvalidInput) as refusal:
        instant(datetime(2026, 1, 31), "start_at")
    assert (refusal.value.code, refusal.value.field) == ("naive_datetime", "start_at")
    noon = datetime(2026, 1, 31, 12, tzinfo=ZoneInfo("America/Toronto"))
    assert instant(noon).isoformat() == "2026-01-31T17:00:00+00:00"


def test_a_day_beyond_the_calendar_is_refused():
    with pytest.raises(InvalidInput) as refusal:
        add_days(datetime(9999, 12, 31, tzinfo=UTC), 1, "UTC")
    assert refusal.value.code == "out_of_range"
