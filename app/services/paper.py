"""How things are written on documents: the filters of the templates under documents/."""

from datetime import datetime, timedelta
from decimal import Decimal

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency
from flask import Flask

from app.domain.exact import plain
from app.domain.money import Money
from app.domain.zones import zone
from app.models.base import Json
from app.services.formats import money_text, safe_locale

TAX_NUMBER_NAMES = {
    "gst_hst": "GST/HST no.",
    "qst": "QST no.",
    "pst": "PST no.",
    "vat": "VAT no.",
    "eu_vat": "VAT no.",
    "gb_vat": "VAT no.",
}
LETTER_COUNTRIES = frozenset({"CA", "US", "MX", "PH", "CL", "CO"})


def postal_lines(address: Json) -> list[str]:
    """An address as lines of an envelope."""
    city = " ".join(filter(None, (address.get("city"), address.get("region"), address.get("postal_code"))))
    country = address.get("country")
    name = Locale("en").territories.get(country, country) if country else None
    return [part for part in (address.get("line1"), address.get("line2"), city, name) if part]


def paper_money(minor: int, currency: str, locale: str) -> str:
    """Minor units as money."""
    return money_text(Money(minor, currency), locale)


def unit_price(amount: Decimal, currency: str, locale: str) -> str:
    """A unit price with all the decimals it has, at least those of the currency."""
    return format_currency(amount.normalize(), currency, locale=safe_locale(locale), decimal_quantization=False)


def paper_day(at: datetime, timezone: str, locale: str) -> str:
    """The day of an instant in a zone."""
    return format_date(at.astimezone(zone(timezone)).date(), "medium", locale=safe_locale(locale))


def paper_last_day(end: datetime, timezone: str, locale: str) -> str:
    """The last day of a period that ends before `end`."""
    return paper_day(end - timedelta(microseconds=1), timezone, locale)


def tax_number_name(scheme: str) -> str:
    """What kind of number a tax number is."""
    return TAX_NUMBER_NAMES.get(scheme, "Tax no.")


def paper_size(country: str | None) -> str:
    """The paper people print on there."""
    return "letter" if country in LETTER_COUNTRIES else "a4"


def init_app(app: Flask) -> None:
    """Give the templates these filters."""
    for function in (paper_day, paper_last_day, paper_money, plain, postal_lines, tax_number_name, unit_price):
        app.jinja_env.filters[function.__name__] = function
