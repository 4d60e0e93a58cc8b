"""What waits for the next invoices of customers: items, coupons and balances, read and locked by one statement.

Locked until commit, in the order of ids: of two workers who bill the same customer the later one sees what the earlier
one left. A preview reads without locks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import ARRAY, CTE, Select, and_, any_, bindparam, false, or_, select
from sqlalchemy.orm import aliased, contains_eager, join

from app.db import session
from app.models import Coupon, Customer, InvoiceItem, Redemption
from app.queries.base import among
from app.services.invoice_rows import Bill

Row = TypeVar("Row", InvoiceItem, Redemption)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Items and redemptions in the order in which they came, and by customer the balances that matter: those that are
    not zero, or that an invoice may raise."""

    items: Sequence[InvoiceItem] = ()
    redemptions: Sequence[Redemption] = ()
    balances: dict[str, int] = field(default_factory=dict)


def read(bills: Sequence[Bill], *, lock: bool = True) -> Waiting:
    """What waits for the customers of these bills."""
    customer_ids = bindparam("customers", list({bill.customer.id for bill in bills}), ARRAY(Customer.id.type))
    items = _locked(_items(any_(customer_ids)), lock, "items")
    redeemed = _locked(_redemptions(any_(customer_ids)), lock, "redeemed")
    balances = _locked(_balances(any_(customer_ids), bills), lock, "balances")
    rows = session().execute(_side_by_side(items, redeemed, balances)).all()
    return Waiting(
        _in_order([item for item, _, _, _ in rows if item]),
        _in_order([redemption for _, redemption, _, _ in rows if redemption]),
        {customer_id: minor for _, _, customer_id, minor in rows if customer_id},
    )


def _items(these: Any) -> Select[InvoiceItem]:
    waits = and_(InvoiceItem.customer_id == these, InvoiceItem.invoice_id.is_(None))
    return select(InvoiceItem).where(waits).order_by(InvoiceItem.id)


def _redemptions(these: Any) -> Select[Redemption]:
    works = and_(Redemption.customer_id == these, Redemption.ended_at.is_(None))
    return select(Redemption).where(works).order_by(Redemption.id)


def _balances(these: Any, bills: Sequence[Bill]) -> Select[str, int]:
    """Only what is given back makes an invoice that raises a balance."""
    giving_back = {bill.customer.id for bill in bills if any(line.draft.amount.minor < 0 for line in bill.lines)}
    matters = or_(Customer.balance_minor != 0, among(Customer.id, giving_back))
    return select(Customer.id, Customer.balance_minor).where(Customer.id == these, matters).order_by(Customer.id)


def _locked(query: Select[*tuple[Any, ...]], lock: bool, name: str) -> CTE:
    return (query.with_for_update(key_share=True) if lock else query).cte(name)


def _side_by_side(items: CTE, redeemed: CTE, balances: CTE) -> Select[*tuple[Any, ...]]:
    """All three in one answer: each of its rows is one of an item, a redemption and a balance."""
    item, redemption = aliased(InvoiceItem, items), aliased(Redemption, redeemed)
    both = join(item, redemption, false(), full=True)
    of_redemption = and_(Coupon.tenant_id == redemption.tenant_id, Coupon.id == redemption.coupon_id)
    return (
        select(item, redemption, balances.c.id, balances.c.balance_minor)
        .select_from(join(both, balances, false(), full=True))
        .outerjoin(Coupon, of_redemption)
        .options(contains_eager(redemption.coupon))
        .execution_options(populate_existing=True)
    )


def _in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.id)
