"""Monthly recurring revenue, with the sum beside each case."""

from decimal import Decimal

import pytest

from app.domain.money import Money
from app.domain.mrr import recurring_revenue
from app.domain.periods import Recurrence
from app.domain.pricing import parse_price
from app.domain.terms import Item, Terms


def terms(amount: str, interval: str, count: int = 1, quantity: int = 1, currency: str = "CAD") -> Terms:
    price = parse_price({"model": "standard", "unit_amount": amount})
    return Terms((Item("Plan", price, Decimal(quantity)),), currency, Recurrence.parse(interval, count))


@pytest.mark.parametrize(
    ("sold", "minor"),
    [
        ([], None),
        ([(terms("30.00", "month"), 2)], 6_000),  # 2 × 30.00
        ([(terms("30.00", "month", quantity=4), 1)], 12_000),  # 4 seats × 30.00
        ([(terms("100.00", "year"), 1)], 833),  # 100 / 12 = 8.333…
        ([(terms("100.00", "year"), 3)], 2_500),  # 300 / 12, not three times 8.33
        ([(terms("90.00", "month", 3), 1)], 3_000),  # a quarter: 90 / 3
        ([(terms("7.00", "week"), 1)], 3_044),  # 7 / 7 × 30.436875
        ([(terms("10.00", "day", 10), 1)], 3_044),
        ([(terms("30.00", "month"), 2), (terms("100.00", "year"), 1)], 6_833),  # 60.00 + 8.333…
    ],
)
def test_a_month_brings_in_what_the_terms_say(sold: list[tuple[Terms, int]], minor: int | None) -> None:
    expected = {} if minor is None else {"CAD": Money(minor, "CAD")}
    assert recurring_revenue(sold) == expected


def test_currencies_are_never_added_up() -> None:
    sold = [(terms("30.00", "month"), 1), (terms("5000", "month", currency="JPY"), 2)]
    assert recurring_revenue(sold) == {"CAD": Money(3_000, "CAD"), "JPY": Money(10_000, "JPY")}
