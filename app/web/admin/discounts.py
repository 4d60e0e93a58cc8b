"""Coupons and redemptions in a few words."""

from datetime import datetime

from app.domain.money import Money
from app.models import Coupon, Redemption
from app.web.formats import money, percent

DURATIONS = {"once": "off one invoice", "forever": "off every invoice"}


def discount_text(coupon: Coupon) -> str:
    """`10%` or `$5.00`."""
    if coupon.percent is not None:
        return percent(coupon.percent)
    return money(Money(coupon.amount_minor or 0, coupon.currency or ""))


def duration_text(coupon: Coupon) -> str:
    """`off one invoice`, `off 3 billing periods`."""
    return DURATIONS.get(coupon.duration, f"off {coupon.periods} billing periods")


def coupon_standing(coupon: Coupon, at: datetime) -> str:
    """Whether somebody can redeem it at an instant, and if not, why."""
    if coupon.archived_at:
        return "archived"
    if coupon.expires_at and coupon.expires_at <= at:
        return "expired"
    return "used_up" if coupon.max_redemptions and coupon.redeemed >= coupon.max_redemptions else "active"


def redemption_standing(row: Redemption) -> str:
    """Whether it still discounts the next invoice."""
    if row.ended_at:
        return "taken_back"
    return "active" if row.is_at_work else "used_up"
