"""Monthly recurring revenue: what running subscriptions would bring in over an average month, before tax."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from app.domain.money import Money
from app.domain.terms import Terms

# The mean Gregorian month: 146,097 days in 4,800 months. A year is exactly twelve of them.
DAYS_PER_MONTH = Fraction(146_097, 4_800)


def recurring_revenue(sold: Iterable[tuple[Terms, int]]) -> Mapping[str, Money]:
    """The revenue of an average month, by currency, of (terms, number of subscriptions on them).

    Exact until one rounding per currency, half away from zero. Two at 30.00 a month and one at 100.00 a year:
    60.00 + 100/12 = 68.333…, so 68.33.
    """
    sums: dict[str, Fraction] = {}
    for terms, count in sold:
        monthly = terms.cost_per_day * DAYS_PER_MONTH * count
        sums[terms.currency] = sums.get(terms.currency, Fraction(0)) + monthly
    return {currency: Money.rounded(exact, currency) for currency, exact in sums.items()}
