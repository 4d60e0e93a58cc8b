"""Whether a payment method still works, as pages show it."""

from datetime import date

from app.models import PaymentMethod

EXPIRED, SOON = "expired", "soon"


def expiry(method: PaymentMethod, on: date) -> str | None:
    """`expired`, `soon` (with this month or the next) or None. A card is good to the end of its month."""
    if method.exp_year is None or method.exp_month is None:
        return None
    left = (method.exp_year - on.year) * 12 + method.exp_month - on.month
    if left < 0:
        return EXPIRED
    return SOON if left <= 1 else None
