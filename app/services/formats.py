"""Money and days as people of a locale write them."""

from datetime import date, datetime
from functools import lru_cache

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency

from app.domain.money import Money
from app.domain.zones import zone
from app.models import Customer

FALLBACK_LOCALE = "en_CA"


def money_text(amount: Money, locale: str) -> str:
    """`$1,234.50` in en_CA, `1 234,50 $` in fr_CA."""
    return format_currency(amount.amount, amount.currency, locale=safe_locale(locale))


def day_text(at: datetime | date, customer: Customer) -> str:
    """The day of an instant where the customer lives, in their language."""
    day = at.astimezone(zone(customer.timezone)).date() if isinstance(at, datetime) else at
    return format_date(day, "long", locale=safe_locale(customer.locale))


@lru_cache(maxsize=256)
def safe_locale(name: str) -> Locale:
    """The locale of that name; an unknown one falls back to Canadian English."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(FALLBACK_LOCALE)
