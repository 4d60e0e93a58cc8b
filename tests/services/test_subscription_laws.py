"""Random lives of subscriptions through the services: they give the invoices that the simulation foretold.

20 chains of up to six changes, pauses and cancellations over three months, and the books balance after every step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.db import transaction
from app.domain import pausing
from app.domain.contract import Contract, Move, WhilePaused
from app.domain.errors import BillingError
from app.domain.forecast import Forecast
from app.domain.scenario import PlannedChange, Scenario
from app.domain.simulation import simulate
from app.domain.subscriptions import CancelMode, cancel
from app.domain.terms import ProrationMode, Terms
from app.models import Plan, Subscription
from app.services import renewals, subscription_changes, subscriptions
from app.services.contracts import terms_of
from app.services.subscription_changes import Wanted
from tests.laws import tried_on_servers
from tests.services.test_subscription_changes import START, bills, sold
from tests.shop import Shop, assert_books_balance, fresh

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
UNTIL = START + timedelta(days=90)
Rule = Callable[[Contract, datetime], Move]


@dataclass(frozen=True, slots=True)
class Step:
    """Something done at an instant: through the services, and the rule that foretells it."""

    at: datetime
    do: Callable[[], Any]
    rule: Rule


@dataclass(frozen=True, slots=True)
class Foretold(PlannedChange):
    """A step as the simulation takes it."""

    rule: Rule | None = None

    def apply(self, contract: Contract) -> Move:
        assert self.rule is not None
        return self.rule(contract, self.at)


def offers(shop: Shop) -> list[str]:
    """Plans of several prices, rhythms and ways of billing."""
    support = {"name": "Support", "kind": "recurring", "price": {"model": "standard", "unit_amount": "3.33"}}
    return [
        shop.plan("30"),
        shop.plan("47.11", charges=[{**support, "meter_id": None}]),
        shop.plan("7.77", interval="week"),
        shop.plan("20", bill="in_arrears"),
        shop.plan("99.99", bill="in_arrears", proration_downgrade="next_period", proration_counted="day"),
        shop.plan("365", interval="year", proration_upgrade="day"),
    ]


kinds = st.sampled_from(["change", "change", "change", "change", "pause", "resume", "cancel", "end"])
drawn = st.tuples(
    st.integers(0, 89 * 24),
    kinds,
    st.integers(0, 5),
    st.integers(1, 3),
    st.sampled_from([None, *ProrationMode]),
    st.sampled_from(WhilePaused),
)


def step(subscription_id: str, plans: list[str], drawn_step: tuple[Any, ...]) -> Step:
    hours, kind, plan, quantity, mode, billing = drawn_step
    at, credit = START + hours * HOUR, ProrationMode.SECOND if quantity > 1 else ProrationMode.NONE
    wanted, terms = Wanted(plans[plan], quantity, mode), terms_of(fresh(Plan, plans[plan]), quantity)
    words = {"at_period_end": True} if kind == "cancel" else {"at_period_end": False, "credit": credit}
    when = CancelMode.PERIOD_END if kind == "cancel" else CancelMode.NOW
    return {
        "change": Step(at, lambda: subscription_changes.change(subscription_id, wanted, at), _changing(terms, mode)),
        "pause": _pausing(subscription_id, at, billing, credit),
        "resume": Step(at, lambda: subscriptions.resume(subscription_id, at), pausing.resume),
        "cancel": Step(
            at,
            lambda: subscriptions.cancel(subscription_id, at, **words),  # type: ignore[arg-type]
            lambda contract, moment: cancel(contract, moment, when, credit),
        ),
    }["cancel" if kind == "end" else kind]


def _pausing(subscription_id: str, at: datetime, billing: WhilePaused, credit: ProrationMode) -> Step:
    """A pause; one that lets the time stand still ends by itself, after three days or with the period at the latest."""

    def back(period_end: datetime) -> datetime | None:
        return min(at + 3 * DAY, period_end - HOUR) if billing is WhilePaused.SKIP else None

    def do() -> None:
        resume_at = back(fresh(Subscription, subscription_id).current_period_end)
        subscriptions.pause(subscription_id, at, resume_at=resume_at, billing=billing, credit=credit)

    def rule(contract: Contract, moment: datetime) -> Move:
        return pausing.pause(contract, moment, resume_at=back(contract.period.end), billing=billing, credit=credit)

    return Step(at, do, rule)


def _changing(terms: Terms, mode: ProrationMode | None) -> Rule:
    def rule(contract: Contract, at: datetime) -> Move:
        return PlannedChange(at, terms, mode).apply(contract)

    return rule


def foretold(forecast: Forecast) -> list[list[str]]:
    return [[str(line.amount.amount) for line in invoice.lines] for invoice in forecast.invoices]


@tried_on_servers(20)
@given(first=st.integers(0, 5), chain=st.lists(drawn, min_size=1, max_size=6))
def test_a_random_life_brings_the_invoices_that_were_foretold(shop: Shop, first: int, chain: list[Any]) -> None:
    plans = offers(shop)
    subscription_id = sold(shop, plans[first])
    terms, taken = terms_of(fresh(Plan, plans[first]), 1), list[Foretold]()
    resumes = None
    for planned in sorted(chain, key=lambda one: one[0]):
        one = step(subscription_id, plans, planned)
        renewals.renew_due(one.at)
        if resumes and resumes <= one.at:
            taken.append(Foretold(resumes, terms, None, pausing.resume))
            resumes = None
        try:
            with transaction():
                one.do()
        except BillingError:
            continue
        taken.append(Foretold(one.at, terms, None, one.rule))
        resumes = fresh(Subscription, subscription_id).resume_at
        assert_books_balance()
    renewals.renew_due(UNTIL - HOUR / 60)
    if resumes and resumes < UNTIL:
        taken.append(Foretold(resumes, terms, None, pausing.resume))
    forecast = simulate(Scenario(terms, START, "UTC", until=UNTIL, changes=tuple(taken)))
    assert bills(subscription_id) == foretold(forecast)
    assert_books_balance()
