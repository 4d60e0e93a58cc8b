"""How gateways count money: a table, and the law that counting there and back changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.currencies import EXPONENTS
from app.domain.money import Money
from app.gateways.errors import GatewayRefused
from app.gateways.stripe_words import UNITS as STRIPE
from app.gateways.units import Units
from tests.laws import tried

ISO = Units()
currencies = st.sampled_from(sorted(EXPONENTS))


@pytest.mark.parametrize(
    ("units", "amount", "count"),
    [
        (ISO, Money(1299, "CAD"), 1299),
        (ISO, Money(500, "JPY"), 500),
        (ISO, Money(5124, "KWD"), 5124),
        (STRIPE, Money(3800, "UGX"), 380000),  # whole shillings, sent with two decimals
        (STRIPE, Money(5, "ISK"), 500),
        (STRIPE, Money(12300, "MGA"), 123),  # ISO has two decimals, Stripe none
        (STRIPE, Money(5120, "KWD"), 5120),  # the last digit must be 0
        (STRIPE, Money(0, "UGX"), 0),
    ],
)
def test_an_amount_is_counted_in_the_gateways_units_and_back(units: Units, amount: Money, count: int) -> None:
    assert units.count(amount) == count
    assert units.money(count, amount.currency.lower()) == amount


@pytest.mark.parametrize("amount", [Money(5124, "KWD"), Money(12345, "MGA"), Money(1001, "BHD")])
def test_an_amount_too_fine_for_the_gateway_is_refused(amount: Money) -> None:
    with pytest.raises(GatewayRefused, match=str(amount)):
        STRIPE.count(amount)


@pytest.mark.parametrize(("count", "minor"), [(380049, 3800), (380050, 3801), (-380050, -3801)])
def test_a_fee_finer_than_our_minor_unit_is_rounded_half_away_from_zero(count: int, minor: int) -> None:
    assert STRIPE.money(count, "ugx") == Money(minor, "UGX")


@tried(100)
@given(st.integers(0, 10**15), currencies, st.sampled_from([ISO, STRIPE]))
def test_what_can_be_counted_comes_back_as_it_was(minor: int, currency: str, units: Units) -> None:
    amount = Money(minor, currency)
    try:
        count = units.count(amount)
    except GatewayRefused:
        assert currency in units.decimals or currency in units.steps
    else:
        assert units.money(count, currency) == amount
