"""Where coupons meet invoices: which discounts a bill gets, and the periods that it uses up of them.

Stacking: the discounts of a bill apply in the order in which their coupons were redeemed (see domain.discounts).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, update

from app.db import session
from app.domain.subscription_invoices import part_of
from app.ids import to_uuid
from app.models import Coupon, Redemption
from app.models.base import Json
from app.services.bulk import change_rows
from app.services.grants import Grant
from app.services.invoice_rows import Bill

Period = tuple[str | None, datetime | None]
NO_PERIOD: Period = (None, None)


@dataclass(slots=True)
class Redeemed:
    """A redemption while a batch is billed: how often it was used by now, and for which period last."""

    id: str
    subscription_id: str | None
    coupon: Coupon
    used: int
    last: Period
    is_changed: bool = False

    def grant(self, bill: Bill) -> Grant | None:
        """The discount on this bill, and note its use. A period that was discounted before does not count again."""
        if self.subscription_id not in (None, bill.subscription.id if bill.subscription else None):
            return None
        period = _period_of(bill)
        goes_on = period == self.last and period != NO_PERIOD
        discount = part_of(self.coupon.discount, bill.part)
        if discount is None or not (goes_on or self.coupon.rules.applies(self.used)):
            return None
        if not goes_on:
            self.used, self.last, self.is_changed = self.used + 1, period, True
        return Grant(discount, self.id, counts=not goes_on)


def discounts_for(bills: Sequence[Bill], redemptions: Iterable[Redemption]) -> tuple[list[Bill], list[Redeemed]]:
    """The bills with the discounts that their customers have redeemed, in that order, and the redemptions that this
    uses. A bill with nothing to discount uses nothing."""
    redeemed = _by_customer(redemptions)
    discounted = [_with_grants(bill, redeemed[bill.customer.id]) if _is_discountable(bill) else bill for bill in bills]
    return discounted, [one for ones in redeemed.values() for one in ones if one.is_changed]


def count_use(redeemed: Sequence[Redeemed]) -> None:
    """Keep what a batch has used, with one statement."""
    rows = [
        (to_uuid("rdm", one.id), one.used, to_uuid("sub", one.last[0]) if one.last[0] else None, one.last[1])
        for one in redeemed
    ]
    change_rows(Redemption, ("id", "used", "used_subscription_id", "used_period_start"), rows)


def give_back(discounts: Iterable[Json]) -> None:
    """An invoice with these discounts was taken back: the periods that it used up may be used again."""
    ids = [kept["redemption_id"] for kept in discounts if kept["counts"]]
    if ids:
        session().execute(
            update(Redemption)
            .where(Redemption.id.in_(ids))
            .values(used=func.greatest(Redemption.used - 1, 0), used_subscription_id=None, used_period_start=None)
        )


def _with_grants(bill: Bill, redeemed: Sequence[Redeemed]) -> Bill:
    grants = [grant for one in redeemed if (grant := one.grant(bill))]
    return replace(bill, discounts=(*bill.discounts, *grants)) if grants else bill


def _is_discountable(bill: Bill) -> bool:
    return not bill.closed and any(line.draft.discountable and line.draft.amount.minor > 0 for line in bill.lines)


def _period_of(bill: Bill) -> Period:
    if bill.subscription is None or bill.period is None:
        return NO_PERIOD
    return bill.subscription.id, bill.period.start


def _by_customer(redemptions: Iterable[Redemption]) -> Mapping[str, list[Redeemed]]:
    found: dict[str, list[Redeemed]] = defaultdict(list)
    for row in redemptions:
        last = (row.used_subscription_id, row.used_period_start)
        found[row.customer_id].append(Redeemed(row.id, row.subscription_id, row.coupon, row.used, last))
    return found
