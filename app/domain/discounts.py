"""Discounts and the coupons that grant them.

Stacking: discounts apply in the order given, each to what the ones before left. They touch lines above zero only: a
credit line is the customer's own money, which no coupon takes back. So no line ever falls below zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from app.domain.errors import Conflict, InvalidInput
from app.domain.exact import parse_exact, plain, round_shares
from app.domain.money import Money

Ratio = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PercentOff:
    """A part of each line: above 0 and at most 100 percent. `label` names it on the invoice, such as a coupon code."""

    percent: Decimal
    label: str = "Discount"

    def __post_init__(self) -> None:
        if not 0 < self.percent <= 100:
            raise InvalidInput(
                "A discount is above 0 and at most 100 percent.", code="percent_out_of_range", field="percent"
            )

    def __str__(self) -> str:
        return f"{self.label}: {plain(self.percent)} % off"

    def ratio(self, bases: int) -> Ratio:
        """The part taken off each line, whatever the sum of the lines is."""
        numerator, denominator = self.percent.as_integer_ratio()
        return numerator, denominator * 100


@dataclass(frozen=True, slots=True)
class AmountOff:
    """An amount off the invoice, at most all of it, shared by the lines in proportion to their amounts."""

    amount: Money
    label: str = "Discount"

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise InvalidInput("A discount is above zero.", code="amount_out_of_range", field="amount")

    def __str__(self) -> str:
        return f"{self.label}: {self.amount} off"

    def ratio(self, bases: int) -> Ratio:
        """The part taken off each line, `bases` being the sum of the lines in minor units."""
        return min(self.amount.minor, bases), bases


Discount = PercentOff | AmountOff


class LineDiscount(NamedTuple):
    """One discount on one line, in minor units: the exact `ratio` of `base`, rounded so that the lines sum up."""

    discount: Discount
    base: int
    ratio: Ratio
    amount: int


def parse_discount(shape: Mapping[str, Any], currency: str, field: str = "discount") -> Discount:
    """A discount out of `{"percent": "10"}` or `{"amount": "5.00"}`; the amount is in `currency`, in major units.

    Raises InvalidInput, naming the field, for anything else.
    """
    if set(shape) == {"percent"}:
        return PercentOff(parse_exact(shape["percent"], f"{field}.percent"))
    if set(shape) == {"amount"}:
        return AmountOff(Money.parse(shape["amount"], currency, f"{field}.amount"))
    raise InvalidInput(f"{field} has either a percent or an amount.", code="invalid_discount", field=field)


def discount_lines(amounts: Sequence[int], discounts: Sequence[Discount]) -> list[list[LineDiscount]]:
    """What each discount takes off each line, in minor units; amounts of zero and below are left alone.

    Each discount is computed over all lines, rounded once, half away from zero, and shared out by largest remainder:
    10 % off 33, 33 and 34 cents is 10 cents, as 3 + 3 + 4.
    """
    left = list(amounts)
    taken: list[list[LineDiscount]] = [[] for _ in amounts]
    for discount in discounts:
        touched = [i for i, amount in enumerate(left) if amount > 0]
        ratio = discount.ratio(sum(left[i] for i in touched))
        shares = round_shares([left[i] * ratio[0] for i in touched], ratio[1]) if touched else []
        for i, share in zip(touched, shares, strict=True):
            taken[i].append(LineDiscount(discount, left[i], ratio, share))
            left[i] -= share
    return taken


Duration = Literal["once", "repeating", "forever"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """A discount that customers redeem: for one invoice, for `periods` of them, or for all.

    `expires_at` is the first instant at which it can no longer be redeemed; what was redeemed before goes on. Limits
    count redemptions, over all customers and for each one; None is no limit.
    """

    code: str
    discount: Discount
    duration: Duration = "once"
    periods: int | None = None
    expires_at: datetime | None = None
    max_redemptions: int | None = None
    max_per_customer: int | None = None

    def __post_init__(self) -> None:
        if (self.duration == "repeating") != (self.periods is not None and self.periods > 0):
            raise InvalidInput(
                "A repeating coupon needs its number of periods, at least 1; the others have none.",
                code="invalid_periods",
                field="periods",
            )

    def applies(self, periods_used: int) -> bool:
        """Whether the next invoice is still discounted, after the coupon was used on `periods_used` of them."""
        limit = {"once": 1, "repeating": self.periods, "forever": None}[self.duration]
        return limit is None or periods_used < limit


def check_redeemable(coupon: Coupon, *, at: datetime, currency: str, redeemed: int, by_customer: int) -> None:
    """Refuse a redemption at `at` for an invoice in `currency`, after so many redemptions by all and by this customer.

    Raises Conflict when the coupon is expired or used up, InvalidInput when its amount is in another currency.
    """
    name = f"The coupon “{coupon.code}”"
    if coupon.expires_at is not None and at >= coupon.expires_at:
        raise Conflict(f"{name} expired on {coupon.expires_at:%Y-%m-%d}.", code="coupon_expired", field="coupon")
    if coupon.max_redemptions is not None and redeemed >= coupon.max_redemptions:
        raise Conflict(f"{name} has been used up.", code="coupon_limit_reached", field="coupon")
    if coupon.max_per_customer is not None and by_customer >= coupon.max_per_customer:
        raise Conflict(
            f"{name} was already used by this customer as often as it may be.",
            code="coupon_customer_limit_reached",
            field="coupon",
        )
    if isinstance(coupon.discount, AmountOff) and coupon.discount.amount.currency != currency:
        raise InvalidInput(
            f"{name} is in {coupon.discount.amount.currency} and cannot be used for {currency}.",
            code="coupon_wrong_currency",
            field="coupon",
        )
