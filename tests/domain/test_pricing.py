"""Price models: tables with the sum beside the case. Laws: 100 random examples each."""

from decimal import Decimal

import pytest
from hypothesis import given
from priced import prices, quantities, tiers, usages

from app.domain.errors import InvalidInput
from app.domain.money import Money
from app.domain.pricing import MODELS, parse_price, price_shape
from tests.laws import tried

TIERS = [
    {"up_to": "1000", "unit_amount": "0.05", "flat_amount": "0"},
    {"up_to": None, "unit_amount": "0.02", "flat_amount": "1"},
]
STEPS = [
    {"up_to": "10", "flat_amount": "50"},
    {"up_to": "20", "flat_amount": "80"},
    {"up_to": None, "flat_amount": "99"},
]
RATES = [{"up_to": "1000", "rate": "2"}, {"up_to": None, "rate": "1", "flat_amount": "5"}]

STANDARD = {"model": "standard", "unit_amount": "9.99"}
FREE = {"model": "standard", "unit_amount": "0.05", "free_units": "200"}
GRADUATED = {"model": "graduated", "tiers": TIERS}
VOLUME = {"model": "volume", "tiers": TIERS}
STAIRSTEP = {"model": "stairstep", "tiers": STEPS}
PACKAGE = {"model": "package", "package_size": "100", "package_amount": "5"}
FREE_PACKAGE = {**PACKAGE, "free_units": "50"}
RATED = {"model": "graduated_percentage", "tiers": RATES}
FLOORED = {**FREE, "minimum_amount": "10", "maximum_amount": "100"}


@pytest.mark.parametrize(
    ("shape", "quantity", "amount"),
    [
        (STANDARD, "3", "29.97"),  # 3 × 9.99
        (STANDARD, "0", "0.00"),
        (STANDARD, "-3", "-29.97"),  # a correction is credited
        (STANDARD, "1.5", "14.99"),  # 14.985, half away from zero
        (STANDARD, "-1.5", "-14.99"),
        ({**STANDARD, "unit_amount": "-5"}, "2", "-10.00"),  # a line that gives money back
        ({**STANDARD, "unit_amount": "0.000000000001"}, "1000000000000", "1.00"),  # 12 decimals are kept
        ({**STANDARD, "unit_amount": "0.000000000001"}, "4999999999", "0.00"),  # 0.004999999999
        ({**STANDARD, "unit_amount": "0.000000000001"}, "5000000000", "0.01"),  # 0.005
        ({**STANDARD, "unit_amount": "99999999999999"}, "99.999999999999", "9999999999999800.00"),
        (FREE, "1200", "50.00"),  # (1200 - 200) × 0.05
        (FREE, "200", "0.00"),
        (FREE, "150", "0.00"),
        (FREE, "-1200", "-50.00"),
        (GRADUATED, "1200", "55.00"),  # 1000 × 0.05 + 200 × 0.02 + 1
        (GRADUATED, "1000", "50.00"),  # the end belongs to the tier
        (GRADUATED, "1000.5", "51.01"),  # 50 + 0.5 × 0.02 + 1
        (GRADUATED, "0", "0.00"),
        (GRADUATED, "-1200", "-55.00"),
        (VOLUME, "1000", "50.00"),  # 1000 × 0.05
        (VOLUME, "1001", "21.02"),  # 1001 × 0.02 + 1
        (VOLUME, "0", "0.00"),
        (VOLUME, "-1001", "-21.02"),
        (STAIRSTEP, "1", "50.00"),
        (STAIRSTEP, "10", "50.00"),
        (STAIRSTEP, "11", "80.00"),
        (STAIRSTEP, "21", "99.00"),
        (STAIRSTEP, "0", "0.00"),
        (STAIRSTEP, "-11", "-80.00"),
        (PACKAGE, "1", "5.00"),  # a started package counts whole
        (PACKAGE, "100", "5.00"),
        (PACKAGE, "100.000000000001", "10.00"),
        (PACKAGE, "201", "15.00"),
        (PACKAGE, "0", "0.00"),
        (PACKAGE, "-201", "-15.00"),
        (FREE_PACKAGE, "50", "0.00"),
        (FREE_PACKAGE, "151", "10.00"),  # 101 to be paid
        (RATED, "1500", "30.00"),  # 1000 × 2 % + 500 × 1 % + 5
        (RATED, "-1500", "-30.00"),
        (FLOORED, "0", "10.00"),  # the minimum is due even for nothing
        (FLOORED, "300", "10.00"),  # 5, at least 10
        (FLOORED, "1200", "50.00"),
        (FLOORED, "9999", "100.00"),  # 489.95, at most 100
        (FLOORED, "-300", "-10.00"),
    ],
)
def test_a_quantity_costs_what_its_model_says(shape, quantity, amount):
    assert parse_price(shape).charge(Decimal(quantity), "CAD").amount == Money.parse(amount, "CAD")


