"""A node of a toy chain, over JSON-RPC (ethereum.org/developers/docs/apis/json-rpc), and a wallet that pays its links.

The node wants its key in the path, as providers do, and looks through so many blocks of logs at once and no more.
"""

import re
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from simulators.books import Taken
from simulators.calls import Answer, Call, Json, Refusal
from simulators.frame import Simulator, action, route
from simulators.post import Delivery, Event, Route
from simulators.web3_chain import (
    CHAIN_ID,
    COIN,
    DECIMALS_OF,
    FINAL_AFTER,
    TOKENS,
    Chain,
    block_of,
    receipt_of,
    transaction_of,
)

NODE_KEY = "web3_simulator"
BLOCK_SECONDS = 2.0
RANGE = 500  # blocks of logs
DECIMALS = "0x313ce567"
# The account m/44'/60'/0' of the mnemonic that every test wallet of Ethereum uses ("test test … junk").
XPUB = "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP"
# ethereum:<address>@<chain>?value=…, or ethereum:<token>@<chain>/transfer?address=…&uint256=…
_LINK = re.compile(
    r"ethereum:(0x[0-9a-fA-F]{40})@(\d+)(?:\?value=(\d+)|/transfer\?address=(0x[0-9a-fA-F]{40})&uint256=(\d+))"
)


