"""Payment methods as their owners know them: by brand and last digits, and by whether they still work."""

from collections.abc import Mapping
from datetime import date

from app.models import PaymentMethod

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
EXPIRED, SOON = "expired", "soon"


def method_name(method: PaymentMethod) -> str:
    """`Visa •••• 4242`."""
    brand = BRANDS.get(method.brand or "", (method.brand or method.kind).replace("_", " ").capitalize())
    return f"{brand} •••• {method.last4}" if method.last4 else brand


def expiry(method: PaymentMethod, on: date) -> str | None:
    """`expired`, `soon` (with this month or the next) or None. A card is good to the end of its month."""
    if method.exp_year is None or method.exp_month is None:
        return None
    left = (method.exp_year - on.year) * 12 + method.exp_month - on.month
    if left < 0:
        return EXPIRED
    return SOON if left <= 1 else None
