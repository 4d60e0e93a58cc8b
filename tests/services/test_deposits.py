"""Money on chains, from the price that is held to the books: seen, confirmed, taken back, late, over, foreign."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.db import session, transaction
from app.domain.errors import Conflict, InvalidInput
from app.domain.money import Money
from app.models import Customer, Deposit, Invoice, Payment, PaymentQuote, Refund
from app.queries.deposits import deposits_of, quote_of
from app.queries.payments import open_payment
from app.services import charging, deposits, gateway_accounts, payments, payouts, refunds, ways
from app.services.ways import Hosted
from simulators.faults import Fault, FaultKind
from simulators.web3 import Web3Simulator
from simulators.wire import served
from tests.shop import Shop, assert_books_balance, balance, fresh, let_pause_end

DUE = 22_60  # CAD; 22.60 ÷ 1.37 × 10⁶ = 16496350.36…, so 16496351 units of USDC
RAW = 16_496_351


class Chain:
    """A shop that takes payments on a toy chain, and its payers."""

    def __init__(self, shop: Shop, simulator: Web3Simulator, **terms: str) -> None:
        self.shop, self.simulator = shop, simulator
        with transaction():
            self.account_id = gateway_accounts.create("Wallet", "web3", simulator.account() | terms, shop.at).id

    def ask(self, choice: str = "USDC", invoice_id: str | None = None) -> Payment:
        """An invoice is about to be paid on the chain."""
        invoice_id = invoice_id or self.shop.debt(token=None)
        hosted = Hosted(self.account_id, choice=choice)
        return charging.collect(invoice_id, self.shop.at, hosted=hosted, off_session=False)

    def send(self, payment: Payment, raw: int, asset: str = "USDC", mine: int = 1) -> str:
        """The payer sends units to the address of a payment."""
        return self.simulator.send(self.quote(payment).address, raw, asset, mine=mine)

    def quote(self, payment: Payment) -> PaymentQuote:
        found = quote_of(payment.id)
        assert found
        return found

    def look(self) -> None:
        """What the periodic job does."""
        deposits.watch_due(self.shop.at)

    def confirm(self) -> None:
        """The chain grows until what was seen is there for good."""
        self.simulator.mine(3)
        self.look()

    def let_time_pass(self, payment: Payment) -> None:
        """Until nothing in time can come any more."""
        left = self.quote(payment).closes_at - datetime.now(UTC)
        self.simulator.wait(int(left.total_seconds()) + 60)
        self.confirm()


@pytest.fixture
def simulator() -> Iterator[Web3Simulator]:
    with served(Web3Simulator(block_seconds=0)) as simulator:
        yield simulator


@pytest.fixture
def chain(shop: Shop, simulator: Web3Simulator) -> Chain:
    return Chain(shop, simulator)


def status(payment: Payment) -> str:
    return fresh(Payment, payment.id).status


def seen(payment: Payment) -> list[tuple[str, str]]:
    """How each deposit of a payment stands, and what it counts for."""
    session().expire_all()
    return [(row.status, row.verdict) for row in deposits_of(payment.id)]


def invoice_of(payment: Payment) -> tuple[str, int]:
    """How the invoice of a payment stands, and what is still due."""
    found = fresh(Invoice, payment.invoice_id)
    return found.status, found.due_minor


def credit_of(payment: Payment) -> int:
    return fresh(Customer, payment.customer_id).balance_minor


def test_a_price_is_held_at_an_address_of_its_own(chain: Chain) -> None:
    first, second = chain.ask(), chain.ask("ETH")
    held = chain.quote(first)
    assert (first.status, first.gateway_ref, first.number) == ("requires_action", held.address, 1)
    assert (held.symbol, int(held.raw), held.rate, held.rate_source) == ("USDC", RAW, Decimal("1.37"), "own table")
    assert first.next_action["amount_text"] == "16.496351 USDC"
    assert (second.number, chain.quote(second).address != held.address) == (2, True)
    assert chain.quote(second).contract == ""


def test_money_counts_when_it_is_confirmed_and_not_before(chain: Chain) -> None:
    payment = chain.ask()
    chain.look()
    assert (status(payment), seen(payment)) == ("requires_action", [])
    chain.send(payment, RAW)
    chain.look()
    assert (status(payment), seen(payment), balance("gateway_clearing")) == ("pending", [("detected", "")], 0)
    chain.confirm()
    assert (status(payment), seen(payment)) == ("succeeded", [("confirmed", "quoted")])
    assert (invoice_of(payment), balance("gateway_clearing"), credit_of(payment)) == (("paid", 0), DUE, 0)
    chain.confirm()
    assert balance("gateway_clearing") == DUE
    assert_books_balance()


@pytest.mark.parametrize("choice", ["USDC", "ETH"])
def test_what_was_only_seen_and_is_taken_back_is_undone(chain: Chain, choice: str) -> None:
    payment = chain.ask(choice)
    chain.send(payment, int(chain.quote(payment).raw), choice)
    chain.look()
    assert status(payment) == "pending"
    chain.simulator.reorganise(1)
    chain.look()
    assert (status(payment), seen(payment)) == ("requires_action", [("reorged", "")])
    assert fresh(Payment, payment.id).next_action["kind"] == "qr_code"
    assert balance("gateway_clearing") == 0


@pytest.mark.parametrize("choice", ["USDC", "ETH"])
def test_what_moves_to_another_block_counts_from_there(chain: Chain, choice: str) -> None:
    payment = chain.ask(choice)
    chain.send(payment, int(chain.quote(payment).raw), choice, mine=3)
    chain.look()
    assert status(payment) == "succeeded"
    chain.simulator.reorganise(3, keep=True)
    chain.look()
    assert (status(payment), seen(payment)) == ("failed", [("detected", "quoted")])
    chain.confirm()
    assert (status(payment), seen(payment)) == ("succeeded", [("confirmed", "quoted")])
    assert (invoice_of(payment), balance("gateway_clearing")) == (("paid", 0), DUE)
    assert_books_balance()


def test_money_taken_back_after_it_was_confirmed_reverses_the_payment(chain: Chain) -> None:
    payment = chain.ask()
    chain.send(payment, RAW + 1_000_000, mine=3)
    chain.look()
    assert (invoice_of(payment), credit_of(payment)) == (("paid", 0), 137)  # a token over, at 1.37
    chain.simulator.reorganise(3)
    chain.look()
    again = fresh(Payment, payment.id)
    assert (again.status, again.decline_code, again.received_minor) == ("failed", "payment_undone", None)
    assert (invoice_of(payment), credit_of(payment), balance("gateway_clearing")) == (("open", DUE), 0, 0)
    assert_books_balance()


def test_what_comes_after_a_payment_has_settled_is_the_customers_balance_as_long_as_it_stays(chain: Chain) -> None:
    payment = chain.ask()
    chain.send(payment, RAW)
    chain.confirm()
    chain.send(payment, 2_000_000, mine=3)
    chain.look()
    assert (status(payment), credit_of(payment), balance("gateway_clearing")) == ("succeeded", 274, DUE + 274)
    chain.simulator.reorganise(3)
    chain.look()
    assert (status(payment), credit_of(payment), balance("gateway_clearing")) == ("succeeded", 0, DUE)
    assert (invoice_of(payment), seen(payment)[1]) == (("paid", 0), ("reorged", "quoted"))
    assert_books_balance()


def test_a_part_leaves_the_rest_open_and_is_the_customers_balance_when_time_is_over(chain: Chain) -> None:
    payment = chain.ask()
    chain.send(payment, 10_000_000)
    chain.confirm()
    waiting = fresh(Payment, payment.id)
    assert (waiting.status, waiting.next_action["amount_text"]) == ("requires_action", "6.496351 USDC")
    assert waiting.next_action["received_text"] == "10 USDC"
    chain.let_time_pass(payment)
    ended = fresh(Payment, payment.id)
    assert (ended.status, ended.amount_minor, ended.received_minor) == ("succeeded", 13_70, 13_70)  # 10 × 1.37
    assert (invoice_of(payment), credit_of(payment), balance("gateway_clearing")) == (("open", DUE), 13_70, 13_70)
    assert open_payment(payment.invoice_id) is None
    assert_books_balance()


def test_a_part_that_a_chain_takes_back_leaves_a_bill_that_was_paid_otherwise_alone(chain: Chain) -> None:
    payment = chain.ask()
    chain.send(payment, 10_000_000)
    chain.let_time_pass(payment)
    chain.shop.method(payment.customer_id)
    charging.collect(payment.invoice_id, chain.shop.at)
    assert (invoice_of(payment), credit_of(payment)) == (("paid", 0), 13_70)
    chain.simulator.reorganise(10)
    chain.look()
    assert (status(payment), invoice_of(payment), credit_of(payment)) == ("failed", ("paid", 0), 0)
    assert balance("gateway_clearing") == DUE
    assert_books_balance()


def test_a_payment_nobody_made_ends_with_its_time(chain: Chain) -> None:
    payment = chain.ask()
    chain.let_time_pass(payment)
    assert (status(payment), invoice_of(payment)) == ("canceled", ("open", DUE))
    assert chain.ask(invoice_id=payment.invoice_id).status == "requires_action"


def test_late_money_waits_for_a_person_who_credits_it_at_the_price_of_then(chain: Chain) -> None:
    payment = chain.ask()
    chain.let_time_pass(payment)
    chain.send(payment, RAW)
    chain.confirm()
    assert (status(payment), seen(payment)) == ("canceled", [("confirmed", "review")])
    assert (credit_of(payment), balance("gateway_clearing")) == (0, 0)
    [row] = deposits_of(payment.id)
    with transaction():
        terms = chain.simulator.account() | {"rates": "USDC/CAD=1.20"}
        gateway_accounts.replace_credentials(chain.account_id, terms, chain.shop.at)
    deposits.credit(row.id, chain.shop.at)
    assert (fresh(Deposit, row.id).worth_minor, fresh(Deposit, row.id).rate) == (
        19_80,
        Decimal("1.2"),
    )  # 16.496351 × 1.2
    assert (status(payment), credit_of(payment)) == ("succeeded", 19_80)
    assert (invoice_of(payment), balance("gateway_clearing")) == (("open", DUE), 19_80)
    with pytest.raises(Conflict, match="decided"):
        deposits.credit(row.id, chain.shop.at)
    chain.confirm()
    assert credit_of(payment) == 19_80
    assert_books_balance()


def test_late_money_is_credited_by_itself_where_the_tenant_wants_it(shop: Shop, simulator: Web3Simulator) -> None:
    chain = Chain(shop, simulator, late="credit")
    payment = chain.ask()
    chain.let_time_pass(payment)
    chain.send(payment, 5_000_000)
    chain.confirm()
    assert (seen(payment), credit_of(payment)) == ([("confirmed", "credited")], 6_85)  # 5 × 1.37
    chain.send(payment, 1_000_000)
    chain.confirm()
    assert (credit_of(payment), balance("gateway_clearing")) == (8_22, 8_22)
    assert_books_balance()


def test_without_a_price_late_money_waits(shop: Shop, simulator: Web3Simulator) -> None:
    chain = Chain(shop, simulator, late="credit")
    payment = chain.ask()
    chain.let_time_pass(payment)
    with transaction():
        terms = simulator.account() | {"late": "credit", "rates": "ETH/CAD=1"}
        gateway_accounts.replace_credentials(chain.account_id, terms, shop.at)
    chain.send(payment, RAW)
    chain.confirm()
    assert seen(payment) == [("confirmed", "")]
    with transaction():
        gateway_accounts.replace_credentials(chain.account_id, simulator.account() | {"late": "credit"}, shop.at)
    chain.look()
    assert (seen(payment), credit_of(payment)) == ([("confirmed", "credited")], 22_60)


def test_a_deposit_put_aside_counts_for_nothing(chain: Chain) -> None:
    payment = chain.ask()
    chain.let_time_pass(payment)
    chain.send(payment, RAW)
    chain.confirm()
    [row] = deposits_of(payment.id)
    with transaction():
        deposits.dismiss(row.id, chain.shop.at, reason="sent back by hand")
    chain.confirm()
    assert (seen(payment), balance("gateway_clearing")) == ([("confirmed", "dismissed")], 0)


def test_another_asset_never_pays_and_is_shown(chain: Chain) -> None:
    """One that is accepted elsewhere is for a person to credit; one that is not is only told of."""
    payment = chain.ask("USDC")
    chain.send(payment, 10**19, "DAI")
    chain.send(payment, RAW, "FAKE")
    chain.send(payment, 10**18, "ETH")
    chain.confirm()
    assert status(payment) == "requires_action"
    assert sorted(seen(payment)) == [("confirmed", "foreign"), *[("confirmed", "review")] * 2]
    texts = sorted(row.text for row in deposits_of(payment.id))
    assert texts == ["1 ETH", "10 DAI", f"{RAW} units of 0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"]
    foreign = next(row for row in deposits_of(payment.id) if row.verdict == "foreign")
    with pytest.raises(Conflict, match="not accepted"):
        deposits.credit(foreign.id, chain.shop.at)


def test_an_attempt_given_up_for_another_is_still_watched(chain: Chain) -> None:
    given_up = chain.ask()
    charging.supersede(given_up.invoice_id, chain.shop.at)
    assert status(given_up) == "canceled"
    other = chain.ask("ETH", given_up.invoice_id)
    chain.send(given_up, RAW)
    chain.confirm()
    assert (status(given_up), invoice_of(given_up)) == ("succeeded", ("paid", 0))
    chain.send(other, int(chain.quote(other).raw), "ETH")
    chain.confirm()
    assert (status(other), credit_of(other), balance("gateway_clearing")) == ("succeeded", DUE, 2 * DUE)
    assert_books_balance()


def test_an_attempt_of_which_a_part_was_seen_is_not_given_up(chain: Chain) -> None:
    payment = chain.ask()
    chain.send(payment, 1_000_000)
    charging.supersede(payment.invoice_id, chain.shop.at)
    assert status(payment) == "requires_action"
    with pytest.raises(Conflict):
        chain.ask(invoice_id=payment.invoice_id)


def test_several_who_look_at_once_book_money_once(chain: Chain, app: object, in_tenant: str) -> None:
    from flask import Flask

    from app.db import tenant_scope

    assert isinstance(app, Flask)
    asked = [chain.ask() for _ in range(3)]
    for payment in asked:
        chain.send(payment, RAW)
    chain.simulator.mine(3)
    session().commit()

    def look(_: int) -> None:
        with app.app_context(), tenant_scope(in_tenant):
            chain.look()

    with ThreadPoolExecutor(4) as many:
        list(many.map(look, range(4)))
    chain.look()
    assert [status(payment) for payment in asked] == ["succeeded"] * 3
    assert (balance("gateway_clearing"), [len(seen(payment)) for payment in asked]) == (3 * DUE, [1, 1, 1])


@pytest.mark.parametrize("kind", sorted(set(FaultKind) - {FaultKind.DECLINE, FaultKind.SLOW, FaultKind.TIMEOUT_BEFORE}))
@pytest.mark.parametrize("call", [0, 3])
def test_a_node_that_fails_costs_time_and_no_money(chain: Chain, kind: FaultKind, call: int) -> None:
    payment = chain.ask()
    chain.send(payment, RAW, mine=3)
    fault = Fault(kind, seconds=60)
    chain.simulator.faults.add(*[Fault(FaultKind.SLOW, seconds=0)] * call, fault)
    if kind is not FaultKind.TIMEOUT_AFTER:
        chain.look()
        assert (status(payment), seen(payment)) == ("requires_action", [])
    chain.simulator.faults.clear()
    let_pause_end(chain.account_id)
    chain.look()
    assert (status(payment), invoice_of(payment)) == ("succeeded", ("paid", 0))


def test_a_node_of_another_chain_is_not_believed(chain: Chain) -> None:
    payment = chain.ask()
    chain.send(payment, RAW, mine=3)
    chain.simulator.chain_id = 1
    chain.look()
    assert status(payment) == "requires_action"


def test_a_claim_that_died_before_its_price_was_told_is_given_up(chain: Chain) -> None:
    invoice_id = chain.shop.debt(token=None)
    with transaction():
        invoice = payments.lock_payable(invoice_id, chain.shop.at)
        way = ways.by_payer(invoice, Hosted(chain.account_id, choice="USDC"))
        row = payments.claim(invoice, way, chain.shop.at, off_session=False)
    assert charging.check(row.id, chain.shop.at).status == "sending"
    with transaction():
        fresh(Payment, row.id).check_at = datetime.now(UTC) - timedelta(seconds=1)
    assert charging.check(row.id, chain.shop.at).status == "failed"
    assert chain.ask(invoice_id=invoice_id).number == 2


def test_an_asset_that_is_not_accepted_is_refused_before_anything_is_claimed(chain: Chain) -> None:
    invoice_id = chain.shop.debt(token=None)
    with pytest.raises(InvalidInput):
        chain.ask("FAKE", invoice_id)
    assert open_payment(invoice_id) is None


def test_an_account_that_was_disabled_is_still_watched(chain: Chain) -> None:
    payment = chain.ask()
    with transaction():
        gateway_accounts.disable(chain.account_id, chain.shop.at)
    chain.send(payment, RAW, mine=3)
    chain.look()
    assert status(payment) == "succeeded"


def test_two_accounts_with_the_same_key_share_no_address(chain: Chain) -> None:
    other = Chain.__new__(Chain)
    other.shop, other.simulator = chain.shop, chain.simulator
    with transaction():
        other.account_id = gateway_accounts.create("Same key", "web3", chain.simulator.account(), chain.shop.at).id
    addresses = [place.quote(place.ask()).address for place in (chain, other, chain, other)]
    assert len(set(addresses)) == 4


class TestPayouts:
    """Refunds: a person sends them, and the chain says whether they did."""

    ADA = "0x70997970C51812dc3A010C7d01b50e0d17dc79c9".lower()

    def paid(self, chain: Chain, choice: str = "USDC") -> Payment:
        payment = chain.ask(choice)
        chain.send(payment, int(chain.quote(payment).raw), choice)
        chain.confirm()
        return payment

    def refund(self, chain: Chain, payment: Payment, minor: int) -> Refund:
        return refunds.refund(payment.id, Money(minor, "CAD"), chain.shop.at)

    @pytest.mark.parametrize(("choice", "raw"), [("USDC", RAW // 2), ("ETH", 2_690_476_190_476_190)])
    def test_a_payout_is_done_when_the_chain_has_it_for_good(self, chain: Chain, choice: str, raw: int) -> None:
        row = self.refund(chain, self.paid(chain, choice), DUE // 2)
        assert (row.status, row.next_step["raw"], row.next_step["address"]) == ("pending", str(raw), "")
        with transaction():
            payouts.send_to(row.id, self.ADA, chain.shop.at)
        tx_hash = chain.simulator.pay(fresh(Refund, row.id).next_step["uri"])
        assert payouts.sent_with(row.id, tx_hash, chain.shop.at).status == "pending"
        chain.simulator.mine(2)
        done = refunds.check(row.id, chain.shop.at)
        assert (done.status, done.gateway_ref) == ("succeeded", tx_hash)
        assert balance("gateway_clearing") == DUE - DUE // 2
        assert_books_balance()

    def test_a_transaction_that_sends_something_else_is_not_believed(self, chain: Chain) -> None:
        row = self.refund(chain, self.paid(chain), DUE)
        with transaction():
            payouts.send_to(row.id, self.ADA, chain.shop.at)
        less = chain.simulator.send(self.ADA, RAW - 1, "USDC", mine=3)
        assert payouts.sent_with(row.id, less, chain.shop.at).status == "pending"
        told = fresh(Refund, row.id)
        assert (told.next_step["tx_hash"], "does not send this" in (told.message or "")) == ("", True)
        failed = chain.simulator.send(self.ADA, RAW, "USDC", fails=True, mine=3)
        assert payouts.sent_with(row.id, failed, chain.shop.at).status == "pending"
        assert balance("gateway_clearing") == DUE

    def test_one_transaction_is_one_refund(self, chain: Chain) -> None:
        first, second = (self.refund(chain, self.paid(chain), DUE) for _ in range(2))
        with transaction():
            for row in (first, second):
                payouts.send_to(row.id, self.ADA, chain.shop.at)
        tx_hash = chain.simulator.send(self.ADA, RAW, "USDC", mine=3)
        assert payouts.sent_with(first.id, tx_hash, chain.shop.at).status == "succeeded"
        with pytest.raises(Conflict, match="another refund"):
            payouts.sent_with(second.id, tx_hash, chain.shop.at)

    def test_an_address_with_a_mistake_or_of_ours_is_refused(self, chain: Chain) -> None:
        payment = self.paid(chain)
        row = self.refund(chain, payment, DUE)
        with pytest.raises(Conflict, match="address first"):
            payouts.sent_with(row.id, "0x" + "1" * 64, chain.shop.at)
        for address in ("ada.eth", chain.quote(payment).address, chain.quote(payment).contract):
            with pytest.raises(InvalidInput):
                payouts.send_to(row.id, address, chain.shop.at)
