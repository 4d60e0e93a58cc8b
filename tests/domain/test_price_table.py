"""What a price comes to, quantity by quantity."""

from decimal import Decimal

import pytest

from app.domain.pricing import parse_price, price_table

GRADUATED = {
    "model": "graduated",
    "tiers": [{"up_to": "10", "unit_amount": "5"}, {"up_to": None, "unit_amount": "4"}],
}


def test_round_quantities_stand_in_it_and_the_ends_of_tiers() -> None:
    rows = price_table(parse_price(GRADUATED), "CAD")
    found = {str(row.quantity): str(row.amount) for row in rows}
    assert found == {
        "1": "5.00 CAD",
        "10": "50.00 CAD",
        "11": "54.00 CAD",  # 10 × 5 + 1 × 4
        "100": "410.00 CAD",
        "1000": "4010.00 CAD",
        "10000": "40010.00 CAD",
        "100000": "400010.00 CAD",
    }


@pytest.mark.parametrize(
    ("tried", "quantities"),
    [((), 6), ((Decimal("7.5"),), 7), ((Decimal(10),), 6), ((Decimal(0), Decimal(-1)), 6)],
)
def test_a_quantity_above_zero_can_be_tried(tried: tuple[Decimal, ...], quantities: int) -> None:
    assert len(price_table(parse_price({"model": "standard", "unit_amount": "1"}), "CAD", tried)) == quantities


def test_the_average_is_cut_off_and_the_amount_explained() -> None:
    price = parse_price({"model": "package", "package_size": "3", "package_amount": "1"})
    row = price_table(price, "CAD", (Decimal(7),))[1]
    assert (row.quantity, str(row.amount), row.average) == (Decimal(7), "3.00 CAD", Decimal("0.428571"))
    assert row.derivation[0].text == "7: 3 packages of 3 × 1"
