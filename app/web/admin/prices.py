"""Prices and rhythms in a few words."""

from decimal import Decimal

from babel.numbers import format_currency

from app.domain.currencies import exponent
from app.models import Plan
from app.services.formats import safe_locale
from app.web.auth_guard import person


def price_text(plan: Plan) -> str:
    """`$29.00 each, every month`; a price of tiers is called by its model: `Graduated price, every month`."""
    unit = plan.pricing.unit_price
    if unit is None:
        model = str(plan.price["model"]).replace("_", " ")
        return f"{model.capitalize()} price, {rhythm(plan)}"
    return f"{unit_price(unit, plan.currency)} each, {rhythm(plan)}"


def rhythm(plan: Plan) -> str:
    """`every month`, `every 3 months`."""
    count = plan.interval_count
    return f"every {plan.interval}" if count == 1 else f"every {count} {plan.interval}s"


def typed_price(amount: Decimal, currency: str) -> str:
    """A price of one unit as it stands in a form: with a point, and at least the currency's decimals."""
    places = -int(amount.normalize().as_tuple().exponent)
    return f"{amount:.{max(places, exponent(currency))}f}"


def unit_price(amount: Decimal | None, currency: str) -> str:
    """A price of one unit with all of its decimals, at least those of the currency: `$0.0025`."""
    if amount is None:
        return "–"
    locale = safe_locale(person().locale)
    return format_currency(amount.normalize(), currency, locale=locale, decimal_quantization=False)
