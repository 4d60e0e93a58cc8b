"""Exact arithmetic and the roundings. Laws: 200 random examples each."""

from decimal import Decimal
from fractions import Fraction

import pytest
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from app.domain.currencies import EXPONENTS
from app.domain.errors import InvalidInput
from app.domain.exact import major_text, parse_exact, plain, round_quotient, round_shares, to_minor
from app.domain.money import Money, round_half_away
from tests.laws import tried

# CLDR says how a currency is written, ISO 4217 what its smallest unit is. Where CLDR drops the decimals because coins
# that small are no longer used, books and banks still count them, so ISO 4217 holds here.
FEWER_IN_CLDR = {"AFN", "ALL", "IQD", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"}


def test_currency_exponents_agree_with_cldr_but_for_the_listed_ones():
    differing = {code for code, places in EXPONENTS.items() if get_currency_precision(code) != places}
    assert differing == FEWER_IN_CLDR
    assert {get_currency_precision(code) for code in differing} == {0}


@pytest.mark.parametrize(
    ("major", "currency", "minor"),
    [
        ("0.125", "CAD", 13),  # 12.5 cents, half up
        ("-0.125", "CAD", -13),  # and away from zero below it
        ("0.124999999999", "CAD", 12),
        ("0.5", "JPY", 1),
        ("1.2345", "BHD", 1235),  # 1234.5 fils
        ("90000000000000000", "CAD", 9_000_000_000_000_000_000),
    ],
)
def test_an_exact_amount_rounds_half_away_from_zero(major, currency, minor):
    assert to_minor(Decimal(major), currency) == minor


def test_an_amount_beyond_what_can_be_stored_is_refused():
    with pytest.raises(InvalidInput) as refusal:
        to_minor(Decimal("1E17"), "CAD")
    assert refusal.value.code == "amount_out_of_range"


@pytest.mark.parametrize(
    ("text", "written"),
    [("1.50E+3", "1500"), ("0.050", "0.05"), ("0E-12", "0"), ("-3.0", "-3"), ("1E-12", "0.000000000001")],
)
def test_decimals_are_written_plainly(text, written):
    assert plain(Decimal(text)) == written


@pytest.mark.parametrize(
    ("given_value", "code"),
    [("1.0000000000001", "too_precise"), ("-1", "negative"), (1.5, "invalid_decimal"), ("1E30", "out_of_range")],
)
def test_numbers_outside_the_stored_range_are_refused(given_value, code):
    with pytest.raises(InvalidInput) as refusal:
        parse_exact(given_value, "quantity")
    assert (refusal.value.code, refusal.value.field) == (code, "quantity")


@pytest.mark.parametrize(
    ("numerators", "denominator", "parts"),
    [
        ([33, 33, 34], 10, [3, 3, 4]),  # 3.3 + 3.3 + 3.4 = 10
        ([5, 5], 10, [1, 0]),  # 0.5 + 0.5 = 1, the tie goes to the earlier
        ([-5, -5], 10, [-1, 0]),
        ([25, -5], 10, [2, 0]),  # 2.5 - 0.5 = 2: nothing is missing after the cut
        ([19, -4], 10, [2, 0]),  # 1.9 - 0.4 = 1.5, rounded 2
        ([10, 20], 10, [1, 2]),  # exact parts are never touched
        ([5], 10, [1]),
        ([], 10, []),
    ],
)
def test_shares_round_to_the_rounded_sum(numerators, denominator, parts):
    assert round_shares(numerators, denominator) == parts


numerators = st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=20)
denominators = st.integers(1, 10**12)


@tried(200)
@given(numerators, denominators)
def test_shares_sum_to_the_whole_and_stay_within_one_of_their_exact_value(parts, denominator):
    rounded = round_shares(parts, denominator)
    assert sum(rounded) == round_half_away(Fraction(sum(parts), denominator))
    assert all(abs(Fraction(n, denominator) - r) < 1 for n, r in zip(parts, rounded, strict=True))


@tried(200)
@given(numerators, denominators)
def test_opposite_shares_round_to_opposite_numbers(parts, denominator):
    assert round_shares([-n for n in parts], denominator) == [-r for r in round_shares(parts, denominator)]


@tried(200)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**14), max_value=10**14, places=12))
def test_rounding_a_decimal_agrees_with_rounding_its_fraction(major):
    assert to_minor(major, "CAD") == Money.rounded(major, "CAD").minor


@tried(200)
@given(st.integers(-(10**18), 10**18), denominators)
def test_a_quotient_rounds_as_its_fraction_does(numerator, denominator):
    assert round_quotient(numerator, denominator) == round_half_away(Fraction(numerator, denominator))


@tried(200)
@given(st.integers(-(10**18), 10**18), st.sampled_from([0, 2, 3, 4]))
def test_minor_units_are_written_as_major_units(minor, places):
    assert Decimal(major_text(minor, places)) * 10**places == minor
