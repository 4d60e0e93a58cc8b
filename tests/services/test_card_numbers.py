"""What passes as a card number, and what does not: ids, bank accounts, telephone and order numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.card_numbers import a_line_holds_card_number, holds_card_number
from app.domain.errors import InvalidInput
from app.ids import new_id
from app.services.payment_methods import refuse_card_number
from tests.laws import tried


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424242",
        "my card: 4242 4242 4242 4242, exp 12/30",
        "4242-4242-4242-4242",
        "378282246310005",
        "30569309025904",
        "6011000990139424",
        "4222222222222",
        "4000000000000000006",
        "DE89 4242 4242 4242 4242 00",
        "4242 4242 4242 4242 123",
        "25 4242 4242 4242 4242",
        "5555-5555-5555-4444 12-30",
        "2223003122003222",  # Mastercard
        "371449635398431",  # American Express
        "3566002020360505",  # JCB
        "6200000000000005",  # UnionPay
        "6212345678900000003",  # UnionPay of 19 digits
        "6759649826438453",  # Maestro
        "6011 1111 1111 1117",
        "6445644564456445",  # Discover
        "36227206271667",  # Diners Club
        "2200000000000004",  # Mir
        "6062826786276634",  # Hipercard
        "6100000000000006",  # Maestro
        "69000000000000005",  # Maestro of 17 digits
    ],
)
def test_card_numbers_are_refused_however_they_are_written(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        refuse_card_number(text, "note")
    assert (refused.value.code, "4242" in str(refused.value)) == ("card_number_refused", False)


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",
        "424242424242",
        "DE89 3704 0044 0532 0130 00",
        "DE89370400440532013000",
        "ES91 2100 0418 4502 0005 1332",
        "FR14 2004 1010 0505 0001 3M02 606",
        "+5511987654325",
        "order 5500000000000005",
        # They pass the Luhn check, but no scheme has numbers that begin so, or of that length.
        "2026112200000007",
        "3100000000000003",
        "42424242424242426",
        "55555555555544440",
        "5900000000000000",
        "2026-01-15 12:00:00",
    ],
)
def test_what_only_looks_like_one_is_taken(text: str) -> None:
    refuse_card_number(text)


def test_our_own_ids_are_none() -> None:
    for prefix in ("inv", "cus", "pay", "ntc"):
        for _ in range(500):
            refuse_card_number(f"about {new_id(prefix)} and others")


PIECES = [
    *("4242", "4242424242424242", "12/30", "123", "٤٢٤٢٤٢٤٢", "DE89370400440532013000", "GB82 WEST 1234 5698 7654 32"),
    *(" ", "-", "+", "x", "é"),
]


@tried(300)
@given(lines=st.lists(st.lists(st.sampled_from(PIECES), max_size=7).map("".join), max_size=4))
def test_a_look_at_many_lines_finds_what_a_look_at_each_finds(lines: list[str]) -> None:
    assert a_line_holds_card_number("\n".join(lines).encode()) == any(map(holds_card_number, lines))
