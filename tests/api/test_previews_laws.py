"""Laws of previews: lines sum to totals, and every amount is computed again from its derivation.

Tried on 80 random invoices and 60 random subscriptions.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.api.conftest import Api
from tests.api.previewing import GST, OSS, PST_BC, QST, Body, buyer, plan, sold, tax_number, worth
from tests.laws import tried_on_servers

NUMBERS = [GST, QST, PST_BC, OSS, tax_number("CA-PE", "pst")]


def numbers(low: int, high: int, places: int = 3) -> st.SearchStrategy[str]:
    """A decimal as text."""
    return st.decimals(low, high, places=places).map(str)


def rising(field: str) -> st.SearchStrategy[list[Body]]:
    """Tiers in order, the last without end."""
    ends = st.lists(st.integers(1, 500), max_size=3, unique=True).map(lambda found: [*map(str, sorted(found)), None])
    row = st.fixed_dictionaries({field: numbers(0, 9), "flat_amount": numbers(0, 9)})
    return ends.flatmap(
        lambda found: st.lists(row, min_size=len(found), max_size=len(found)).map(
            lambda rows: [{"up_to": end, **row} for end, row in zip(found, rows, strict=True)]
        )
    )


def priced(model: str, limits: bool = True, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Body]:
    optional = {"minimum_amount": numbers(0, 50), "maximum_amount": st.just("5000")}
    return st.fixed_dictionaries({"model": st.just(model), **fields}, optional=optional)


UNIT_PRICES = priced("standard", unit_amount=numbers(0, 99, 6), free_units=numbers(0, 9))
PRICES = st.one_of(
    UNIT_PRICES,
    priced("graduated", tiers=rising("unit_amount")),
    priced("volume", tiers=rising("unit_amount")),
    priced("stairstep", tiers=rising("flat_amount")),
    priced("graduated_percentage", tiers=rising("rate")),
    priced("package", package_size=numbers(1, 99), package_amount=numbers(0, 9)),
    priced("percentage", rate=numbers(0, 30), fixed_amount=numbers(0, 2), free_events=st.just(1)),
)
USAGES = st.one_of(
    st.fixed_dictionaries({"quantity": numbers(-999, 999)}),
    st.fixed_dictionaries({"events": st.lists(numbers(-99, 99), max_size=4)}),
)
BUYERS = st.sampled_from([buyer(place) for place in ("CA-ON", "CA-QC", "CA-BC", "CA-PE", "DE", "US-NY")])
DISCOUNTS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"percent": st.sampled_from(["0.5", "33.333", "100"])}),
        st.fixed_dictionaries({"amount": st.integers(1, 99).map(str)}),
    ),
    max_size=2,
)
TAXED = {
    "tax_category": st.sampled_from(["saas", "goods", "exempt"]),
    "tax_behavior": st.sampled_from(["exclusive", "inclusive"]),
}
ASKED = {
    "customer": BUYERS,
    "registrations": st.just(NUMBERS),
    "tax_rounding": st.sampled_from(["invoice", "line"]),
    "discounts": DISCOUNTS,
}
LINES = st.builds(
    lambda price, usage, taxed: sold(price, **usage, **taxed), PRICES, USAGES, st.fixed_dictionaries(TAXED)
)
INVOICES = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(["CAD", "JPY", "KWD"]),
        "at": st.sampled_from(["2026-11-20T12:00:00Z", "2013-03-31T12:00:00Z"]),
        "lines": st.lists(LINES, min_size=1, max_size=4),
        **ASKED,
    }
)


def total_of(parts: list[Body], field: str) -> Decimal:
    return sum((Decimal(part[field]) for part in parts), Decimal(0))


def assert_it_adds_up(invoice: Body) -> None:
    """The sums of the lines are those of the invoice, and derivations lead to them."""
    lines = invoice["lines"]
    assert total_of(lines, "amount") == Decimal(invoice["subtotal"])
    assert total_of(lines, "discount") == Decimal(invoice["discount"])
    assert total_of(lines, "tax") == total_of(invoice["taxes"], "amount") == Decimal(invoice["tax"])
    for line in lines:
        assert total_of(line["taxes"], "amount") == Decimal(line["tax"])
    assert sum(worth(line) for line in lines) == Decimal(invoice["total"])


def test_lines_sum_to_their_invoice_and_explain_themselves(api: Api) -> None:
    @given(INVOICES)
    @tried_on_servers(80)
    def try_it(asked: Body) -> None:
        assert_it_adds_up(api.post("/v1/invoices/preview", asked, expect=200))

    try_it()


START = datetime(2026, 1, 1, tzinfo=UTC)


def after(days: int) -> str:
    return (START + timedelta(days=days, hours=7)).isoformat()


PLANS = st.one_of(
    st.builds(plan, numbers(0, 500, 2), st.sampled_from(["week", "month"])),
    st.builds(lambda price: {"price": price, "currency": "CAD", "interval": "month"}, UNIT_PRICES),
)
CHANGES = st.lists(
    st.fixed_dictionaries(
        {"at": st.integers(0, 90).map(after), "quantity": st.integers(1, 9)},
        optional={
            "plan": PLANS,
            "proration": st.sampled_from(["second", "day", "none", "full", "next_period"]),
        },
    ),
    max_size=3,
)
CANCELLATIONS = st.fixed_dictionaries(
    {
        "at": st.just(after(100)),
        "mode": st.sampled_from(["now", "period_end"]),
        "credit": st.sampled_from(["second", "day", "none"]),
    }
)
SUBSCRIPTIONS = st.fixed_dictionaries(
    {
        "plan": st.builds(lambda sold, how: {**sold, **how}, PLANS, st.fixed_dictionaries(TAXED)),
        "start_at": st.just(after(0)),
        "timezone": st.sampled_from(["UTC", "America/Toronto"]),
        "anchor": st.sampled_from([{"mode": "anniversary"}, {"mode": "calendar"}]),
        "first_period": st.sampled_from(["prorate", "full", "free"]),
        "proration": st.sampled_from(["second", "day"]),
        "until": st.just(after(150)),
        "changes": CHANGES,
        "cancel": st.none() | CANCELLATIONS,
        **ASKED,
    }
)


def test_invoices_to_come_add_up_and_periods_tile(api: Api) -> None:
    @given(SUBSCRIPTIONS)
    @tried_on_servers(60)
    def try_it(asked: Body) -> None:
        answer = api.post("/v1/subscriptions/preview", asked, expect=200)
        for invoice in answer["invoices"]:
            assert_it_adds_up(invoice)
            for line in invoice["lines"]:
                assert str(Fraction(line["fraction"])) == line["fraction"]  # in lowest terms
                assert line["period_start"] < line["period_end"]
        assert all(before["end"] == following["start"] for before, following in pairwise(answer["periods"]))
        assert total_of(answer["periods"], "amount") == total_of(answer["invoices"], "subtotal")

    try_it()
