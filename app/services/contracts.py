"""Between a subscription's row and the domain's `Contract`, and back."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.db import session
from app.domain.contract import Contract, Pause, WhilePaused
from app.domain.lines import NOTHING, WHOLE
from app.domain.periods import Period, Recurrence, Schedule
from app.domain.pricing import Price
from app.domain.terms import Billing, FirstPeriod, Item, ProrationMode, ProrationRules, Terms
from app.models import Plan, Subscription
from app.services.contract_state import refs_in, state_of, with_state

ENDED = ("canceled", "expired")


def terms_of(plan: Plan, quantity: int) -> Terms:
    """What a plan asks for a quantity: its own price and its recurring charges, each times that quantity."""
    charges = [(charge.id, charge.name, charge.pricing) for charge in plan.charges if charge.kind == "recurring"]
    return _terms(
        ((plan.id, plan.name, plan.pricing), *((f"{plan.id}/{ref}", name, price) for ref, name, price in charges)),
        quantity,
        plan.currency,
        (plan.interval, plan.interval_count),
        (plan.bill, plan.first_period),
        (plan.proration_upgrade, plan.proration_downgrade, plan.proration_counted),
    )


class Plans(dict[str, Plan]):
    """Plans by id. What they ask for is put together once for each quantity: thousands are on the same."""

    def __init__(self, known: Iterable[Plan] = ()) -> None:
        super().__init__({plan.id: plan for plan in known})
        self._terms: dict[tuple[str, int], Terms] = {}

    def terms(self, plan_id: str, quantity: int) -> Terms:
        """What a plan asks for a quantity."""
        found = self._terms.get((plan_id, quantity))
        if found is None:
            found = self._terms[plan_id, quantity] = terms_of(self[plan_id], quantity)
        return found


def sold_in(ref: str) -> tuple[str, str | None]:
    """The plan, and the charge of it if it is one, that the `ref` of an item names."""
    plan, _, charge = ref.partition("/")
    return plan, charge or None


def plan_id(terms: Terms) -> str:
    """The plan that terms are those of: its own price comes first."""
    return terms.items[0].ref


def plans_of(rows: Sequence[Subscription], known: Iterable[Plan] = ()) -> Plans:
    """The plans that these subscriptions were, are and will be on; one statement for those that are not `known`."""
    plans = Plans(known)
    if missing := {named for row in rows for named in _plan_ids(row)} - plans.keys():
        query = select(Plan).where(Plan.id.in_(missing)).options(joinedload(Plan.charges))
        plans |= {plan.id: plan for plan in session().scalars(query).unique()}
    return plans


def contract_of(row: Subscription, plans: Plans) -> Contract:
    """Where a subscription stands, as the domain computes with it. What was billed in advance, which only what happens
    inside a period asks for, is read by `billed_time`."""
    terms = plans.terms(row.plan_id, row.quantity)
    period = Period(row.current_period_start, row.current_period_end)
    pause = _pause(row)
    in_trial = (pause.status if pause else row.status) == "trialing"
    contract = Contract(
        status=row.status,
        terms=terms,
        schedule=Schedule(terms.recurrence, row.anchor_on, row.timezone),
        period=period,
        since=period.end if in_trial else period.start,
        changed_at=row.changed_at or period.start,
        fraction=_fraction(row, in_trial=in_trial),
        next_terms=plans.terms(row.next_plan_id, row.next_quantity or 1) if row.next_plan_id else None,
        cancel_at_period_end=row.cancel_at_period_end,
        pause=pause,
    )
    return with_state(contract, row.state, ()) if row.state else contract


def standing(contract: Contract, *, as_invoiced: bool = True) -> dict[str, Any]:
    """What a subscription's row keeps of a contract, by column: all but its status, which only moves.

    `as_invoiced`: what was billed in advance is what the period's own invoice says.
    """
    period, pause, following = contract.period, contract.pause, contract.next_terms
    return {
        "plan_id": plan_id(contract.terms),
        "quantity": _quantity(contract.terms),
        "anchor_on": contract.schedule.anchor,
        "current_period_start": period.start,
        "current_period_end": period.end,
        "next_billing_at": next_billing(contract),
        "fraction": None if contract.in_trial or contract.fraction == WHOLE else str(contract.fraction),
        "state": state_of(contract, as_invoiced=as_invoiced),
        "changed_at": None if contract.changed_at == period.start else contract.changed_at,
        "next_plan_id": plan_id(following) if following else None,
        "next_quantity": _quantity(following) if following else None,
        "cancel_at_period_end": contract.cancel_at_period_end,
        "paused_at": pause.start if pause else None,
        "resume_at": pause.resume_at if pause else None,
        "paused_billing": pause.billing.value if pause else None,
        "paused_status": pause.status if pause else None,
    }


def next_billing(contract: Contract) -> datetime | None:
    """When the subscription is looked at again: at the end of its period, or when its pause ends, whichever is first.

    Never once it has ended. While a pause lets the time stand still, a period ends only to end the subscription.
    """
    if contract.status in ENDED:
        return None
    resume_at = contract.pause.resume_at if contract.pause else None
    turns = not contract.is_paused(WhilePaused.SKIP) or contract.cancel_at_period_end
    return min(filter(None, (contract.period.end if turns else None, resume_at)), default=None)


def _quantity(terms: Terms) -> int:
    return int(terms.items[0].quantity)


def _plan_ids(row: Subscription) -> Iterator[str]:
    yield row.plan_id
    if row.next_plan_id:
        yield row.next_plan_id
    if row.state:
        yield from {sold_in(ref)[0] for ref in refs_in(row.state)}


def _pause(row: Subscription) -> Pause | None:
    if row.paused_at is None:
        return None
    return Pause(row.paused_at, row.resume_at, WhilePaused(row.paused_billing or "skip"), row.paused_status or "active")


def _fraction(row: Subscription, *, in_trial: bool) -> Fraction:
    if in_trial:
        return NOTHING
    return Fraction(row.fraction) if row.fraction else WHOLE


@lru_cache(maxsize=4096)
def _terms(
    charges: tuple[tuple[str, str, Price], ...],
    quantity: int,
    currency: str,
    rhythm: tuple[str, int],
    billed: tuple[str, str],
    proration: tuple[str, str, str],
) -> Terms:
    items = tuple(Item(name, price, Decimal(quantity), ref) for ref, name, price in charges)
    bill, first_period = billed
    upgrade, downgrade, counted = (ProrationMode(mode) for mode in proration)
    rules = ProrationRules(upgrade, downgrade, counted)
    return Terms(items, currency, Recurrence.parse(*rhythm), Billing(bill), FirstPeriod(first_period), rules)
