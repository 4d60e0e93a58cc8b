"""Money, days and payment methods as people write them."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency

from app.domain.money import Money
from app.domain.outside_payments import OUTSIDE_METHODS
from app.domain.zones import zone
from app.models import Customer, Payment, PaymentMethod

FALLBACK_LOCALE = "en_CA"
BRANDS: Mapping[str, str] = {
    "amex": "American Express",
    "diners": "Diners Club",
    "discover": "Discover",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "sepa": "SEPA debit",
    "unionpay": "UnionPay",
    "visa": "Visa",
}


def money_text(amount: Money, locale: str) -> str:
    """`$1,234.50` in en_CA, `1 234,50 $` in fr_CA."""
    return format_currency(amount.amount, amount.currency, locale=safe_locale(locale))


def day_text(at: datetime | date, customer: Customer) -> str:
    """The day of an instant where the customer lives, in their language."""
    day = at.astimezone(zone(customer.timezone)).date() if isinstance(at, datetime) else at
    return format_date(day, "long", locale=safe_locale(customer.locale))


def method_name(method: PaymentMethod) -> str:
    """What its owner knows a method by: `Visa •••• 4242`."""
    brand = BRANDS.get(method.brand or "", (method.brand or method.kind).replace("_", " ").capitalize())
    return f"{brand} •••• {method.last4}" if method.last4 else brand


def paid_with(payment: Payment) -> str | None:
    """What its payer knows a payment by: the method, or the way in which money came in outside of any gateway."""
    if payment.outside_method:
        return OUTSIDE_METHODS[payment.outside_method]
    return method_name(payment.payment_method) if payment.payment_method else None


@lru_cache(maxsize=256)
def safe_locale(name: str) -> Locale:
    """The locale of that name; an unknown one falls back to Canadian English."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(FALLBACK_LOCALE)
