"""Metered usage: tables with the sum beside the case. Laws: 100 random examples each."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BillingError, InvalidInput
from app.domain.usage import (
    AGGREGATIONS,
    Meter,
    Reading,
    Value,
    Values,
    Window,
    aggregate,
    check_timely,
    crossed,
    find_meter,
    is_timely,
    levels,
    place,
    time_weighted,
)
from tests.laws import tried

START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)  # 30 days
NOVEMBER = Window(START, END)


def day(number, value="0", text=""):
    return Reading(START + timedelta(days=number), Decimal(value), text)


LEVELS = [day(0, "10"), day(15, "4"), day(20, "-6")]


@pytest.mark.parametrize(
    ("aggregation", "readings", "quantity"),
    [
        ("count", LEVELS, "3"),
        ("count", [], "0"),
        ("sum", LEVELS, "8"),
        ("sum", [day(1, "0.1")] * 3, "0.3"),
        ("max", LEVELS, "10"),
        ("max", [day(1, "-5"), day(2, "-7")], "-5"),
        ("max", [], "0"),
        ("last", LEVELS, "-6"),
        ("last", [day(9, "1"), day(3, "2")], "1"),  # by instant, not by arrival
        ("last", [day(3, "1"), day(3, "2")], "2"),  # at one instant, by arrival
        ("last", [], "0"),
        ("unique", [day(1, text="ann"), day(2, text="bob"), day(3, text="ann")], "2"),
        ("weighted_sum", LEVELS, "10"),  # 10 + 4 × 15/30 - 6 × 10/30
        ("weighted_sum", [day(20, "1")], "0.333333333333"),  # 1 × 10/30
        ("weighted_sum", [day(10, "1")], "0.666666666667"),  # 1 × 20/30, half away from zero at 12 decimals
        ("weighted_sum", [], "0"),
        ("sum", [day(-1, "5"), day(0, "1"), day(30, "7")], "1"),  # the start counts, the end does not
    ],
)
def test_readings_of_a_period_make_a_quantity(aggregation, readings, quantity):
    assert aggregate(aggregation, readings, NOVEMBER) == Decimal(quantity)


def test_a_level_carried_over_weighs_the_whole_period():
    window = Window(START, END, Decimal(6))
    assert aggregate("weighted_sum", [], window) == 6
    assert aggregate("weighted_sum", [day(15, "-6")], window) == 3


values = st.decimals(-1000, 1000, places=6)
instants = st.timedeltas(timedelta(0), END - START - timedelta(microseconds=1)).map(lambda delta: START + delta)
readings = st.lists(st.builds(Reading, instants, values, st.sampled_from("abc")), max_size=8)


@tried(100)
@given(readings, values)
def test_the_weighted_sum_is_the_area_under_the_level(given_readings, opening):
    ordered = sorted(given_readings, key=lambda reading: reading.at)
    corners = [START, *(reading.at for reading in ordered), END]
    heights = [sum((Fraction(r.number) for r in ordered[:i]), Fraction(opening)) for i in range(len(ordered) + 1)]
    widths = [(b - a) // timedelta(microseconds=1) for a, b in pairwise(corners)]
    area = sum(height * width for height, width in zip(heights, widths, strict=True))
    assert time_weighted(given_readings, Window(START, END, opening)) == area / sum(widths)


@tried(100)
@given(st.sampled_from(["count", "sum", "max", "unique", "weighted_sum"]), readings, st.randoms())
def test_the_order_of_arrival_does_not_matter(aggregation, given_readings, random):
    shuffled = list(given_readings)
    random.shuffle(shuffled)
    assert aggregate(aggregation, shuffled, NOVEMBER) == aggregate(aggregation, given_readings, NOVEMBER)


def test_a_meter_reads_its_property():
    assert Meter("calls", "count").read({"anything": 1.5}) == Value()
    assert Meter("data", "sum", "gb").read({"gb": "-1.25"}) == Value(Decimal("-1.25"))
    assert Meter("users", "unique", "id").read({"id": 7}) == Value(text="7")


given_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=300),
    st.from_regex(r"[-+]?[0-9٣]{0,30}(\.[0-9]{0,14})?(e[0-9]{1,2})?", fullmatch=True),
    st.sampled_from(["0", "-0.0", "1\n", " 1", "1_0", "9" * 26, "9" * 27, "0." + "1" * 12, "0." + "1" * 13, 10**26]),
)


@tried(200)
@given(aggregation=st.sampled_from(["count", "sum", "unique"]), values=st.lists(given_values, min_size=1, max_size=3))
def test_what_is_read_of_many_events_at_once_is_read_of_each(aggregation, values):
    meter = Meter("data", aggregation, None if aggregation == "count" else "gb")
    found = meter.read_plain([{"gb": value} for value in values])
    if found is not None:
        read = [Value(Decimal(number), text) for number, text in zip(*found, strict=True)]
        assert read == [meter.read({"gb": value}) for value in values]


def test_plain_events_are_read_at_once():
    found = Meter("data", "sum", "gb").read_plain([{"gb": "-1.25"}, {"gb": 3}])
    assert found == Values(["-1.25", "3"], ["", ""])


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({}, "property_missing"),
        ({"gb": None}, "property_missing"),
        ({"gb": ""}, "property_missing"),
        ({"gb": "many"}, "invalid_decimal"),
        ({"gb": 1.5}, "invalid_decimal"),
        ({"gb": [1]}, "invalid_decimal"),
        ({"gb": "0.0000000000001"}, "too_precise"),
    ],
)
def test_an_event_the_meter_cannot_read_is_refused_with_its_field(properties, code):
    with pytest.raises(InvalidInput) as refusal:
        Meter("data", "sum", "gb").read(properties)
    assert (refusal.value.code, refusal.value.field) == (code, "properties.gb")


@pytest.mark.parametrize(
    ("aggregation", "name", "code"),
    [
        ("median", "gb", "unknown_aggregation"),
        ("count", "gb", "meter_property"),
        *((aggregation, None, "meter_property") for aggregation in AGGREGATIONS if aggregation != "count"),
    ],
)
def test_a_meter_that_makes_no_sense_is_refused(aggregation, name, code):
    with pytest.raises(InvalidInput) as refusal:
        Meter("data", aggregation, name)
    assert refusal.value.code == code


def test_an_unknown_meter_is_refused_by_name():
    meter = Meter("calls", "count")
    assert find_meter({"calls": meter}, "calls") is meter
    with pytest.raises(BillingError, match="There is no meter “cals”") as refusal:
        find_meter({"calls": meter}, "cals")
    assert refusal.value.code == "unknown_meter"


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (START + timedelta(minutes=5), None),
        (START + timedelta(minutes=5, microseconds=1), "usage_in_future"),
        (START - timedelta(days=730), None),
        (START - timedelta(days=730, microseconds=1), "usage_too_old"),
    ],
)
def test_an_event_may_run_five_minutes_ahead_of_our_clock_or_two_years_behind_it(at, code):
    assert is_timely(at, START) == (code is None)
    try:
        check_timely(at, START)
        refused = None
    except InvalidInput as refusal:
        refused = refusal.code
    assert refused == code


@pytest.mark.parametrize(
    ("at", "invoiced_until", "policy", "placement"),
    [
        (START, None, "refuse", "current"),
        (START, START, "refuse", "current"),
        (START, END, "next_invoice", "next_invoice"),
        (START, END, "correct", "correct"),
        (END, END, "correct", "current"),
    ],
)
def test_a_late_event_goes_where_the_policy_of_the_meter_says(at, invoiced_until, policy, placement):
    assert place(at, invoiced_until, policy) == placement


def test_a_late_event_is_refused_when_the_policy_says_so():
    with pytest.raises(BillingError) as refusal:
        place(START, END, "refuse")
    assert refusal.value.code == "usage_too_late"


@pytest.mark.parametrize(
    ("before", "after", "thresholds"),
    [("0", "100", []), ("0", "400", ["400"]), ("399", "500", ["400", "500"]), ("400", "499", []), ("500", "300", [])],
)
def test_thresholds_are_crossed_once_on_the_way_up(before, after, thresholds):
    alerts = levels(Decimal(500), [Decimal(100), Decimal(80)])
    assert crossed(alerts, Decimal(before), Decimal(after)) == [Decimal(text) for text in thresholds]
