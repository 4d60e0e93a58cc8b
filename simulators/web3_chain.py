"""A toy chain: blocks, the coin and three tokens going from hand to hand, and blocks that are replaced by others."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from simulators.books import Books
from simulators.calls import Json

CHAIN_ID = 31337
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
PAYER = "0x00000000000000000000000000000000000a11ce"
COIN = "ETH"
AT_MOST = 30  # blocks made at once when nobody asked for a while
FINAL_AFTER = 64


class Token(NamedTuple):
    """An ERC-20 contract."""

    address: str
    decimals: int


TOKENS: Mapping[str, Token] = {
    "USDC": Token("0x5fbdb2315678afecb367f032d93f642f64180aa3", 6),
    "DAI": Token("0xe7f1725e7734ce288f8367e1bb143e90bb3f0512", 18),
    "FAKE": Token("0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0", 6),  # nobody has to accept it
}
DECIMALS_OF: Mapping[str, int] = {token.address: token.decimals for token in TOKENS.values()}


class Chain:
    """Blocks by number, and what waits to get into one. With `block_seconds` above zero blocks come by themselves."""

    def __init__(self, books: Books, block_seconds: float) -> None:
        self.books, self.block_seconds = books, block_seconds
        self._fresh = count()
        if not self.blocks:
            self._add([], int(time.time()) - 60)

    @property
    def blocks(self) -> Mapping[str, Json]:
        return self.books.tables["blocks"]

    @property
    def head(self) -> int:
        return len(self.blocks) - 1

    @property
    def shift(self) -> int:
        """Seconds that its clock is ahead of ours."""
        return int(self.books.tables["clock"].get("shift", {}).get("seconds", 0))

    def block(self, number: int) -> Json | None:
        """A block as it is now."""
        return self.blocks.get(str(number))

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.books.tables["clock"]["shift"] = {"id": "shift", "seconds": self.shift + seconds}

    def send(self, asset: str, to: str, raw: int, *, fails: bool = False) -> str:
        """Somebody sends units of an asset to an address; gives the transaction, which waits for the next block."""
        tx_hash = self._hash("tx", asset, to, raw)
        row = {"id": tx_hash, "asset": asset, "to": to.lower(), "raw": raw, "fails": fails}
        self.books.put("pending", row)
        return tx_hash

    def mine(self, blocks: int = 1) -> None:
        """Make blocks, the first one with whatever waits."""
        for _ in range(blocks):
            waiting = list(self.books.tables["pending"].values())
            self.books.tables["pending"].clear()
            self._add(waiting, max(int(time.time()) + self.shift, self._newest["timestamp"] + 1))

    def catch_up(self) -> None:
        """The blocks that have come by themselves since."""
        passed = time.time() + self.shift - self._newest["timestamp"]
        if self.block_seconds and passed >= self.block_seconds:
            self.mine(min(int(passed / self.block_seconds), AT_MOST))

    def reorganise(self, depth: int, *, keep: bool) -> None:
        """Other blocks take the place of the newest `depth`, and one more. What was in them is gone, or waits again."""
        depth = min(depth, self.head)
        for number in range(self.head, self.head - depth, -1):
            block = self.books.tables["blocks"].pop(str(number))
            for sent in block["sent"] if keep else []:
                self.books.put("pending", sent)
        waiting = dict(self.books.tables["pending"])
        self.books.tables["pending"].clear()
        self.mine(depth)
        self.books.tables["pending"].update(waiting)
        self.mine()

    def sent(self) -> Iterator[tuple[Json, int, Json]]:
        """Every transaction in a block: the block, its place there, and what it is."""
        for block in self.blocks.values():
            for place, sent in enumerate(block["sent"]):
                yield block, place, sent

    def find(self, tx_hash: str) -> tuple[Json, int, Json] | None:
        """A transaction that is in a block."""
        return next((found for found in self.sent() if found[2]["id"] == tx_hash), None)

    def balance(self, address: str, until: int) -> int:
        """The coin that came to an address; nobody here spends any."""
        return sum(
            sent["raw"]
            for block, _, sent in self.sent()
            if (sent["asset"], sent["to"], sent["fails"]) == (COIN, address.lower(), False) and block["number"] <= until
        )

    def logs(self, first: int, last: int, addresses: Sequence[str] | None) -> list[Json]:
        """The Transfer events in blocks from `first` to `last`, to these addresses."""
        return [
            log_of(block, place, sent)
            for block, place, sent in self.sent()
            if first <= block["number"] <= last
            and sent["asset"] != COIN
            and not sent["fails"]
            and (addresses is None or sent["to"] in addresses)
        ]

    @property
    def _newest(self) -> Json:
        return self.blocks[str(self.head)]

    def _add(self, sent: list[Json], timestamp: int) -> None:
        number = len(self.blocks)
        parent = self.blocks[str(number - 1)]["hash"] if number else "0x" + "0" * 64
        made = {"id": str(number), "number": number, "parent": parent, "timestamp": timestamp, "sent": sent}
        self.books.put("blocks", made | {"hash": self._hash("block", parent, timestamp)})

    def _hash(self, *parts: object) -> str:
        told = [*parts, next(self._fresh), time.time_ns()]
        return "0x" + hashlib.sha256(repr(told).encode()).hexdigest()


def log_of(block: Json, place: int, sent: Json) -> Json:
    """The event of a token's transfer."""
    return {
        "address": TOKENS[sent["asset"]].address,
        "topics": [TRANSFER, _word(PAYER), _word(sent["to"])],
        "data": f"0x{sent['raw']:064x}",
        "blockNumber": hex(block["number"]),
        "blockHash": block["hash"],
        "transactionHash": sent["id"],
        "transactionIndex": hex(place),
        "logIndex": hex(place),
        "removed": False,
    }


