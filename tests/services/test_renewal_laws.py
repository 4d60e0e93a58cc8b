"""However often renewals run, at whatever instants, by however many workers: they bill as one run in order does.

Each example has three subscriptions in zones whose clocks change in February, March or April 2026, and four workers,
each with a session of its own, who look for what is due at instants of their own, in any order.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.db import current_tenant_id
from app.domain.anchors import ANNIVERSARY, Anchor
from app.services import renewals
from tests.laws import tried_on_servers
from tests.services.metered import event, meter, metered_plan, record
from tests.services.test_coupons import coupon
from tests.shop import Shop, assert_books_balance, invoices_of
from tests.together import refusals, together

WORKERS = 4
# Clocks change on 8 March in Toronto, on 29 March in Berlin, on 5 April by half an hour on Lord Howe Island, and in
# Casablanca before and after Ramadan, on 15 February and 22 March.
ZONES = ("America/Toronto", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca")
LAST = datetime(2026, 4, 12, tzinfo=UTC)
RHYTHMS = ({"interval": "month"}, {"interval": "week"}, {"interval": "day", "interval_count": 9})
WAYS = ({}, {"bill": "in_arrears"}, {"first_period": "full"})
ANCHORS = (ANNIVERSARY, Anchor.parse("day_of_month", 31), Anchor.parse("calendar"))


class Sale(NamedTuple):
    """A subscription to be: where and from when, how often and how it is billed, and how many calls are made a day."""

    zone: str
    start: datetime
    plan: dict[str, Any]
    anchor: Anchor
    calls: int
    coupon: bool


def instants(until: datetime) -> st.SearchStrategy[datetime]:
    return st.datetimes(datetime(2026, 2, 1), until.replace(tzinfo=None), timezones=st.just(UTC))


sales = st.builds(
    Sale,
    st.sampled_from(ZONES),
    instants(datetime(2026, 3, 15)),
    st.builds(lambda rhythm, way: {**rhythm, **way}, st.sampled_from(RHYTHMS), st.sampled_from(WAYS)),
    st.sampled_from(ANCHORS),
    st.integers(0, 3),
    st.booleans(),
)


class Offer(NamedTuple):
    """What all subscriptions of an example share: a meter, and a coupon of 10 % for two periods."""

    meter_id: str
    code: str


def offer(shop: Shop) -> Offer:
    code = f"c{next(shop.numbers)}"
    coupon(code.upper(), duration="repeating", periods=2)
    return Offer(meter(shop.at, code=code), code)


def sell(shop: Shop, sale: Sale, shared: Offer) -> str:
    """The subscription, of a customer of its own who pays by hand, with 13 % tax."""
    customer = shop.customer(timezone=sale.zone)
    options = {"coupon": shared.code.upper()} if sale.coupon else {}
    plan = metered_plan(shop, shared.meter_id, **sale.plan)
    sold = shop.sell(customer, plan, at=sale.start, collection="manual", anchor=_anchor(sale), **options)
    days = [sale.start + timedelta(days=day) for day in range((LAST - sale.start).days)]
    record([event(f"{sold}-{at}", customer, at, str(sale.calls), shared.code) for at in days], LAST)
    return sold


def _anchor(sale: Sale) -> Anchor:
    """A day of the month is for plans that are billed by months."""
    return sale.anchor if sale.plan["interval"] == "month" or sale.anchor.day is None else ANNIVERSARY


def billed(subscription_id: str) -> list[tuple[Any, ...]]:
    """Each invoice of a subscription, with all that its lines say."""
    return [
        (
            invoice.period_start,
            invoice.period_end,
            invoice.discount_minor,
            invoice.tax_minor,
            invoice.total_minor,
            [(line.kind, line.amount_minor, line.quantity, line.tax_minor, line.derivation) for line in invoice.lines],
        )
        for invoice in invoices_of(subscription_id)
    ]


def work(moments: list[datetime]) -> Callable[[], int]:
    """What one worker does: it looks for what is due, again and again."""
    return lambda: sum(renewals.renew_due(moment, batch=2) for moment in moments)


@tried_on_servers(2)
@given(
    chosen=st.lists(sales, min_size=3, max_size=3),
    moments=st.lists(st.lists(instants(LAST), min_size=1, max_size=4), min_size=WORKERS, max_size=WORKERS),
)
def test_any_runs_by_several_workers_give_the_invoices_of_one_run(
    app: Flask, shop: Shop, chosen: list[Sale], moments: list[list[datetime]]
) -> None:
    shared = offer(shop)
    in_order = [sell(shop, sale, shared) for sale in chosen]
    renewals.renew_due(LAST)
    at_once = [sell(shop, sale, shared) for sale in chosen]
    assert refusals(together(app, current_tenant_id(), *[work(worker) for worker in moments])) == []
    renewals.renew_due(LAST)
    for one, other in zip(in_order, at_once, strict=True):
        assert billed(one) == billed(other)
        periods = [(invoice[0], invoice[1]) for invoice in billed(other)]
        assert all(before[1] == following[0] for before, following in pairwise(periods))
        assert periods[-1][1] > LAST
    assert_books_balance()
