"""Prices on a chain: how much is asked for, what arrived is worth, and how a payment stands by it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.money import Money
from app.domain.quotes import Asset, Quote, Rate, Standing, Tip, Transfer, received, units_back
from tests.laws import tried

AT = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
USDC = Asset(1, "USDC", 6, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
ETH = Asset(1, "ETH", 18)
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
CLOSES = AT + timedelta(minutes=25)
# 10.00 CAD for 5 tokens: a unit is worth 2 CAD.
QUOTE = Quote(
    USDC,
    ADDRESS,
    Money(1000, "CAD"),
    raw=5_000_000,
    least=4_900_000,
    rate=Rate(Decimal(2), "CAD", "own table"),
    expires_at=AT + timedelta(minutes=15),
    closes_at=CLOSES,
    from_block=100,
)
OPEN, CLOSED = AT + timedelta(minutes=20), CLOSES + timedelta(seconds=1)


def sent(raw: int, block: int = 101, at: datetime = AT, contract: str = USDC.contract) -> Transfer:
    return Transfer(f"0x{raw}{block}", 0, contract, "0xpayer", ADDRESS, raw, block, "0xhash", at)


@pytest.mark.parametrize(
    ("amount", "rate", "decimals", "raw"),
    [
        (Money(1000, "CAD"), "1.37", 6, 7_299_271),  # 10 ÷ 1.37 × 10⁶ = 7299270.07…
        (Money(1000, "CAD"), "2", 6, 5_000_000),  # nothing to round
        (Money(1, "USD"), "3000", 18, 3_333_333_333_334),  # 0.01 ÷ 3000 × 10¹⁸ = 3333333333333.33…
        (Money(500, "JPY"), "450000.5", 18, 1_111_109_876_544_582),  # 500 ÷ 450000.5 × 10¹⁸ = 10²¹ ÷ 900001 = …581.39…
    ],
)
def test_what_is_asked_for_is_rounded_up_to_a_whole_unit(amount: Money, rate: str, decimals: int, raw: int) -> None:
    assert Rate(Decimal(rate), amount.currency, "").raw_for(amount, decimals) == raw


@tried(60)
@given(
    minor=st.integers(1, 10**9),
    rate=st.decimals(Decimal("0.000001"), Decimal(200_000), places=6),
    decimals=st.sampled_from([0, 2, 6, 8, 18]),
)
def test_all_of_it_is_worth_what_was_asked_for_and_a_unit_less_is_not_enough(
    minor: int, rate: Decimal, decimals: int
) -> None:
    amount, price = Money(minor, "CAD"), Rate(rate, "CAD", "")
    raw = price.raw_for(amount, decimals)
    quote = replace(QUOTE, amount=amount, rate=price, raw=raw, least=raw, asset=replace(USDC, decimals=decimals))
    assert quote.worth(raw) >= amount
    assert (raw - 1) * Fraction(rate) < Fraction(amount.amount) * 10**decimals


@pytest.mark.parametrize(
    ("raw", "worth"),
    [
        (5_000_000, 1000),  # all
        (4_900_000, 1000),  # what is forgiven counts as all
        (4_899_999, 980),  # 4.899999 × 2 = 9.799998
        (6_000_000, 1200),  # one token over
        (5_002_500, 1001),  # 0.0025 over, times 2 is half a cent: away from zero
        (1, 0),
    ],
)
def test_what_came_is_worth_its_part_at_the_rate_of_the_quote(raw: int, worth: int) -> None:
    assert QUOTE.worth(raw) == Money(worth, "CAD")


STANDINGS = {
    "nothing yet": ([], 110, OPEN, Standing.WAITING, 0),
    "a part that is not final": ([sent(2_000_000)], 100, OPEN, Standing.PARTIAL, 0),
    "a part that is final": ([sent(2_000_000)], 101, OPEN, Standing.PARTIAL, 2_000_000),
    "all of it, not final": ([sent(5_000_000)], 100, OPEN, Standing.CONFIRMING, 0),
    "all of it, in two, one not final": (
        [sent(3_000_000), sent(2_000_000, 102)],
        101,
        OPEN,
        Standing.CONFIRMING,
        3_000_000,
    ),
    "all of it": ([sent(3_000_000), sent(2_000_000, 102)], 102, OPEN, Standing.PAID, 5_000_000),
    "nearly all of it": ([sent(4_900_000)], 101, OPEN, Standing.PAID, 4_900_000),
    "more": ([sent(9_000_000)], 101, OPEN, Standing.PAID, 9_000_000),
    "in the last second": ([sent(5_000_000, at=CLOSES)], 101, CLOSED, Standing.PAID, 5_000_000),
    "a second late": ([sent(5_000_000, at=CLOSED)], 101, CLOSED, Standing.EXPIRED, 0),
    "a part until the end": ([sent(2_000_000)], 101, CLOSED, Standing.UNDERPAID, 2_000_000),
    "a part, and the rest late": (
        [sent(2_000_000), sent(3_000_000, at=CLOSED)],
        101,
        CLOSED,
        Standing.UNDERPAID,
        2_000_000,
    ),
    "worth less than a cent": ([sent(1)], 101, CLOSED, Standing.EXPIRED, 1),
    "nothing until the end": ([], 110, CLOSED, Standing.EXPIRED, 0),
    "another token": ([sent(5_000_000, contract="0xother")], 101, OPEN, Standing.WAITING, 0),
    "the coin instead": ([sent(5_000_000, contract="")], 101, OPEN, Standing.WAITING, 0),
}


@pytest.mark.parametrize(("transfers", "final", "now", "standing", "counted"), STANDINGS.values(), ids=STANDINGS)
def test_how_a_payment_stands(
    transfers: list[Transfer], final: int, now: datetime, standing: Standing, counted: int
) -> None:
    found = received(QUOTE, transfers, Tip(110, final, now))
    assert (found.standing, found.final) == (standing, counted)


@pytest.mark.parametrize(("part", "raw"), [(1000, 5_000_000), (250, 1_250_000), (333, 1_665_000), (1, 5_000)])
def test_a_refund_is_its_part_of_the_units_and_all_of_them_for_all(part: int, raw: int) -> None:
    assert units_back(QUOTE, Money(part, "CAD")) == raw


def test_a_refund_is_rounded_down() -> None:
    quote = replace(QUOTE, raw=7_299_271)
    assert units_back(quote, Money(250, "CAD")) == 1_824_817  # 7299271 × 2.50 ÷ 10.00 = 1824817.75


@pytest.mark.parametrize(
    ("asset", "raw", "text"),
    [(USDC, 8_230_000, "8.23 USDC"), (USDC, 10_000_000, "10 USDC"), (ETH, 1, "0.000000000000000001 ETH")],
)
def test_an_amount_is_told_as_wallets_show_it(asset: Asset, raw: int, text: str) -> None:
    assert asset.text(raw) == text
