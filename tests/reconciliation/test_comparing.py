"""Comparing with the gateway's list: each kind of difference is found, and put right where that can be done."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app import clock
from app.db import session, transaction
from app.domain.differences import KINDS
from app.domain.errors import Conflict
from app.domain.money import Money
from app.gateways import REGISTRY, gateway_class
from app.gateways.base import Capability
from app.gateways.errors import GatewayUnavailable
from app.gateways.types import RefundRequest, Transaction
from app.models import Difference, Dispute, JournalEntry, Payment, Reconciliation, Refund
from app.services import charging, reconciliation_report, reconciling, refunds
from simulators.btcpay import BTCPaySimulator
from simulators.faults import Fault, FaultKind
from tests.gateways.contract import a_payment
from tests.shop import balance, fresh
from tests.simulated import connected, simulated
from tests.together import together
from tests.webhooks.counter import Counter

HOUR = timedelta(hours=1)
LISTING = [
    name
    for name in REGISTRY
    if Capability.LIST_TRANSACTIONS in gateway_class(name).capabilities and name != "sandbox"  # which is no simulator
]
AT_EACH = pytest.mark.parametrize("counter", LISTING, indirect=True)
DISPUTED = [name for name in LISTING if Capability.DISPUTES in gateway_class(name).capabilities]


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


@AT_EACH
def test_books_that_agree_differ_in_nothing(counter: Counter) -> None:
    sold(counter)
    first = reconcile(counter)
    assert {state for _, state in first} <= {"resolved"}, "fees may come with the list only"
    assert {kind for kind, _ in first} <= {"payment_fee", "fee_unbooked"}
    assert reconcile(counter) == []


@AT_EACH
def test_a_payment_whose_every_webhook_was_lost_is_booked(counter: Counter) -> None:
    if counter.keeps:
        counter.world.strike(FaultKind.DROP_AFTER)
        payment_id = counter.pay()
    else:
        payment = counter.begin(counter.owe())
        counter.approve(payment)
        payment_id = payment.id
    assert counter.payment(payment_id).status in ("unknown", "requires_action")
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


def _more(row: Transaction) -> Transaction:
    return replace(row, amount=Money(row.amount.minor + 100, row.amount.currency))


def _in_euros(row: Transaction) -> Transaction:
    return replace(row, amount=Money(row.amount.minor, "EUR"))


def _of_somebody_else(row: Transaction) -> Transaction:
    return replace(row, gateway_ref="somebody-elses", key=None, payment_ref=None)


# What differs, and so is told: of which kind of row the list has another one, none, or one more.
ROWS: Sequence[tuple[str, str, Callable[[Transaction], list[Transaction]]]] = (
    ("payment_unknown", "payment", lambda row: [row, _of_somebody_else(row)]),
    ("payment_missing", "payment", lambda _row: []),
    ("payment_amount", "payment", lambda row: [_more(row)]),
    ("payment_amount", "payment", lambda row: [_in_euros(row)]),
    ("refund_unknown", "refund", lambda row: [row, _of_somebody_else(row)]),
    ("refund_missing", "refund", lambda _row: []),
    ("refund_amount", "refund", lambda row: [_more(row)]),
    ("refund_amount", "refund", lambda row: [_in_euros(row)]),
    ("dispute_unknown", "payment", lambda row: [row, replace(_of_somebody_else(row), kind="dispute")]),
)


@AT_EACH
def test_each_kind_of_difference_is_shown_with_what_to_do(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway's own rows, but for one; and it cannot be asked, so that nothing is put right by that."""
    payment_id, refund_id = sold(counter)
    reconcile(counter)
    adapter, theirs = type(counter.world.open()), listed(counter)
    assert {row.kind for row in theirs} >= {"payment", "refund"}
    monkeypatch.setattr(adapter, "list_transactions", lambda *_words: shown)
    for verb in ("fetch_payment", "fetch_refund", "fetch_dispute"):
        monkeypatch.setattr(adapter, verb, _away)
    for kind, which, change in ROWS:
        shown = [told for row in theirs for told in (change(row) if row.kind == which else [row])]
        assert _open_ones(counter) == [kind], kind
        assert _advice(counter) == [KINDS[kind].advice]
    shown = theirs
    for kind, model, row_id in (("payment_status", Payment, payment_id), ("refund_status", Refund, refund_id)):
        with _being(counter, model, row_id, "pending"):
            assert _open_ones(counter) == [kind]
            assert _advice(counter) == [KINDS[kind].advice]
    assert _open_ones(counter) == [], "whatever agrees again is resolved by itself"
    assert {row.state for row in differences(counter)} == {"resolved"}


