"""The adapter of Web3 against a real EVM with a compiled ERC-20: what is asked, sent, confirmed, and taken back."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_typing import HexStr

from app.domain.money import Money
from app.domain.quotes import Quote
from app.gateways.errors import GatewayRefused
from app.gateways.types import PaymentRef, PaymentRequest, PaymentResult, PaymentStatus, QrCode, Watch
from app.gateways.web3 import Web3Gateway
from app.ids import new_id
from simulators.web3 import XPUB
from tests.gateways.contract import PAYER
from tests.gateways.evm import Evm, chain

CONFIRMATIONS = 3
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def evm() -> Iterator[Evm]:
    """One chain for all of these tests: each pays to addresses of its own."""
    with chain() as found:
        yield found


@pytest.fixture(scope="module")
def token(evm: Evm) -> str:
    return evm.deploy()


@pytest.fixture
def gateway(evm: Evm, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web3Gateway]:
    """An account that takes the coin and the token, at 2.00 CAD for a token."""
    monkeypatch.setattr("app.gateways.web3.node_at", lambda _url, _timeout: evm.node)
    entered = {
        "xpub": XPUB,
        "rpc_url": "http://unused",
        "assets": f"ETH, USDC={token}",
        "rates": "ETH/CAD=4000, USDC/CAD=2",
        "confirmations": str(CONFIRMATIONS),
    }
    return Web3Gateway(entered, timeout=5, workspace=tmp_path)


def asked(gateway: Web3Gateway, choice: str, minor: int = 1000) -> PaymentResult:
    request = PaymentRequest(new_id("pay"), Money(minor, "CAD"), PAYER, choice=choice, number=next(NUMBERS))
    return gateway.create_payment(request)


def quote_in(result: PaymentResult) -> Quote:
    assert result.quote
    return result.quote


def stands(gateway: Web3Gateway, quote: Quote) -> PaymentResult:
    found = gateway.fetch_payment(PaymentRef("pay_1", quote.address, quote=quote))
    assert found
    return found


def status(gateway: Web3Gateway, quote: Quote) -> PaymentStatus:
    return stands(gateway, quote).status


def pay(evm: Evm, quote: Quote, raw: int) -> str:
    contract = quote.asset.contract
    return evm.pay_token(contract, quote.address, raw) if contract else evm.pay_coin(quote.address, raw)


def test_the_chain_and_the_decimals_are_read_once_and_kept(gateway: Web3Gateway, evm: Evm, token: str) -> None:
    completed = gateway.completed_credentials()
    assert (completed["chain_id"], completed["assets"]) == (str(evm.web3.eth.chain_id), f"ETH, USDC={token}:6")
    with pytest.raises(GatewayRefused, match="has 6 decimals"):
        Web3Gateway(
            {**completed, "assets": f"USDC={token}:18"}, timeout=5, workspace=gateway.workspace
        ).check_credentials()
    nobody = {**completed, "assets": f"USDC={evm.payer}"}
    with pytest.raises(GatewayRefused, match="no ERC-20 token"):
        Web3Gateway(nobody, timeout=5, workspace=gateway.workspace).check_credentials()
    with pytest.raises(GatewayRefused, match="Ethereum"):
        Web3Gateway({**completed, "chain_id": "1"}, timeout=5, workspace=gateway.workspace).check_credentials()


@pytest.mark.parametrize(
    ("choice", "raw", "text"),
    [("USDC", 5_000_000, "5 USDC"), ("ETH", 2_500_000_000_000_000, "0.0025 ETH")],  # 10.00 ÷ 2 and 10.00 ÷ 4000
)
def test_a_payment_is_asked_for_seen_and_confirmed(
    gateway: Web3Gateway, evm: Evm, token: str, choice: str, raw: int, text: str
) -> None:
    begun = asked(gateway, choice)
    quote, code = quote_in(begun), begun.next_action
    assert isinstance(code, QrCode)
    link = f"{token}@{evm.web3.eth.chain_id}/transfer?address={quote.address}&uint256={raw}"
    coin = f"{quote.address}@{evm.web3.eth.chain_id}?value={raw}"
    assert (begun.status, quote.raw, code.amount_text) == (PaymentStatus.REQUIRES_ACTION, raw, text)
    assert code.uri == f"ethereum:{link if choice == 'USDC' else coin}"
    pay(evm, quote, raw)
    for _ in range(CONFIRMATIONS - 1):
        assert status(gateway, quote) is PaymentStatus.PENDING
        evm.mine()
    paid = stands(gateway, quote)
    assert (paid.status, paid.amount) == (PaymentStatus.SUCCEEDED, Money(1000, "CAD"))


def test_a_part_leaves_the_rest_to_be_sent(gateway: Web3Gateway, evm: Evm) -> None:
    quote = quote_in(asked(gateway, "USDC"))
    pay(evm, quote, 2_000_000)
    code = stands(gateway, quote).next_action
    assert isinstance(code, QrCode)
    assert (code.amount_text, code.received_text) == ("3 USDC", "2 USDC")
    pay(evm, quote, 4_000_000)
    evm.mine(CONFIRMATIONS - 1)
    paid = stands(gateway, quote)
    assert (paid.status, paid.amount) == (PaymentStatus.SUCCEEDED, Money(1200, "CAD"))  # 6 tokens at 2.00


def test_the_coin_for_a_token_and_another_token_count_for_nothing(gateway: Web3Gateway, evm: Evm) -> None:
    quote = quote_in(asked(gateway, "USDC"))
    evm.pay_coin(quote.address, 10**18)
    evm.pay_token(evm.deploy(), quote.address, 5_000_000)
    evm.mine(CONFIRMATIONS)
    assert status(gateway, quote) is PaymentStatus.REQUIRES_ACTION
    found = gateway.watch(Watch([quote.address], [quote.address], quote.from_block))
    assert [(one.contract == quote.asset.contract, one.raw) for one in found.transfers] == [
        (False, 5_000_000),
        (False, 10**18),
    ]


def test_a_transaction_that_failed_moves_nothing(gateway: Web3Gateway, evm: Evm, token: str) -> None:
    quote = quote_in(asked(gateway, "USDC"))
    failed = evm.pay_token(token, quote.address, quote.raw, sender=evm.payer)  # who has none
    evm.mine(CONFIRMATIONS)
    assert evm.web3.eth.get_transaction_receipt(HexStr(failed))["status"] == 0
    assert evm.node.sent_by(failed) == []
    assert status(gateway, quote) is PaymentStatus.REQUIRES_ACTION


@pytest.mark.parametrize("choice", ["USDC", "ETH"])
def test_what_a_chain_takes_back_is_gone_and_counts_when_it_comes_again(
    gateway: Web3Gateway, evm: Evm, choice: str
) -> None:
    quote = quote_in(asked(gateway, choice))
    coin = [] if quote.asset.contract else [quote.address]
    mark = evm.mark()
    pay(evm, quote, quote.raw)
    evm.mine(1)
    seen = gateway.watch(Watch([quote.address], coin, quote.from_block))
    assert (len(seen.transfers), status(gateway, quote)) == (1, PaymentStatus.PENDING)
    evm.turn(mark, blocks=4)
    again = gateway.watch(Watch([quote.address], coin, seen.tip.head, seen.last_hash))
    assert (again.transfers, again.coin_first <= seen.transfers[0].block) == ([], True)
    assert status(gateway, quote) is PaymentStatus.REQUIRES_ACTION
    pay(evm, quote, quote.raw)
    evm.mine(CONFIRMATIONS)
    assert status(gateway, quote) is PaymentStatus.SUCCEEDED


def test_a_chain_that_has_not_turned_is_read_on_and_not_again(gateway: Web3Gateway, evm: Evm) -> None:
    quote = quote_in(asked(gateway, "ETH"))
    pay(evm, quote, quote.raw)
    seen = gateway.watch(Watch([quote.address], [quote.address], quote.from_block))
    evm.mine()
    later = gateway.watch(Watch([quote.address], [quote.address], seen.tip.head, seen.last_hash))
    assert (len(seen.transfers), later.transfers, later.coin_first) == (1, [], seen.tip.head + 1)


def test_time_that_is_over_ends_it(gateway: Web3Gateway, evm: Evm) -> None:
    """The last of these tests: the clock of the chain goes on, and never back."""
    nothing, part = quote_in(asked(gateway, "USDC")), quote_in(asked(gateway, "USDC"))
    pay(evm, part, 2_000_000)
    evm.wait_until(part.closes_at.timestamp() + 60)
    assert status(gateway, part) is PaymentStatus.REQUIRES_ACTION  # the last block in time is not final yet
    evm.mine(CONFIRMATIONS)
    pay(evm, nothing, 5_000_000)
    evm.mine(CONFIRMATIONS)
    late, under = stands(gateway, nothing), stands(gateway, part)
    assert (late.status, late.amount) == (PaymentStatus.CANCELED, None)
    assert (under.status, under.amount, under.to_balance) == (PaymentStatus.SUCCEEDED, Money(400, "CAD"), True)
