"""Revenue by day and by month. Laws: 200 amounts, periods and zones."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sold import utc

from app.domain.money import Money, sum_money
from app.domain.periods import Period
from app.domain.recognition import by_day, by_month, recognized
from tests.laws import tried

JANUARY = Period(utc("2026-01-01"), utc("2026-02-01"))
periods = st.builds(
    lambda start, length: Period(start, start + length),
    st.datetimes(datetime(2009, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(seconds=1), timedelta(days=800)),
)
zones = st.sampled_from(["UTC", "America/Toronto", "Pacific/Apia", "Asia/Tehran"])
amounts = st.builds(Money, st.integers(-(10**9), 10**9), st.sampled_from(["CAD", "JPY"]))


@pytest.mark.parametrize(
    ("minor", "before", "earned"),
    [
        (10000, date(2025, 12, 31), 0),
        (10000, date(2026, 1, 1), 0),
        (10000, date(2026, 1, 2), 323),  # 10000 = 31 × 322 + 18: the first 18 days earn 323
        (10000, date(2026, 1, 19), 5814),  # 18 × 323
        (10000, date(2026, 1, 20), 6136),  # 18 × 323 + 322
        (10000, date(2026, 2, 1), 10000),
        (10000, date(2027, 1, 1), 10000),
        (-10000, date(2026, 1, 19), -5814),
        (5, date(2026, 1, 4), 3),
        (0, date(2026, 1, 19), 0),
    ],
)
def test_an_amount_is_earned_day_by_day(minor, before, earned):
    assert recognized(Money(minor, "CAD"), JANUARY, "UTC", before) == Money(earned, "CAD")


def test_days_are_days_of_the_customers_zone():
    # 1 January 03:00 UTC is still 31 December in Toronto
    period = Period(utc("2026-01-01T03:00"), utc("2026-01-03T03:00"))
    assert by_day(Money(200, "CAD"), period, "America/Toronto") == [
        (date(2025, 12, 31), Money(100, "CAD")),
        (date(2026, 1, 1), Money(100, "CAD")),
    ]


def test_a_period_within_one_day_is_earned_on_it():
    period = Period(utc("2026-01-01T03:00"), utc("2026-01-01T04:00"))
    assert by_day(Money(7, "CAD"), period, "UTC") == [(date(2026, 1, 1), Money(7, "CAD"))]


def test_a_year_is_earned_month_by_month():
    months = by_month(Money(36500, "CAD"), Period(utc("2026-01-15"), utc("2027-01-15")), "UTC")
    earned = [amount.minor // 100 for _, amount in months]
    assert earned == [17, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 14]
    assert (months[0][0], months[-1][0]) == (date(2026, 1, 1), date(2027, 1, 1))


@given(amounts, periods, zones)
@tried(100)
def test_days_and_months_both_sum_to_the_amount(amount, period, timezone):
    for parts in (by_day(amount, period, timezone), by_month(amount, period, timezone)):
        assert sum_money([part for _, part in parts], amount.currency) == amount


@given(amounts, periods, zones, st.integers(-2, 802))
@tried(100)
def test_what_is_earned_by_a_day_is_the_sum_of_the_days_before_it(amount, period, timezone, offset):
    days = by_day(amount, period, timezone)
    before = days[0][0] + timedelta(days=offset)
    earlier = [part for day, part in days if day < before]
    assert recognized(amount, period, timezone, before) == sum_money(earlier, amount.currency)
