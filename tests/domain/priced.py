"""Any price and any usage, for laws that hold for all of them."""

from decimal import Decimal

from hypothesis import strategies as st

from app.domain.pricing import parse_price

amounts = st.decimals(0, 1000, places=6)
bounds = st.lists(st.decimals("0.001", 5000, places=3), max_size=4, unique=True).map(sorted)
quantities = st.decimals(-10_000, 10_000, places=6)


def tiers(price_field):
    def build(ends, rows):
        return [
            {"up_to": end, price_field: row[0], "flat_amount": row[1]}
            for end, row in zip([*ends, None], rows, strict=False)
        ]

    rows = st.lists(st.tuples(amounts, amounts), min_size=5, max_size=5)
    return st.builds(build, bounds, rows)


steps = tiers("unit_amount").map(lambda rows: [{**row, "unit_amount": 0} for row in rows])
limits = st.fixed_dictionaries({}, optional={"minimum_amount": amounts, "maximum_amount": st.just(Decimal(5000))})
shapes = st.one_of(
    st.fixed_dictionaries({"model": st.just("standard"), "unit_amount": amounts, "free_units": amounts}),
    st.fixed_dictionaries({"model": st.just("graduated"), "tiers": tiers("unit_amount")}),
    st.fixed_dictionaries({"model": st.just("volume"), "tiers": tiers("unit_amount")}),
    st.fixed_dictionaries({"model": st.just("stairstep"), "tiers": steps}),
    st.fixed_dictionaries({"model": st.just("graduated_percentage"), "tiers": tiers("rate")}),
    st.fixed_dictionaries(
        {
            "model": st.just("package"),
            "package_size": st.decimals("0.01", 1000, places=2),
            "package_amount": amounts,
            "free_units": amounts,
        }
    ),
    st.fixed_dictionaries(
        {
            "model": st.just("percentage"),
            "rate": amounts,
            "fixed_amount": amounts,
            "free_units": amounts,
            "free_events": st.integers(0, 3),
            "per_event_max": st.just(Decimal(900)),
        }
    ),
)
prices = st.builds(lambda shape, limit: parse_price({**shape, **limit}), shapes, limits)
usages = st.one_of(quantities, st.lists(quantities, max_size=6).map(tuple))
