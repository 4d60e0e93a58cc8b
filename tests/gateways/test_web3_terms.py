"""What a tenant enters for a chain: keys, assets, prices. Private keys are refused before they are kept."""

from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from app.domain.errors import InvalidInput
from app.domain.quotes import Rate
from app.gateways.errors import GatewayError, GatewayRefused, GatewayUnavailable, RateLimited
from app.gateways.web3 import Web3Gateway
from app.gateways.web3_rates import FirstOf, Peg, PriceService, Table
from app.gateways.web3_terms import Terms, checked_address
from simulators.web3 import XPUB

ENTERED = {"xpub": XPUB, "rpc_url": "https://node.example/key", "assets": "ETH"}
TOKEN = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
# m/44'/60'/0' of the same mnemonic, and what else people paste.
PRIVATE = {
    "an extended private key": "xprv" + XPUB[4:],
    "a private key": "0x" + "ac" * 32,
    "a mnemonic": "test test test test test test test test test test test junk",
}


def test_addresses_are_those_of_the_wallet() -> None:
    """The first accounts of the mnemonic that every test wallet of Ethereum uses."""
    terms = Terms.read(ENTERED)
    assert [terms.address(number) for number in range(3)] == [
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    ]


@pytest.mark.parametrize("key", PRIVATE.values(), ids=PRIVATE)
def test_a_private_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(InvalidInput, match="private key") as refused:
        Web3Gateway.check_entered(ENTERED | {"xpub": key})
    assert refused.value.field == "xpub"
    assert key not in str(refused.value)


WRONG = {
    "no key": ({"xpub": "hello"}, "xpub"),
    "a mistyped key": ({"xpub": XPUB[:-1] + "x"}, "xpub"),
    "no assets": ({"assets": " , "}, "assets"),
    "a token without its contract's digits": ({"assets": "USDC=0x12"}, "assets"),
    "a contract with a mistake in it": ({"assets": f"USDC={TOKEN.replace('A', 'a', 1)}"}, "assets"),
    "the same symbol twice": ({"assets": f"ETH, ETH={TOKEN}"}, "assets"),
    "a price that is none": ({"rates": "ETH=4200"}, "rates"),
    "a price of zero": ({"rates": "ETH/CAD=0"}, "rates"),
    "a price service that is not told what for": ({"rates_url": "https://prices.example/"}, "rates_url"),
    "no confirmations": ({"confirmations": "0"}, "confirmations"),
    "a quote for an hour": ({"minutes": "60"}, "minutes"),
    "a quote for a moment": ({"minutes": "1"}, "minutes"),
    "half of it forgiven": ({"tolerance": "50"}, "tolerance"),
    "late money for nobody": ({"late": "keep"}, "late"),
    "a chain by its name": ({"chain_id": "mainnet"}, "chain_id"),
}


@pytest.mark.parametrize(("change", "field"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_used_is_refused_where_it_stands(change: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Web3Gateway.check_entered(ENTERED | change)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("text", "kept"),
    [(TOKEN, TOKEN), (TOKEN.lower(), TOKEN), (f" {TOKEN} ", TOKEN), ("0x" + TOKEN[2:].upper(), TOKEN)],
)
def test_an_address_is_kept_with_its_checksum(text: str, kept: str) -> None:
    assert checked_address(text) == kept


@pytest.mark.parametrize("text", ["", "0x12", TOKEN.replace("A", "a", 1), "0x" + "0" * 40, "ada.eth"])
def test_an_address_with_a_mistake_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        checked_address(text)


TABLE = Table.read("ETH/CAD=4200.50, usdc/usd 0.98\nDAI/USD: 1.004")


@pytest.mark.parametrize(
    ("symbol", "currency", "price"),
    [("ETH", "CAD", "4200.50"), ("USDC", "USD", "0.98"), ("DAI", "USD", "1.004"), ("ETH", "USD", None)],
)
def test_the_tenants_own_table_has_what_stands_in_it(symbol: str, currency: str, price: str | None) -> None:
    assert TABLE.rate(symbol, currency) == (Rate(Decimal(price), currency, "own table") if price else None)


def test_a_stablecoin_is_at_par_while_it_holds_its_peg_and_refused_beyond() -> None:
    source = Peg(TABLE, {"USDC": "USD", "DAI": "USD"}, Decimal(1))
    assert source.rate("DAI", "USD") == Rate(Decimal(1), "USD", "par, by own table")  # 0.4 % off
    with pytest.raises(GatewayRefused, match="off its peg"):
        source.rate("USDC", "USD")  # 2 % off
    assert source.rate("ETH", "CAD") == TABLE.rate("ETH", "CAD")


@pytest.fixture
def prices() -> Iterator[tuple[str, dict[str, Any]]]:
    """A price service, and what it is to answer: a status and a body by path."""
    answers: dict[str, Any] = {}

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, b"{}"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *words: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Service)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{{symbol}}-{{currency}}", answers
    server.shutdown()
    server.server_close()


def test_a_price_service_is_asked_where_the_tenant_says(prices: tuple[str, dict[str, Any]]) -> None:
    url, answers = prices
    answers["/ETH-CAD"] = 200, b'{"data": {"amount": "4200.123456789012345", "currency": "CAD"}}'
    source = FirstOf((Table.read("ETH/USD=3000"), PriceService(url, "data.amount", 2)))
    assert source.rate("ETH", "CAD") == Rate(Decimal("4200.123456789012"), "CAD", "127.0.0.1")
    assert source.rate("ETH", "USD") == Rate(Decimal(3000), "USD", "own table")
    assert source.rate("SHIB", "CAD") is None


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (429, b"", RateLimited),
        (500, b"", GatewayUnavailable),
        (403, b"", GatewayRefused),
        (200, b"not json", GatewayUnavailable),
        (200, b'{"price": -1}', GatewayUnavailable),
        (200, b'{"price": "NaN"}', GatewayUnavailable),
        (200, b'{"price": {}}', GatewayUnavailable),
        (200, b'{"price": ' + b"1" * 200_000 + b"}", GatewayUnavailable),
    ],
)
def test_a_price_service_without_a_price_is_told_in_our_words(
    prices: tuple[str, dict[str, Any]], status: int, body: bytes, error: type[GatewayError]
) -> None:
    url, answers = prices
    answers["/ETH-CAD"] = status, body
    with pytest.raises(error):
        PriceService(url, "price", 2).rate("ETH", "CAD")