class Fault(Exception):
    """A JSON-RPC error (jsonrpc.org/specification, section 5.1)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.body = {"code": code, "message": message}


class Web3Simulator(Simulator):
    """One node. Prices are for the tenant to enter; `account` has some."""

    name = "web3"

    def __init__(self, books: Path | None = None, *, block_seconds: float = BLOCK_SECONDS) -> None:
        super().__init__(books)
        self.chain = Chain(self.books, block_seconds)
        self.chain_id = CHAIN_ID
        self.range = RANGE

    def account(self) -> dict[str, str]:
        return {
            "xpub": XPUB,
            "rpc_url": f"{self.url}/{NODE_KEY}",
            "assets": f"{COIN}, USDC={TOKENS['USDC'].address}:6~USD, DAI={TOKENS['DAI'].address}:18~USD",
            "rates": "ETH/CAD=4200, ETH/USD=3000, USDC/CAD=1.37, USDC/USD=1, DAI/CAD=1.36, DAI/USD=0.999",
            "confirmations": "3",
            "chain_id": str(CHAIN_ID),
        }

    def authenticate(self, call: Call) -> None:
        """The key is the last part of the address; a wrong one comes back in the message."""
        if call.parts["key"] != NODE_KEY:
            raise Refusal(401, {"error": f"The project {call.parts['key']} is not known."})

    def idempotency_key(self, call: Call) -> str | None:
        return None  # a node is only asked

    def trouble(self, status: int, code: str) -> Refusal:
        return Refusal(status, {"jsonrpc": "2.0", "id": None, "error": {"code": -32603, "message": code}})

    def sign(self, event: Event, route: Route) -> Delivery:
        raise NotImplementedError("A node tells nobody anything by itself.")

    def taken(self) -> list[Taken]:
        """What came to whom. A chain knows addresses and none of our keys."""
        return [
            Taken(sent["to"], sent["id"], sent["raw"], sent["asset"], "mined")
            for _, _, sent in self.chain.sent()
            if not sent["fails"]
        ]

    @route("POST", "/{key}")
    def rpc(self, call: Call) -> Answer:
        """One request of JSON-RPC."""
        self.chain.catch_up()
        asked = _request(call)
        told: Json = {"jsonrpc": "2.0", "id": asked.get("id")}
        try:
            return Answer(told | {"result": self._verb(asked["method"])(*asked["params"])})
        except Fault as fault:
            return Answer(told | {"error": fault.body})
        except (TypeError, ValueError, KeyError, AttributeError):
            return Answer(told | {"error": {"code": -32602, "message": f"invalid params for {asked['method']}"}})

    @route("GET", "/wallet", public=True)
    def wallet(self, call: Call) -> Answer:
        """A page to paste a payment link into."""
        return _page("Paste the link of a payment here, and it is sent.")

    @route("POST", "/wallet", public=True)
    def wallet_sends(self, call: Call) -> Answer:
        """Send what the link asks for."""
        try:
            return _page(f"Sent: {self.pay(call.form.get('uri', '').strip())}")
        except ValueError as error:
            return _page(str(error))

    @action
    def send(self, to: str, raw: int, asset: str = COIN, fails: bool = False, mine: int = 1) -> str:
        """Somebody sends units of an asset to an address; gives the transaction. `mine`: so many blocks follow."""
        if asset != COIN and asset not in TOKENS:
            raise ValueError(f"There is no {asset} here.")
        tx_hash = self.chain.send(asset, to, raw, fails=fails)
        self.chain.mine(mine)
        return tx_hash

    @action
    def pay(self, uri: str, mine: int = 1) -> str:
        """A wallet does what a payment link (EIP-681) says; gives the transaction."""
        asset, to, raw = self.read(uri)
        return self.send(to, raw, asset, mine=mine)

    @action
    def mine(self, blocks: int = 1) -> int:
        """Make blocks; gives the number of the newest."""
        self.chain.mine(blocks)
        return self.chain.head

    @action
    def wait(self, seconds: int) -> None:
        """Let time pass on the chain, and a block be made then."""
        self.chain.wait(seconds)
        self.chain.mine()

    @action
    def reorganise(self, depth: int, keep: bool = False) -> None:
        """Other blocks replace the newest ones; what was in them is gone, or with `keep` in a later block."""
        self.chain.reorganise(depth, keep=keep)

    def read(self, uri: str) -> tuple[str, str, int]:
        """What a payment link asks for: asset, address, units. Raises ValueError for anything else."""
        found = _LINK.fullmatch(uri)
        if not found or int(found[2]) != self.chain_id:
            raise ValueError(f"That is no payment link for chain {self.chain_id}.")
        target, _, value, to, raw = found.groups()
        if value:
            return COIN, target, int(value)
        symbol = next((name for name, token in TOKENS.items() if token.address == target.lower()), None)
        if symbol is None:
            raise ValueError(f"There is no token at {target}.")
        return symbol, to, int(raw)

    def _verb(self, method: str) -> Callable[..., Any]:
        verbs: Mapping[str, Callable[..., Any]] = {
            "eth_chainId": lambda: hex(self.chain_id),
            "eth_blockNumber": lambda: hex(self.chain.head),
            "eth_getBlockByNumber": self._block,
            "eth_getLogs": self._logs,
            "eth_getBalance": lambda address, block: hex(self.chain.balance(address, self._number(block))),
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_call": self._call,
        }
        if method not in verbs:
            raise Fault(-32601, f"the method {method} does not exist/is not available")
        return verbs[method]

    def _block(self, number: str, whole: bool) -> Json | None:
        found = self.chain.block(self._number(number))
        return block_of(found, whole=whole) if found else None

    def _logs(self, asked: Json) -> list[Json]:
        first, last = self._number(asked["fromBlock"]), self._number(asked["toBlock"])
        if last - first >= self.range:
            raise Fault(-32602, f"query exceeds max block range {self.range}")
        topic, _, to = asked["topics"]
        addresses = ["0x" + word[-40:] for word in ([to] if isinstance(to, str) else to)]
        return self.chain.logs(first, last, addresses) if topic else []

    def _transaction(self, tx_hash: str) -> Json | None:
        found = self.chain.find(tx_hash)
        return transaction_of(*found) if found else None

    def _receipt(self, tx_hash: str) -> Json | None:
        found = self.chain.find(tx_hash)
        return receipt_of(*found) if found else None

    def _call(self, asked: Json, _block: str) -> str:
        decimals = DECIMALS_OF.get(asked["to"].lower())
        if asked.get("data", asked.get("input")) != DECIMALS or decimals is None:
            return "0x"
        return f"0x{decimals:064x}"

    def _number(self, word: str) -> int:
        named = {"latest": self.chain.head, "earliest": 0, "finalized": max(0, self.chain.head - FINAL_AFTER)}
        return named[word] if word in named else int(word, 16)


def _request(call: Call) -> Json:
    try:
        asked = call.json
    except ValueError:
        raise Refusal(200, _fault(-32700, "parse error")) from None
    if not isinstance(asked, dict) or asked.get("jsonrpc") != "2.0" or not isinstance(asked.get("params"), list):
        raise Refusal(200, _fault(-32600, "invalid request"))
    return asked


def _fault(code: int, message: str) -> Json:
    return {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}


def _page(sentence: str) -> Answer:
    return Answer(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Wallet</title><main><h1>Wallet</h1>'
        f"<p>{escape(sentence)}</p>"
        '<form method="post"><input name="uri" size="100" aria-label="Link"> <button>Send</button></form></main>'
    )