PERCENT = {"model": "percentage", "rate": "2.9"}
FEE = {**PERCENT, "fixed_amount": "0.30"}


@pytest.mark.parametrize(
    ("shape", "events", "amount"),
    [
        (PERCENT, "10 80", "2.61"),  # 90 × 2.9 %
        (FEE, "10 80", "3.21"),  # 2.61 + 2 × 0.30
        (FEE, "", "0.00"),
        (FEE, "0", "0.30"),  # an event of no value is still an event
        (FEE, "-10", "-0.59"),  # 0.29 + 0.30, credited
        (FEE, "10 80 -80", "0.59"),  # the event and its reversal cancel
        ({**FEE, "free_events": "1"}, "10 80", "2.62"),  # 80 × 2.9 % + 0.30
        ({**FEE, "free_units": "10"}, "10 80", "2.62"),  # the first is free as a whole
        ({**FEE, "free_units": "50"}, "10 80", "1.46"),  # 40 × 2.9 % + 0.30
        ({**FEE, "free_events": "1", "free_units": "50"}, "10 80", "1.17"),  # 30 × 2.9 % + 0.30
        ({**FEE, "free_units": "90"}, "10 80", "0.00"),
        ({**FEE, "per_event_min": "0.60"}, "10 80", "3.22"),  # 0.59 → 0.60, and 2.32 + 0.30
        ({**FEE, "per_event_max": "2"}, "10 80 90", "4.59"),  # 0.59 + 2 + 2
        ({**FEE, "per_event_max": "2", "minimum_amount": "5"}, "10 80 90", "5.00"),
        ({**PERCENT, "rate": "0"}, "10 80", "0.00"),
    ],
)
def test_events_cost_what_the_percentage_says(shape, events, amount):
    usage = tuple(Decimal(event) for event in events.split())
    assert parse_price(shape).charge(usage, "CAD").amount == Money.parse(amount, "CAD")


def test_a_quantity_under_a_percentage_is_one_event():
    assert parse_price(FEE).charge(Decimal(80), "CAD").amount == Money.parse("2.62", "CAD")


def test_events_under_another_model_are_summed_up():
    assert parse_price(GRADUATED).charge((Decimal(700), Decimal(500)), "CAD").amount == Money.parse("55.00", "CAD")


def test_the_amount_is_rounded_in_the_minor_unit_of_the_currency():
    price = parse_price({"model": "standard", "unit_amount": "1.0005"})
    charged = {currency: price.charge(Decimal(1), currency).amount.minor for currency in ("JPY", "CAD", "BHD")}
    assert charged == {"JPY": 1, "CAD": 100, "BHD": 1001}


def test_the_derivation_tells_each_tier_and_the_rounding():
    steps = parse_price(GRADUATED).charge(Decimal(1200), "CAD").derivation
    assert [(step.text, step.amount) for step in steps] == [
        ("1000 × 0.05 (tier up to 1000)", "50"),
        ("200 × 0.02 + 1 (last tier)", "55"),
        ("Rounded to 55.00 CAD", "55.00"),
    ]


def test_the_unrounded_price_keeps_every_digit():
    assert parse_price({"model": "standard", "unit_amount": "0.333"}).unrounded(Decimal(5)).amount == Decimal("1.665")


