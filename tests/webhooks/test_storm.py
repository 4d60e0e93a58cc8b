"""A thousand webhooks, forged, altered, replayed, late, doubled and in any order: none believed, none lost.

The thousand come to all gateways together; `make laws` sends a thousand to each.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations
from random import Random

import pytest
from sqlalchemy import func, select

from app import clock
from app.db import session
from app.gateways import REGISTRY, gateway_class
from app.gateways.base import Capability
from app.gateways.types import RawRequest
from app.models import Dispute, JournalEntry, Payment, Refund
from app.services import refunds
from simulators.faults import FaultKind
from tests.laws import THOROUGH
from tests.shop import assert_books_balance, balance
from tests.webhooks.counter import Counter
from tests.webhooks.forgers import FORGERS

SEED, REQUESTS = 7, 1000
TELLING = [name for name in REGISTRY if Capability.WEBHOOKS in gateway_class(name).capabilities]
DISPUTED = [name for name in TELLING if Capability.DISPUTES in gateway_class(name).capabilities]
SHARE = REQUESTS if THOROUGH else -(-REQUESTS // len(TELLING))


def sold(counter: Counter, many: int = 4) -> list[str]:
    """Payments whose answers were lost, or whose payers never came back: what is known of them is in letters."""
    invoices = [counter.owe() for _ in range(many)]
    counter.letters.clear()
    return [_paid_unheard(counter, invoice_id) for invoice_id in invoices]


def _paid_unheard(counter: Counter, invoice_id: str) -> str:
    if counter.keeps:
        counter.world.strike(FaultKind.DROP_AFTER)
        return counter.pay(invoice_id)
    payment = counter.begin(invoice_id)
    counter.approve(payment)
    return payment.id


def unpaid(counter: Counter) -> Payment:
    """An attempt of which the gateway has seen no money, and which is open here."""
    invoice_id = counter.owe()
    if not counter.keeps:
        return counter.begin(invoice_id)
    counter.world.strike(FaultKind.DROP_BEFORE)
    return counter.payment(counter.pay(invoice_id))


def dedupes(counter: Counter, letters: Sequence[RawRequest]) -> set[str]:
    """What is kept of these letters, each once."""
    adapter = counter.world.open()
    return {notice.dedupe for letter in letters for notice in adapter.parse_webhook(letter)}


@pytest.mark.parametrize("counter", TELLING, indirect=True)
def test_a_thousand_bad_requests_among_good_ones(counter: Counter) -> None:
    """Every good letter comes several times, in parallel and out of order, among bad ones of all kinds."""
    forger, chance = FORGERS[counter.world.gateway], Random(SEED)
    left = unpaid(counter)
    paid = sold(counter)
    letters = list(counter.letters)
    requests = [(letter, 200) for letter in letters * 3]
    requests += [
        (chance.choice(forger.hints)(chance.choice(letters), chance, left.gateway_ref or ""), 200)
        for _ in range(SHARE // 4 if forger.hints else 0)
    ]
    requests += [(forger.spoil(chance.choice(letters), chance), 400) for _ in range(SHARE - len(requests))]
    chance.shuffle(requests)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda request: counter.deliver(request[0]).status_code, requests))
    assert [answer for answer, (_, expected) in zip(found, requests, strict=True) if answer != expected] == []
    if not forger.hints:
        assert len(counter.notices()) == len(dedupes(counter, letters)), "each good one once, of the bad ones none"
    counter.work()
    assert [counter.payment(payment_id).status for payment_id in paid] == ["succeeded"] * len(paid)
    assert counter.payment(left.id).status == left.status, "nobody paid it, whatever was said"
    theirs = {taken.key: taken.units for taken in counter.world.simulator.taken()}
    assert theirs == {payment_id: counter.payment(payment_id).received_minor for payment_id in paid}
    with counter.inside():
        assert session().scalar(select(func.count()).where(JournalEntry.fact == "payment_succeeded")) == len(paid)
        assert_books_balance()


@pytest.mark.parametrize(
    ("counter", "ages"),
    [
        ("stripe", (301, 3600, 86_400, -301, -86_400)),
        ("paypal", (4 * 86_400 + 60, 30 * 86_400, -301, -86_400)),  # which repeats with the first time for three days
    ],
    indirect=["counter"],
)
def test_a_letter_kept_by_somebody_is_of_no_use_to_them_later(counter: Counter, ages: Sequence[int]) -> None:
    counter.pay()
    for age in ages:
        assert counter.deliver(counter.world.webhook(age=age)).status_code == 400
    assert counter.notices() == []


@pytest.mark.parametrize("counter", DISPUTED, indirect=True)
def test_in_whatever_order_notices_are_worked_on_the_end_is_the_same(counter: Counter) -> None:
    """A payment's whole life, its notices in every order (a few of them, but for `make laws`), each from the start."""
    first, *others = permutations(range(len(lived(counter)[1])))
    ends = set()
    for order in [first, *(others if THOROUGH else Random(SEED).sample(others, 2))]:
        payment_id, letters = lived(counter)
        for place in order:
            assert counter.deliver(replace(letters[place], received_at=clock.now())).status_code == 200
            counter.work()
        ends.add(state(counter, payment_id))
    assert ends == {("succeeded", "succeeded", "open")}
    with counter.inside():
        assert balance("disputes") == 2260 * session().scalar(select(func.count()).select_from(Dispute))
        assert_books_balance()


def lived(counter: Counter) -> tuple[str, list[RawRequest]]:
    """A payment that was refunded in part and disputed, and the letters about all of that."""
    invoice_id = counter.owe()
    counter.letters.clear()
    payment_id = counter.pay(invoice_id)
    ref = counter.payment(payment_id).gateway_ref or ""
    with counter.inside():
        refund = refunds.refund(payment_id, counter.world.money(500), counter.at)
    if refund.status == "pending":
        counter.world.settle_refund(refund.gateway_ref or "", succeeds=True)
    counter.world.dispute(ref)
    return payment_id, list(counter.letters)[-4:]


def state(counter: Counter, payment_id: str) -> tuple[str, str | None, str | None]:
    with counter.inside():
        refund = session().scalar(select(Refund.status).where(Refund.payment_id == payment_id))
        dispute = session().scalar(select(Dispute.status).where(Dispute.payment_id == payment_id))
    return counter.payment(payment_id).status, refund, dispute