def sold(counter: Counter) -> tuple[str, str]:
    """A payment, and a refund of a part of it that has arrived."""
    payment_id = counter.pay()
    with counter.inside():
        refund = refunds.refund(payment_id, Money(500, "CAD"), counter.at)
    if refund.status == "pending":
        counter.world.settle_refund(refund.gateway_ref or "", succeeds=True)
        with counter.inside():
            assert refunds.told(refund.id, None, counter.at)
    return payment_id, refund.id


def _open_ones(counter: Counter) -> list[str]:
    reconcile(counter)
    return [row.kind for row in differences(counter) if row.state == "open"]


def _advice(counter: Counter) -> list[str]:
    """What the comparison on request says is to be done."""
    now = clock.now()
    with counter.inside():
        told = list(reconciliation_report.lines(counter.account_id, now - HOUR, now + HOUR, now))
    return [line.strip() for line in told if line.startswith(" " * 12)]


@contextmanager
def _being(counter: Counter, model: type[Payment] | type[Refund], row_id: str, status: str) -> Iterator[None]:
    with counter.inside(), transaction() as current:
        current.execute(update(model).where(model.id == row_id).values(status=status))
    yield
    with counter.inside(), transaction() as current:
        current.execute(update(model).where(model.id == row_id).values(status="succeeded"))


def _away(*_words: object) -> None:
    raise GatewayUnavailable("The gateway is away.")


def test_a_gateway_without_a_list_is_told_to_have_none(counter: Counter) -> None:
    unlisted = [name for name in REGISTRY if Capability.LIST_TRANSACTIONS not in gateway_class(name).capabilities]
    assert unlisted == ["adyen", "jenga", "pesapal", "web3"]
    with counter.inside(), simulated("adyen") as adyen:
        account_id = connected(adyen, counter.at)
        told = list(reconciliation_report.lines(account_id, clock.now() - HOUR, clock.now(), clock.now()))
        assert told == ["Adyen: its gateway lists nothing to compare."]
        assert [account.id for account in reconciling.unlisted()] == [account_id]
        with pytest.raises(Conflict, match="lists nothing"):
            reconciling.reconcile(account_id, clock.now() - HOUR, clock.now(), clock.now())


@pytest.mark.parametrize("counter", ["stripe", "square", "paypal"], indirect=True)
def test_a_refund_made_on_the_gateways_own_pages_is_booked(counter: Counter) -> None:
    payment_id = counter.pay()
    with counter.inside():
        ref = charging._ref(fresh(Payment, payment_id))
    counter.world.open().refund(RefundRequest("elsewhere", ref, Money(700, "CAD")))
    is_booked(counter, payment_id)


@pytest.mark.parametrize("counter", ["btcpay"], indirect=True)
def test_a_refund_made_on_btcpays_own_pages_is_booked(counter: Counter) -> None:
    payment_id, simulator = counter.pay(), counter.world.simulator
    assert isinstance(simulator, BTCPaySimulator)
    ref = simulator.refund_on_page(counter.payment(payment_id).gateway_ref or "", "7.00", "CAD")
    counter.world.settle_refund(ref, succeeds=True)
    is_booked(counter, payment_id)


def is_booked(counter: Counter, payment_id: str) -> None:
    """What was refunded elsewhere, once."""
    assert ("refund_unknown", "resolved") in reconcile(counter)
    with counter.inside():
        [refund] = session().scalars(select(Refund))
        assert (refund.payment_id, refund.status, refund.amount_minor) == (payment_id, "succeeded", 700)
        assert fresh(Payment, payment_id).refunded_minor == 700
    assert reconcile(counter) == []


@pytest.mark.parametrize("counter", DISPUTED, indirect=True)
def test_a_dispute_whose_webhooks_were_lost_is_found(counter: Counter) -> None:
    payment_id = counter.pay()
    counter.world.dispute(counter.payment(payment_id).gateway_ref or "")
    assert ("dispute_unknown", "resolved") in reconcile(counter)
    with counter.inside():
        assert session().scalars(select(Dispute.payment_id)).all() == [payment_id]
    assert reconcile(counter) == []


def test_a_list_may_name_the_payment_whose_money_a_dispute_moved(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = counter.payment(counter.pay()).gateway_ref
    counter.world.dispute(ref or "")
    reconcile(counter)
    moved = Transaction("dispute", "5TY05013RG002845M", None, Money(2260, "CAD"), clock.now(), payment_ref=ref)
    theirs = listed(counter)
    monkeypatch.setattr(type(counter.world.open()), "list_transactions", lambda *_words: [*theirs, moved])
    assert reconcile(counter) == []


@pytest.mark.parametrize("counter", ["stripe", "square", "paypal"], indirect=True)  # BTCPay takes none
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