@pytest.mark.parametrize(
    ("shape", "code", "field"),
    [
        ({}, "unknown_price_model", "price.model"),
        ({"model": "magic"}, "unknown_price_model", "price.model"),
        ({"model": ["standard"]}, "unknown_price_model", "price.model"),
        ({"model": "standard"}, "missing_field", "price.unit_amount"),
        ({"model": "standard", "unit_amount": None}, "missing_field", "price.unit_amount"),
        ({**STANDARD, "tiers": TIERS}, "unknown_field", "price.tiers"),
        ({**STANDARD, "unit_amount": 9.99}, "invalid_decimal", "price.unit_amount"),
        ({**STANDARD, "unit_amount": True}, "invalid_decimal", "price.unit_amount"),
        ({**STANDARD, "unit_amount": "NaN"}, "invalid_decimal", "price.unit_amount"),
        ({**STANDARD, "unit_amount": "0.0000000000001"}, "too_precise", "price.unit_amount"),
        ({**STANDARD, "free_units": "-1"}, "negative", "price.free_units"),
        ({**STANDARD, "minimum_amount": "2", "maximum_amount": "1"}, "limits_crossed", "price.minimum_amount"),
        ({**PACKAGE, "package_size": "0"}, "empty_package", "price.package_size"),
        ({**GRADUATED, "tiers": "all"}, "invalid_tiers", "price.tiers"),
        ({**GRADUATED, "tiers": ["all"]}, "invalid_tiers", "price.tiers"),
        ({**GRADUATED, "tiers": []}, "tiers_bounded", "price.tiers"),
        ({**GRADUATED, "tiers": TIERS[:1]}, "tiers_bounded", "price.tiers"),
        ({**GRADUATED, "tiers": [TIERS[0], *TIERS]}, "tiers_unordered", "price.tiers.1.up_to"),
        ({**GRADUATED, "tiers": [TIERS[1], TIERS[1]]}, "tiers_unordered", "price.tiers.0.up_to"),
        ({**GRADUATED, "tiers": [{**TIERS[0], "up_to": "0"}, TIERS[1]]}, "tiers_unordered", "price.tiers.0.up_to"),
        ({**GRADUATED, "tiers": [{"unit_amount": "1"}]}, "missing_field", "price.tiers.0.up_to"),
        ({**GRADUATED, "tiers": [{**TIERS[1], "unit_amount": "-1"}]}, "negative", "price.tiers.0.unit_amount"),
        ({**GRADUATED, "tiers": RATES}, "unknown_field", "price.tiers.0.rate"),
        ({**STAIRSTEP, "tiers": TIERS}, "stairstep_unit_amount", "price.tiers.0.unit_amount"),
        ({**FEE, "free_events": "1.5"}, "not_whole", "price.free_events"),
        ({**FEE, "per_event_min": "2", "per_event_max": "1"}, "limits_crossed", "price.per_event_min"),
    ],
)
def test_a_price_that_makes_no_sense_is_refused_with_its_field(shape, code, field):
    with pytest.raises(InvalidInput) as refusal:
        parse_price(shape)
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_a_charge_in_an_unknown_currency_is_refused():
    with pytest.raises(InvalidInput) as refusal:
        parse_price(STANDARD).charge(Decimal(1), "XXX")
    assert refusal.value.code == "unknown_currency"


def negated(usage):
    return tuple(-event for event in usage) if isinstance(usage, tuple) else -usage


@tried(100)
@given(prices)
def test_a_price_survives_its_json_shape(price):
    assert parse_price(price_shape(price)) == price
    assert hash(parse_price(price_shape(price))) == hash(price)


@tried(100)
@given(prices, usages)
def test_a_usage_and_its_opposite_cancel(price, usage):
    total = sum(usage) if isinstance(usage, tuple) else usage
    if total:
        assert price.charge(usage, "CAD").amount == -price.charge(negated(usage), "CAD").amount


@tried(100)
@given(prices, quantities.map(abs))
def test_a_charge_keeps_within_its_limits(price, quantity):
    amount = price.unrounded(quantity).amount
    assert price.minimum_amount is None or amount >= price.minimum_amount
    assert price.maximum_amount is None or amount <= price.maximum_amount


@tried(100)
@given(tiers("unit_amount"), quantities.map(abs), quantities.map(abs))
def test_more_usage_never_costs_less_under_graduated_tiers(rows, one, other):
    price = parse_price({"model": "graduated", "tiers": rows})
    low, high = sorted([one, other])
    assert price.unrounded(low).amount <= price.unrounded(high).amount


def test_every_model_of_the_table_is_tried_by_the_laws():
    assert set(MODELS) == {
        "standard",
        "graduated",
        "volume",
        "stairstep",
        "package",
        "percentage",
        "graduated_percentage",
    }
