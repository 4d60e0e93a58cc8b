"""A thousand webhooks, forged, altered, replayed, late, doubled and in any order: none believed, none lost."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations

import pytest
from sqlalchemy import func, select

from app import clock
from app.db import session
from app.domain.money import Money
from app.gateways.types import RawRequest
from app.models import Dispute, JournalEntry, Refund
from app.services import refunds
from simulators.faults import FaultKind
from tests.shop import assert_books_balance, balance
from tests.webhooks.counter import Counter

SEED, REQUESTS = 7, 1000
BOTH = pytest.mark.parametrize("counter", ["stripe", "square"], indirect=True)


def sold(counter: Counter, many: int = 4) -> list[str]:
    """Payments whose answers were lost, refunds and a dispute: everything that is known of them is in letters."""
    invoices = [counter.owe() for _ in range(many)]
    counter.letters.clear()
    paid = []
    for invoice_id in invoices:
        counter.world.strike(FaultKind.DROP_AFTER)
        paid.append(counter.pay(invoice_id))
    return paid


def spoiled(letter: RawRequest, chance: random.Random) -> RawRequest:
    """A letter that nobody signed like that."""
    body, headers = letter.body, dict(letter.headers)
    name = next(name for name in headers if "signature" in name)
    kind = chance.choice(["flip", "cut", "grow", "unsigned", "signature", "amount"])
    place = chance.randrange(len(body))
    if kind == "flip":
        body = body[:place] + bytes([body[place] ^ (1 << chance.randrange(8))]) + body[place + 1 :]
    elif kind == "cut":
        body = body[:place]
    elif kind == "grow":
        body += b" "
    elif kind == "unsigned":
        del headers[name]
    elif kind == "signature":
        headers[name] = headers[name][::-1]
    else:
        body = body.replace(b"2260", b"9260", 1) if b"2260" in body else body + b"{}"
    return replace(letter, body=body, headers=headers)


@BOTH
def test_a_thousand_bad_requests_among_good_ones(counter: Counter) -> None:
    """Every good letter comes several times, in parallel and out of order, among bad ones of all kinds."""
    paid, chance = sold(counter), random.Random(SEED)
    letters = list(counter.letters)
    requests = [(letter, 200) for letter in letters * 3]
    requests += [(spoiled(chance.choice(letters), chance), 400) for _ in range(REQUESTS - len(requests))]
    chance.shuffle(requests)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda request: counter.deliver(request[0]).status_code, requests))
    assert [answer for answer, (_, expected) in zip(found, requests, strict=True) if answer != expected] == []
    assert len(counter.notices()) == len(letters), "each good one once, of the bad ones none"
    counter.work()
    assert [counter.payment(payment_id).status for payment_id in paid] == ["succeeded"] * len(paid)
    assert counter.world.simulator.taken()
    with counter.inside():
        assert session().scalar(select(func.count()).where(JournalEntry.fact == "payment_succeeded")) == len(paid)
        assert_books_balance()


def test_a_letter_kept_by_somebody_is_of_no_use_to_them_later(counter: Counter) -> None:
    counter.pay()
    for age in (301, 3600, 86_400, -301, -86_400):
        assert counter.deliver(counter.world.webhook(age=age)).status_code == 400
    assert counter.notices() == []


def test_in_whatever_order_notices_are_worked_on_the_end_is_the_same(counter: Counter) -> None:
    """One payment's whole life, in every order of its first four notices, each order from the same beginning."""
    [payment_id] = sold(counter, 1)
    gateway_ref = counter.world.simulator.taken()[0].ref
    counter.deliver_all()
    counter.work()
    with counter.inside():
        refunds.refund(payment_id, Money(500, "CAD"), counter.at)
    counter.world.dispute(gateway_ref)
    letters = list(counter.letters)[-4:]
    ends = set()
    for order in permutations(letters):
        for letter in order:
            again = replace(letter, received_at=clock.now())
            assert counter.deliver(again).status_code == 200
            counter.work()
        ends.add(state(counter, payment_id))
    assert len(ends) == 1
    [(payment, refunded, dispute, held)] = ends
    assert (payment, refunded, dispute, held) == ("succeeded", "succeeded", "open", 2260)


def state(counter: Counter, payment_id: str) -> tuple[str, str, str, int]:
    payment = counter.payment(payment_id).status
    with counter.inside():
        refund = session().scalars(select(Refund.status)).one()
        dispute = session().scalars(select(Dispute.status)).one()
        return payment, refund, dispute, balance("disputes")