def transaction_of(block: Json, place: int, sent: Json) -> Json:
    """A transaction in its block."""
    coin = sent["asset"] == COIN
    return {
        "hash": sent["id"],
        "from": PAYER,
        "to": sent["to"] if coin else TOKENS[sent["asset"]].address,
        "value": hex(sent["raw"] if coin else 0),
        "blockNumber": hex(block["number"]),
        "blockHash": block["hash"],
        "transactionIndex": hex(place),
        "nonce": hex(place),
        "gas": hex(21000),
        "gasPrice": hex(10**9),
        "input": "0x",
        "type": "0x0",
    }


def receipt_of(block: Json, place: int, sent: Json) -> Json:
    """What became of a transaction."""
    logs = [] if sent["asset"] == COIN or sent["fails"] else [log_of(block, place, sent)]
    told = transaction_of(block, place, sent)
    return {
        "transactionHash": sent["id"],
        "blockNumber": told["blockNumber"],
        "blockHash": block["hash"],
        "transactionIndex": hex(place),
        "from": PAYER,
        "to": told["to"],
        "status": "0x0" if sent["fails"] else "0x1",
        "gasUsed": hex(21000),
        "cumulativeGasUsed": hex(21000),
        "logs": logs,
    }


def block_of(block: Json, *, whole: bool) -> Json:
    """A block, with its transactions or their hashes."""
    numbered = list(enumerate(block["sent"]))
    sent: list[Any] = [transaction_of(block, place, one) for place, one in numbered]
    return {
        "number": hex(block["number"]),
        "hash": block["hash"],
        "parentHash": block["parent"],
        "timestamp": hex(block["timestamp"]),
        "transactions": sent if whole else [one["hash"] for one in sent],
        "extraData": "0x",
        "gasLimit": hex(30_000_000),
        "gasUsed": hex(21000 * len(sent)),
        "miner": "0x" + "0" * 40,
        "uncles": [],
    }


def _word(address: str) -> str:
    return "0x" + address[2:].lower().zfill(64)
