"""Comparing with the gateway's list: each kind of difference is found, and put right where that can be done."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app import clock
from app.db import session, transaction
from app.domain.errors import Conflict
from app.domain.money import Money
from app.gateways.types import RefundRequest, Transaction
from app.models import Difference, Dispute, JournalEntry, Payment, Reconciliation, Refund
from app.services import charging, reconciling, refunds
from simulators.faults import Fault, FaultKind
from tests.gateways.contract import a_payment
from tests.shop import balance, fresh
from tests.together import together
from tests.webhooks.counter import Counter

HOUR = timedelta(hours=1)
BOTH = pytest.mark.parametrize("counter", ["stripe", "square"], indirect=True)


@pytest.fixture
def counter(counter: Counter) -> Counter:
    """The simulators know no other time than now."""
    counter.at = clock.now()
    return counter


def reconcile(counter: Counter) -> list[tuple[str, str]]:
    """The kinds of what was found, and what became of it."""
    with counter.inside():
        _, found = reconciling.reconcile(counter.account_id, clock.now() - HOUR, clock.now() + HOUR, clock.now())
        return sorted((row.kind, row.state) for row in found)


def differences(counter: Counter) -> list[Difference]:
    with counter.inside():
        return list(session().scalars(select(Difference).execution_options(populate_existing=True)))


@BOTH
def test_books_that_agree_differ_in_nothing(counter: Counter) -> None:
    payment_id = counter.pay()
    with counter.inside():
        refunds.refund(payment_id, Money(500, "CAD"), counter.at)
    first = reconcile(counter)
    assert {state for _, state in first} <= {"resolved"}, "fees may come with the list only"
    assert {kind for kind, _ in first} <= {"payment_fee", "fee_unbooked"}
    assert reconcile(counter) == []


@BOTH
def test_a_payment_whose_every_webhook_was_lost_is_booked(counter: Counter) -> None:
    counter.world.strike(FaultKind.DROP_AFTER)
    payment_id = counter.pay()
    assert counter.payment(payment_id).status == "unknown"
    assert ("payment_status", "resolved") in reconcile(counter)
    assert counter.payment(payment_id).status == "succeeded"
    assert counter.notices() == []


def test_a_payment_that_nobody_here_knows_is_shown_and_can_be_dismissed(counter: Counter) -> None:
    counter.world.open().create_payment(a_payment(counter.world))
    assert ("payment_unknown", "open") in reconcile(counter)
    assert ("payment_unknown", "open") in reconcile(counter), "found again, kept once"
    [row] = [row for row in differences(counter) if row.kind == "payment_unknown"]
    assert row.theirs == Money(1130, "CAD")
    with counter.inside():
        with transaction():
            reconciling.dismiss(row.id, counter.at, reason="our web shop")
        with pytest.raises(Conflict), transaction():
            reconciling.dismiss(row.id, counter.at, reason="again")
    assert ("payment_unknown", "dismissed") in reconcile(counter)


def test_a_payment_that_the_gateway_has_never_seen_is_shown(counter: Counter) -> None:
    payment_id = counter.pay()
    with counter.inside(), transaction() as current:
        current.execute(update(Payment).values(gateway_ref="pi_gone"))
    counter.world.simulator.books.tables.clear()
    assert ("payment_missing", "open") in reconcile(counter)
    [row] = differences(counter)
    assert (row.subject_id, row.ours) == (payment_id, Money(2260, "CAD"))


def test_a_payment_that_only_the_list_forgot_is_none(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    counter.pay()
    adapter = type(counter.world.open())
    monkeypatch.setattr(adapter, "list_transactions", lambda *_words: [])
    assert reconcile(counter) == []
    assert differences(counter) == []


def test_another_amount_is_shown(counter: Counter) -> None:
    payment_id = counter.pay()
    with counter.inside(), transaction() as current:
        current.execute(update(Payment).values(received_minor=2000))
    found = reconcile(counter)
    assert ("payment_amount", "open") in found
    [row] = [row for row in differences(counter) if row.kind == "payment_amount"]
    assert (row.subject_id, row.theirs, row.ours) == (payment_id, Money(2260, "CAD"), Money(2000, "CAD"))
    with counter.inside(), transaction() as current:
        current.execute(update(Payment).values(received_minor=2260))
    reconcile(counter)
    assert [row.state for row in differences(counter) if row.kind == "payment_amount"] == ["resolved"]


@BOTH
def test_a_refund_made_on_the_gateways_own_pages_is_booked(counter: Counter) -> None:
    payment_id = counter.pay()
    with counter.inside():
        ref = charging._ref(fresh(Payment, payment_id))
    counter.world.open().refund(RefundRequest("elsewhere", ref, Money(700, "CAD")))
    assert ("refund_unknown", "resolved") in reconcile(counter)
    with counter.inside():
        [refund] = session().scalars(select(Refund))
        assert (refund.payment_id, refund.status, refund.amount_minor) == (payment_id, "succeeded", 700)
        assert fresh(Payment, payment_id).refunded_minor == 700
    assert reconcile(counter) == []


@BOTH
def test_a_dispute_whose_webhooks_were_lost_is_found(counter: Counter) -> None:
    payment_id = counter.pay()
    counter.world.dispute(counter.payment(payment_id).gateway_ref or "")
    reconcile(counter)
    with counter.inside():
        found = session().scalars(select(Dispute)).all()
    if any(row.kind == "dispute" for row in listed(counter)):
        assert [row.payment_id for row in found] == [payment_id]


def test_every_fee_is_booked_once(counter: Counter) -> None:
    counter.pay()
    reconcile(counter)
    told = sum(row.fee.minor for row in listed(counter) if row.fee)
    with counter.inside():
        assert balance("gateway_fees") == told > 0
    reconcile(counter)
    with counter.inside():
        assert balance("gateway_fees") == told


def test_a_payout_moves_money_to_the_bank_once(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    counter.pay()
    adapter = type(counter.world.open())
    theirs = listed(counter)
    payout = Transaction("payout", "po_1", None, Money(2000, "CAD"), clock.now(), Money(25, "CAD"))
    monthly = Transaction("fee", "fee_1", None, Money(990, "CAD"), clock.now())
    monkeypatch.setattr(adapter, "list_transactions", lambda *_words: [*theirs, payout, monthly])
    for _ in range(2):
        reconcile(counter)
        with counter.inside():
            assert balance("bank") == 2000
            entries = session().scalars(select(JournalEntry.source_id).where(JournalEntry.customer_id.is_(None)))
            assert sorted(entries) == ["fee_1", "po_1", "po_1:fee"]


def test_many_workers_at_once_find_the_same(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    counter.world.open().create_payment(a_payment(counter.world))
    theirs = listed(counter)
    adapter = type(counter.world.open())
    payout = Transaction("payout", "po_1", None, Money(2000, "CAD"), clock.now())
    monkeypatch.setattr(adapter, "list_transactions", lambda *_words: [*theirs, payout])
    now = clock.now()
    results = together(
        counter.app,
        counter.tenant_id,
        *[lambda: len(reconciling.reconcile(counter.account_id, now - HOUR, now + HOUR, now)[1])] * 6,
    )
    assert [result for result in results if isinstance(result, Exception)] == []
    assert sorted(row.kind for row in differences(counter) if row.state == "open") == ["payment_unknown"]
    with counter.inside():
        assert balance("bank") == 2000


class TestByTheDay:
    """What the schedule does."""

    NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)

    def planned(self, counter: Counter) -> list[tuple[int, str]]:
        with counter.inside():
            rows = session().scalars(select(Reconciliation).order_by(Reconciliation.since))
            of_till = [row for row in rows if row.gateway_account_id == counter.account_id]
            return [(row.since.day, row.state) for row in of_till]

    def test_every_day_is_compared_once_it_is_over_whatever_was_missed(self, counter: Counter) -> None:
        with counter.inside():
            assert reconciling.plan(self.NOON) > 0
            assert reconciling.plan(self.NOON) == 0
            days = [day for day, _ in self.planned(counter)]
            assert days[-3:] == [2, 3, 4]
            assert len(days) == reconciling.CAUGHT_UP
            while reconciling.compare_due(self.NOON):
                pass
            assert {state for _, state in self.planned(counter)} == {"done"}
            reconciling.plan(self.NOON + reconciling.DAY)
            assert self.planned(counter)[-1] == (5, "due")

    def test_a_list_that_cannot_be_had_is_asked_for_again(self, counter: Counter) -> None:
        with counter.inside():
            reconciling.plan(self.NOON)
            counter.world.simulator.faults.draw(1, 0, [Fault(FaultKind.ERROR_BEFORE, on="GET ")])
            reconciling.compare_due(self.NOON)
            assert {state for _, state in self.planned(counter)} == {"due"}
            counter.world.simulator.faults.clear()
            assert reconciling.compare_due(self.NOON) == 0, "later"
            reconciling.compare_due(self.NOON + reconciling.BACK_OFF[0])
            assert {state for _, state in self.planned(counter)} == {"done"}


def listed(counter: Counter) -> list[Transaction]:
    return list(counter.world.open().list_transactions(clock.now() - HOUR, clock.now() + HOUR))
