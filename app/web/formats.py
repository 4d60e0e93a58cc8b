"""Template filters: money, days, instants and rates as the reader writes them, in the reader's time zone."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent
from flask import Flask
from flask_login import current_user
from markupsafe import Markup

from app.domain.money import Money
from app.domain.zones import zone
from app.services.formats import money_text, safe_locale
from app.web.payer import payer

NOTHING = "–"


def register(app: Flask) -> None:
    """Give the filters to the templates."""
    filters = {"instant": instant, "day": day, "last_day": last_day, "percent": percent, "number": number}
    app.jinja_env.filters.update(filters, money=money, minor_units=Money)


def money(amount: Money | None) -> str:
    """`$1,234.50`, with the currency's own decimals."""
    return NOTHING if amount is None else money_text(amount, _reader().locale)


def instant(at: datetime | None) -> str | Markup:
    """`Nov 20, 2026, 1:11 p.m. EST`, as a `<time>` that keeps the exact instant."""
    if at is None:
        return NOTHING
    here = _here(at)
    wall_time = format_time(here, "short", tzinfo=here.tzinfo, locale=_locale())
    return _time(at, f"{format_date(here, 'medium', _locale())}, {wall_time} {here.tzname()}")


def day(on: date | datetime | None) -> str | Markup:
    """`Nov 20, 2026`; of an instant, the day that it is where the reader is."""
    if on is None:
        return NOTHING
    here = _here(on).date() if isinstance(on, datetime) else on
    return _time(here, format_date(here, "medium", _locale()))


def last_day(end: datetime | None) -> str | Markup:
    """The last day of a period that ends before `end`."""
    return day(end - timedelta(microseconds=1)) if end else NOTHING


def percent(rate: Decimal | None) -> str:
    """A rate in percent with all of its decimals: `13%`, `9.975%`."""
    return NOTHING if rate is None else format_percent(rate / 100, locale=_locale(), decimal_quantization=False)


def number(quantity: Decimal | int | None) -> str:
    """A count or a quantity with all of its decimals: `1,200.5`."""
    return NOTHING if quantity is None else format_decimal(quantity, locale=_locale(), decimal_quantization=False)


def _here(at: datetime) -> datetime:
    return at.astimezone(zone(_reader().timezone))


def _time(exact: date | datetime, text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(exact.isoformat(), text)


def _locale() -> Locale:
    return safe_locale(_reader().locale)


def _reader() -> Any:
    """Whom the page is for: whoever pays by a link, else whoever is signed in."""
    return payer() or current_user
