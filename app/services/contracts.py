"""Between a subscription's row and the domain's `Contract`, and back."""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from app.domain.contract import Contract
from app.domain.periods import Period, Recurrence, Schedule
from app.domain.pricing import Price
from app.domain.terms import Item, Terms
from app.models import Plan, Subscription

ENDED = ("canceled", "expired")


def terms_of(plan: Plan, quantity: int) -> Terms:
    """What a plan asks for a quantity."""
    return _terms(plan.id, plan.name, plan.pricing, quantity, plan.currency, plan.interval, plan.interval_count)


def contract_of(row: Subscription, plan: Plan) -> Contract:
    """Where a subscription stands, as the domain computes with it."""
    terms = terms_of(plan, row.quantity)
    return Contract(
        status=row.status,
        terms=terms,
        schedule=Schedule(terms.recurrence, row.anchor_on, row.timezone),
        period=Period(row.current_period_start, row.current_period_end),
        since=row.current_period_start,
        changed_at=row.current_period_start,
        cancel_at_period_end=row.cancel_at_period_end,
    )


def next_billing(contract: Contract) -> datetime | None:
    """When the subscription is looked at again: at the end of its period, or never once it has ended."""
    return None if contract.status in ENDED else contract.period.end


@lru_cache(maxsize=4096)
def _terms(
    plan_id: str, name: str, price: Price, quantity: int, currency: str, interval: str, interval_count: int
) -> Terms:
    item = Item(name, price, Decimal(quantity), ref=plan_id)
    return Terms((item,), currency, Recurrence.parse(interval, interval_count))
