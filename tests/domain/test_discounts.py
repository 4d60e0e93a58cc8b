"""Discounts over lines and coupons: tables with the sum beside the case. Laws: 200 random examples."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.discounts import AmountOff, Coupon, PercentOff, check_redeemable, discount_lines, parse_discount
from app.domain.errors import BillingError, InvalidInput
from app.domain.money import Money
from tests.laws import tried


def percent(text):
    return PercentOff(Decimal(text))


def off(minor):
    return AmountOff(Money(minor, "CAD"))


@pytest.mark.parametrize(
    ("amounts", "discounts", "taken"),
    [
        ([10_000], [percent("10")], [1000]),
        ([33, 33, 34], [percent("10")], [3, 3, 4]),  # 10 cents over 3.3, 3.3 and 3.4
        ([5, 5], [percent("10")], [1, 0]),  # 0.5 + 0.5 = 1 cent, the tie goes to the earlier
        ([10_000], [percent("12.345")], [1235]),  # 1234.5 cents
        ([10_000, 5000], [percent("100")], [10_000, 5000]),
        ([10_000], [off(500)], [500]),
        ([10_000, 5000], [off(500)], [333, 167]),  # 333.3 and 166.7
        ([300], [off(500)], [300]),  # never below zero
        ([10_000], [percent("10"), off(500)], [1500]),  # 1000, then 500
        ([10_000], [off(500), percent("10")], [1450]),  # 500, then 10 % of 95.00
        ([10_000], [percent("50"), percent("50")], [7500]),  # half of the half
        ([10_000, -4000], [percent("10")], [1000, 0]),  # a credit is left alone
        ([10_000, -4000], [off(50_000)], [10_000, 0]),
        ([0, -4000], [percent("100"), off(100)], [0, 0]),
        ([], [off(100)], []),
    ],
)
def test_discounts_apply_in_order_to_lines_above_zero(amounts, discounts, taken):
    assert [sum(part.amount for part in line) for line in discount_lines(amounts, discounts)] == taken


discounts = st.lists(
    st.one_of(
        st.builds(PercentOff, st.decimals("0.01", 100, places=2)),
        st.builds(lambda minor: off(minor), st.integers(1, 10**7)),
    ),
    max_size=4,
)


@tried(200)
@given(st.lists(st.integers(-(10**6), 10**7), max_size=8), discounts)
def test_a_line_never_falls_below_zero_and_a_first_discount_is_the_rounded_whole(amounts, given_discounts):
    lines = discount_lines(amounts, given_discounts)
    for amount, parts in zip(amounts, lines, strict=True):
        assert all(part.amount >= 0 for part in parts)
        assert sum(part.amount for part in parts) <= max(amount, 0)
    whole = sum(amount for amount in amounts if amount > 0)
    if whole and given_discounts:
        numerator, denominator = given_discounts[0].ratio(whole)
        first = sum(parts[0].amount for parts in lines if parts)
        assert first == Money.rounded(Decimal(whole) * numerator / denominator, "JPY").minor


@pytest.mark.parametrize(
    ("shape", "discount"),
    [({"percent": "10"}, percent("10")), ({"amount": "5.00"}, off(500)), ({"percent": 100}, percent("100"))],
)
def test_a_discount_is_read_from_its_json_shape(shape, discount):
    assert parse_discount(shape, "CAD") == discount


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ({}, "invalid_discount"),
        ({"percent": "10", "amount": "5"}, "invalid_discount"),
        ({"percent": "0"}, "percent_out_of_range"),
        ({"percent": "100.01"}, "percent_out_of_range"),
        ({"percent": 10.5}, "invalid_decimal"),
        ({"amount": "0"}, "amount_out_of_range"),
        ({"amount": "-5"}, "amount_out_of_range"),
        ({"amount": "5.001"}, "too_precise"),
    ],
)
def test_a_discount_that_makes_no_sense_is_refused(shape, code):
    with pytest.raises(InvalidInput) as refusal:
        parse_discount(shape, "CAD")
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("duration", "periods", "used", "applies"),
    [
        ("once", None, 0, True),
        ("once", None, 1, False),
        ("repeating", 3, 2, True),
        ("repeating", 3, 3, False),
        ("forever", None, 999, True),
    ],
)
def test_a_coupon_lasts_for_its_periods(duration, periods, used, applies):
    coupon = Coupon(code="TEN", discount=percent("10"), duration=duration, periods=periods)
    assert coupon.applies(used) is applies


@pytest.mark.parametrize(("duration", "periods"), [("repeating", None), ("repeating", 0), ("once", 2), ("forever", 1)])
def test_only_a_repeating_coupon_has_periods(duration, periods):
    with pytest.raises(InvalidInput) as refusal:
        Coupon(code="TEN", discount=percent("10"), duration=duration, periods=periods)
    assert refusal.value.code == "invalid_periods"


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMITED = Coupon(code="TEN", discount=off(1000), expires_at=NOON, max_redemptions=100, max_per_customer=2)
BEFORE = NOON.replace(hour=11)


@pytest.mark.parametrize(
    ("at", "currency", "redeemed", "by_customer", "code", "sentence"),
    [
        (NOON, "CAD", 0, 0, "coupon_expired", "The coupon “TEN” expired on 2026-11-20."),
        (BEFORE, "CAD", 100, 0, "coupon_limit_reached", "The coupon “TEN” has been used up."),
        (BEFORE, "CAD", 99, 2, "coupon_customer_limit_reached", "as often as it may be"),
        (BEFORE, "USD", 0, 0, "coupon_wrong_currency", "is in CAD and cannot be used for USD"),
    ],
)
def test_a_coupon_is_refused_with_the_reason(at, currency, redeemed, by_customer, code, sentence):
    with pytest.raises(BillingError) as refusal:
        check_redeemable(LIMITED, at=at, currency=currency, redeemed=redeemed, by_customer=by_customer)
    assert refusal.value.code == code
    assert sentence in refusal.value.message


def test_a_coupon_within_its_limits_is_redeemed():
    check_redeemable(LIMITED, at=BEFORE, currency="CAD", redeemed=99, by_customer=1)
    check_redeemable(
        Coupon(code="ANY", discount=percent("5")), at=NOON, currency="JPY", redeemed=10**6, by_customer=10**3
    )
