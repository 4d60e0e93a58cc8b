"""Disputes: booked by webhook in whatever order, with the money that is held and gone."""

import re
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import select

from app import clock
from app.db import session, transaction
from app.domain.money import Money
from app.gateways.types import Dispute as Told
from app.gateways.types import DisputeStatus, PaymentRef
from app.models import Dispute, Event
from app.services import disputes
from simulators.adyen import AdyenSimulator
from tests.shop import balance
from tests.webhooks.counter import Counter

HELD, GONE, OURS = (2260, -2260, 0), (0, -2260, 2260), (0, 0, 0)


def kept(counter: Counter) -> Dispute:
    with counter.inside():
        query = select(Dispute).execution_options(populate_existing=True)
        return session().scalars(query).one()


def money(counter: Counter, fees: int) -> tuple[int, int, int]:
    """What is held, what of 22.60 is missing at the gateway, and what was lost, fees apart."""
    with counter.inside():
        return balance("disputes"), balance("gateway_clearing") + fees - 2260, balance("bad_debt")


def fees(counter: Counter) -> int:
    with counter.inside():
        return balance("gateway_fees")


@pytest.mark.parametrize("counter", ["stripe", "square"], indirect=True)
def test_a_dispute_is_booked_with_its_deadline_and_the_money_that_is_held(counter: Counter) -> None:
    payment_id = counter.pay()
    ref = counter.world.dispute(counter.payment(payment_id).gateway_ref or "")
    counter.deliver_all()
    counter.work()
    found = kept(counter)
    assert (found.payment_id, found.gateway_ref, found.status, found.amount) == (
        payment_id,
        ref,
        "open",
        Money(2260, "CAD"),
    )
    assert found.respond_by
    assert found.respond_by > found.opened_at
    assert money(counter, fees(counter)) == HELD
    [notice] = [row for row in counter.notices() if row.kind == "dispute"]
    assert (notice.state, notice.subject_id) == ("done", found.id)


@pytest.mark.parametrize(
    ("way", "books"),
    [
        (["needs_response"], HELD),
        (["needs_response", "under_review"], HELD),
        (["needs_response", "won"], OURS),
        (["needs_response", "lost"], GONE),
        (["won"], OURS),
        (["lost"], GONE),
        (["lost", "won"], OURS),
        (["won", "lost"], GONE),
        (["lost", "needs_response", "under_review", "won"], OURS),
        (["needs_response", "needs_response", "lost", "lost"], GONE),
    ],
)
def test_the_books_follow_the_money(counter: Counter, way: list[str], books: tuple[int, int, int]) -> None:
    payment_id = counter.pay()
    with counter.inside():
        for status in way:
            with transaction():
                disputes.record(payment_id, told(counter, payment_id, status), clock.now(), counter.at)
    assert money(counter, fees(counter)) == books


def test_another_amount_is_booked_as_such(counter: Counter) -> None:
    payment_id = counter.pay()
    with counter.inside():
        for minor in (2260, 1000):
            with transaction():
                disputes.record(payment_id, told(counter, payment_id, "lost", minor), clock.now(), counter.at)
        assert (balance("disputes"), balance("bad_debt")) == (0, 1000)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_of_answers_in_any_order_the_one_that_was_asked_for_last_holds(
    counter: Counter, order: tuple[int, ...]
) -> None:
    payment_id = counter.pay()
    asked = [clock.now() + timedelta(seconds=n) for n in range(3)]
    statuses = ["needs_response", "under_review", "lost"]
    with counter.inside():
        for n in order:
            with transaction():
                disputes.record(payment_id, told(counter, payment_id, statuses[n]), asked[n], counter.at)
    assert kept(counter).status == "lost"
    assert money(counter, fees(counter)) == GONE


@pytest.mark.parametrize("counter", ["adyen"], indirect=True)
def test_what_adyen_said_first_counts_for_less_whenever_it_is_read(counter: Counter) -> None:
    ref = counter.payment(counter.pay()).gateway_ref or ""
    counter.deliver_all()
    counter.work()
    simulator = counter.world.simulator
    assert isinstance(simulator, AdyenSimulator)
    case = simulator.dispute(ref)
    simulator.dispute(ref, "CHARGEBACK_REVERSED", case)
    first, last = counter.letters
    earlier = re.sub(rb'"eventDate": "[^"]+"', b'"eventDate": "2020-11-21T09:00:00+01:00"', first.body)
    for letter in (last, replace(first, body=earlier)):
        assert counter.deliver(letter).status_code == 200
        counter.work()
    assert {notice.state for notice in counter.notices()} == {"done"}
    assert (kept(counter).gateway_ref, kept(counter).status) == (case, "won")
    assert money(counter, fees(counter)) == OURS


def test_what_happens_to_it_is_told(counter: Counter) -> None:
    payment_id = counter.pay()
    with counter.inside():
        for status in ("needs_response", "lost"):
            with transaction():
                disputes.record(payment_id, told(counter, payment_id, status), clock.now(), counter.at)
        names = session().scalars(select(Event.type).where(Event.type.startswith("dispute.")).order_by(Event.id))
        assert list(names) == ["dispute.opened", "dispute.lost"]


def told(counter: Counter, payment_id: str, status: str, minor: int = 2260) -> Told:
    now = counter.at
    return Told("dp_1", PaymentRef(payment_id), DisputeStatus(status), Money(minor, "CAD"), "fraudulent", now, now)
