"""Coupons: making and ending them, and giving them to customers without ever giving one too many.

Redeeming locks the coupon until commit, so its limits hold however many redeem at once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.db import session
from app.domain.currencies import exponent
from app.domain.discounts import AmountOff, check_redeemable
from app.domain.errors import Conflict, InvalidInput
from app.domain.exact import parse_exact
from app.models import Coupon, Customer, Redemption
from app.queries.base import get
from app.services.billable import billable_customer, billable_subscription
from app.services.events import emit
from app.services.history import audit

DURATIONS = ("once", "repeating", "forever")
EDITABLE = frozenset("name expires_at max_redemptions max_per_customer details".split())


def create(values: Mapping[str, Any], at: datetime) -> Coupon:
    """Add a coupon: `code`, `name`, `percent` or `amount_minor` and `currency`, `duration` and its `periods`, limits.

    Raises InvalidInput, naming the field, and Conflict (`code_taken`).
    """
    row = Coupon(**{"redeemed": 0, "duration": "once", **values}, created_at=at)
    row.percent = None if row.percent is None else parse_exact(row.percent, "percent")
    row.code = (row.code or "").strip()
    row.name = (row.name or "").strip() or row.code
    if not row.code:
        raise InvalidInput("A coupon needs a code.", code="missing", field="code")
    _check(row)
    if session().scalar(select(Coupon.id).where(Coupon.code == row.code)):
        raise Conflict(f"There is a coupon with the code “{row.code}” already.", code="code_taken", field="code")
    session().add(row)
    session().flush()
    audit("coupon.create", row.id, at, code=row.code)
    emit("coupon.created", row.id, at)
    return row


def update(coupon_id: str, values: Mapping[str, Any], at: datetime) -> Coupon:
    """Change a coupon's name, expiry, limits or metadata. What it grants stays: customers have it already.

    Raises InvalidInput, naming the field, also for a limit below what has been redeemed.
    """
    row = get(Coupon, coupon_id, lock=True)
    fixed = sorted(values.keys() - EDITABLE)
    if fixed:
        raise InvalidInput(f"{fixed[0]} of a coupon cannot be changed.", code="not_editable", field=fixed[0])
    with session().no_autoflush:
        for name, value in values.items():
            setattr(row, name, value)
        _check(row)
    audit("coupon.update", row.id, at, fields=sorted(values))
    return row


def archive(coupon_id: str, at: datetime) -> Coupon:
    """Let nobody redeem a coupon any more; who has it keeps it."""
    row = get(Coupon, coupon_id, lock=True)
    row.archived_at = row.archived_at or at
    audit("coupon.archive", row.id, at)
    return row


def restore(coupon_id: str, at: datetime) -> Coupon:
    """Give a coupon out again."""
    row = get(Coupon, coupon_id, lock=True)
    row.archived_at = None
    audit("coupon.restore", row.id, at)
    return row


def redeem(code: str, customer_id: str, at: datetime, *, subscription_id: str | None = None) -> Redemption:
    """Give a coupon to a customer, for one subscription or for whatever they are invoiced, from the next invoice on.

    Raises InvalidInput for an unknown code, Conflict when it is expired, used up, archived, or at work there already.
    """
    customer = billable_customer(customer_id)
    if subscription_id:
        billable_subscription(subscription_id, customer_id)
    coupon = _given_out(code, lock=True)
    _check_redeemable(coupon, customer, at)
    _refuse_double(coupon, customer_id, subscription_id)
    coupon.redeemed += 1
    row = Redemption(
        coupon_id=coupon.id,
        customer_id=customer_id,
        subscription_id=subscription_id,
        used=0,
        redeemed_at=at,
        created_at=at,
    )
    session().add(row)
    session().flush()
    audit("coupon.redeem", row.id, at, coupon=coupon.id, customer=customer_id, subscription=subscription_id)
    emit("coupon.redeemed", row.id, at, customer_id=customer_id, coupon=coupon.id, subscription=subscription_id)
    return row


def redeemable(code: str, customer: Customer, at: datetime) -> Coupon:
    """The coupon that would be redeemed, for a preview: nothing is locked or counted. Raises like `redeem`."""
    coupon = _given_out(code, lock=False)
    _check_redeemable(coupon, customer, at)
    return coupon


def take_back(redemption_id: str, at: datetime) -> Redemption:
    """End a redemption: the next invoices are not discounted any more. One that was never used counts no longer."""
    coupon = get(Coupon, get(Redemption, redemption_id).coupon_id, lock=True)
    row = get(Redemption, redemption_id, lock=True)
    if row.ended_at:
        return row
    row.ended_at = at
    if not row.used:
        coupon.redeemed -= 1
    audit("coupon.take_back", row.id, at, coupon=coupon.id, customer=row.customer_id)
    emit("coupon.taken_back", row.id, at, customer_id=row.customer_id, coupon=coupon.id)
    return row


def _check_redeemable(coupon: Coupon, customer: Customer, at: datetime) -> None:
    by_customer = session().scalar(select(func.count()).where(*_counting(coupon, customer.id))) or 0
    check_redeemable(coupon.rules, at=at, currency=customer.currency, redeemed=coupon.redeemed, by_customer=by_customer)


def _given_out(code: str, *, lock: bool) -> Coupon:
    coupon_id = session().scalar(select(Coupon.id).where(Coupon.code == code.strip()))
    if coupon_id is None:
        raise InvalidInput(f"There is no coupon “{code}”.", code="coupon_unknown", field="coupon")
    coupon = get(Coupon, coupon_id, lock=lock)
    if coupon.archived_at:
        raise Conflict(f"The coupon “{coupon.code}” is not given out any more.", code="coupon_archived", field="coupon")
    return coupon


def _counting(coupon: Coupon, customer_id: str) -> tuple[Any, ...]:
    """The redemptions that count towards a customer's limit: all but those taken back unused."""
    counts = Redemption.ended_at.is_(None) | (Redemption.used > 0)
    return Redemption.coupon_id == coupon.id, Redemption.customer_id == customer_id, counts


def _refuse_double(coupon: Coupon, customer_id: str, subscription_id: str | None) -> None:
    """The same coupon does not work twice on the same invoices."""
    at_work = select(Redemption).where(
        Redemption.coupon_id == coupon.id,
        Redemption.customer_id == customer_id,
        Redemption.subscription_id.is_not_distinct_from(subscription_id),
        Redemption.ended_at.is_(None),
    )
    if any(coupon.rules.applies(row.used) for row in session().scalars(at_work)):
        raise Conflict(
            f"The coupon “{coupon.code}” is at work there already.", code="coupon_already_redeemed", field="coupon"
        )


def _check(row: Coupon) -> None:
    if (row.percent is None) == (row.amount_minor is None):
        raise InvalidInput(
            "A coupon takes off either a percent or an amount.", code="invalid_discount", field="percent"
        )
    if row.duration not in DURATIONS:
        raise InvalidInput(f"duration is one of {', '.join(DURATIONS)}.", code="invalid_duration", field="duration")
    _check_limit(row.max_redemptions, "max_redemptions", row.redeemed)
    _check_limit(row.max_per_customer, "max_per_customer", 0)
    discount = row.rules.discount  # the domain refuses what makes no sense
    if isinstance(discount, AmountOff):
        exponent(discount.amount.currency)


def _check_limit(limit: int | None, field: str, redeemed: int) -> None:
    if limit is not None and limit < max(redeemed, 1):
        raise InvalidInput(f"{field} is at least {max(redeemed, 1)}.", code="invalid_limit", field=field)
