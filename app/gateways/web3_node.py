"""A node of an EVM chain, over JSON-RPC with web3: what is asked of it, and its errors in our words.

Everything here only reads, so whatever goes wrong has surely done nothing and may be asked again: there is no
OutcomeUnknown.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

import requests
from eth_typing import ChecksumAddress, HexStr
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.exceptions import BlockNotFound, TransactionNotFound, Web3Exception, Web3RPCError
from web3.middleware import ExtraDataToPOAMiddleware
from web3.providers import JSONBaseProvider
from web3.types import BlockData, FilterParams, LogReceipt, TxReceipt

from app.domain.quotes import Transfer
from app.gateways.errors import GatewayRefused, GatewayUnavailable, RateLimited
from app.gateways.sessions import LastingSession
from app.gateways.transport import wait_of

# keccak256("Transfer(address,address,uint256)"): the event of every ERC-20 token (eips.ethereum.org/EIPS/eip-20).
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
DECIMALS = "0x313ce567"  # the selector of decimals()
COIN = ""
IN_COIN = -1  # the log index of what has no log
CONNECT_SECONDS = 3
BLOCKS_AT_ONCE = 2000  # of logs; nodes refuse more, each at a limit of its own, and then it is halved
ADDRESSES_AT_ONCE = 500
RATE_LIMITED = -32005  # EIP-1474 "limit exceeded", which nodes also say of a range with too many results
# Nodes agree on no code for a range that is too wide; these words are in what they say.
_TOO_WIDE = re.compile(r"range|results|logs|response size|too (large|many blocks)|limited to", re.IGNORECASE)
# What HTTP providers say of a wrong key or address.
_REFUSED = (400, 401, 403, 404, 405)
Found = TypeVar("Found")


@lru_cache(maxsize=128)
def node_at(url: str, timeout: int) -> "Node":
    """The node at an address, one for all threads; `timeout` in seconds."""
    wait = (min(CONNECT_SECONDS, timeout), timeout)
    options = {"timeout": wait}
    return Node(HTTPProvider(url, options, session=LastingSession(), exception_retry_configuration=None))


class Node:
    """One node. Every verb may raise GatewayUnavailable, RateLimited or GatewayRefused."""

    def __init__(self, provider: JSONBaseProvider) -> None:
        provider.global_ccip_read_enabled = False  # a contract must not make us call addresses of its choice
        self._web3 = Web3(provider)
        self._web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)

    def chain_id(self) -> int:
        """Which chain it follows."""
        with calling():
            return self._web3.eth.chain_id

    def head(self) -> int:
        """The number of the newest block."""
        with calling():
            return int(self._web3.eth.block_number)

    def finalized(self) -> int:
        """The newest block that the chain itself calls final."""
        with calling():
            return int(self._web3.eth.get_block("finalized")["number"])

    def block_hash(self, number: int) -> str | None:
        """The hash of a block as the chain has it now; None when the chain is not that long."""
        with calling():
            try:
                return _hex(self._web3.eth.get_block(number)["hash"])
            except BlockNotFound:
                return None

    def block_time(self, number: int) -> datetime:
        """When a block was made, UTC."""
        with calling():
            return _time(self._web3.eth.get_block(number))

    def balance(self, address: str, block: int) -> int:
        """The coin at an address after a block, in wei."""
        with calling():
            return int(self._web3.eth.get_balance(_address(address), block))

    def decimals(self, contract: str) -> int:
        """The decimals of a token. Raises GatewayRefused when there is no such token."""
        with calling():
            answer = self._web3.eth.call({"to": _address(contract), "data": HexStr(DECIMALS)})
        if len(answer) != 32 or int.from_bytes(answer) > 77:
            raise GatewayRefused(f"There is no ERC-20 token at {contract} on this chain.")
        return int.from_bytes(answer)

    def token_transfers(self, first: int, last: int, addresses: Sequence[str]) -> list[Transfer]:
        """Transfers of any token to these addresses in the blocks from `first` to `last`, both inclusive."""
        found = [
            log
            for some in _chunks(addresses, ADDRESSES_AT_ONCE)
            for start in range(first, last + 1, BLOCKS_AT_ONCE)
            for log in self._logs(start, min(start + BLOCKS_AT_ONCE - 1, last), some)
        ]
        times = self._times({int(log["blockNumber"]) for log in found})
        return [_token_transfer(log, times[int(log["blockNumber"])]) for log in found]

    def coin_transfers(self, first: int, last: int, addresses: Iterable[str]) -> list[Transfer]:
        """The coin sent to these addresses by transactions of the blocks from `first` to `last`, both inclusive.

        What a contract sends along has no trace here: `balance` shows it.
        """
        watched = {address.lower() for address in addresses}
        return [found for number in range(first, last + 1) for found in self._coin_in(number, watched)]

    def receipt(self, tx_hash: str) -> TxReceipt | None:
        """What became of a transaction; None while it is in no block."""
        with calling():
            return _if_there(lambda: self._web3.eth.get_transaction_receipt(HexStr(tx_hash)))

    def sent_by(self, tx_hash: str) -> list[Transfer]:
        """The transfers of one transaction, to whomever; none while it is in no block, or when it failed."""
        receipt = self.receipt(tx_hash)
        if receipt is None or receipt["status"] != 1:
            return []
        with calling():
            sent = self._web3.eth.get_transaction(HexStr(tx_hash))
            block = self._web3.eth.get_block(receipt["blockNumber"])
        coin = [_coin_transfer(block, sent)] if sent["value"] and sent.get("to") else []
        return coin + [_token_transfer(log, _time(block)) for log in receipt["logs"] if _is_transfer(log)]

    def _went_through(self, tx_hash: HexBytes) -> bool:
        receipt = self.receipt(_hex(tx_hash))
        return receipt is not None and receipt["status"] == 1

    def _coin_in(self, number: int, watched: set[str]) -> list[Transfer]:
        with calling():
            block = self._web3.eth.get_block(number, full_transactions=True)
        sent: Sequence[Any] = block["transactions"]
        found = [one for one in sent if str(one.get("to") or "").lower() in watched and one["value"]]
        return [_coin_transfer(block, one) for one in found if self._went_through(one["hash"])]

    def _logs(self, first: int, last: int, addresses: Sequence[str]) -> list[LogReceipt]:
        """The transfers in a range of blocks, in halves when that is too much for the node."""
        to = ["0x" + address[2:].lower().zfill(64) for address in addresses]
        asked = FilterParams(fromBlock=first, toBlock=last, topics=[TRANSFER, None, to])
        try:
            with calling():
                return [log for log in self._get_logs(asked) if not log.get("removed")]
        except TooWide:
            middle = (first + last) // 2
            return self._logs(first, middle, addresses) + self._logs(middle + 1, last, addresses)

    def _get_logs(self, asked: FilterParams) -> Sequence[LogReceipt]:
        try:
            return self._web3.eth.get_logs(asked)
        except Web3RPCError as error:
            if asked["fromBlock"] < asked["toBlock"] and _TOO_WIDE.search(_said(error)):  # type: ignore[operator]
                raise TooWide from None
            raise

    def _times(self, numbers: set[int]) -> dict[int, datetime]:
        return {number: self.block_time(number) for number in numbers}


class TooWide(Exception):
    """More blocks than the node looks through at once."""


@contextmanager
def calling() -> Iterator[None]:
    """Ask a node in this block. Its address, which may hold a key, and its own words stay out of what is raised."""
    try:
        yield
    except requests.HTTPError as error:
        raise _http_failure(error.response) from None
    except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL, requests.exceptions.MissingSchema):
        raise GatewayRefused("The node's address is none: it begins with https://.") from None
    except requests.RequestException as error:
        raise GatewayUnavailable(f"The node gave no answer: {type(error).__name__}.") from None
    except Web3RPCError as error:
        raise _rpc_failure(error) from None
    except (Web3Exception, json.JSONDecodeError, UnicodeDecodeError, KeyError) as error:
        raise GatewayUnavailable(f"The node gave an answer that is none: {type(error).__name__}.") from None


def _http_failure(response: requests.Response | None) -> GatewayRefused | GatewayUnavailable:
    status = response.status_code if response is not None else 0
    if response is not None and status == 429:
        return RateLimited("The node takes no more requests for now.", wait_of(response.headers))
    if status in _REFUSED:
        return GatewayRefused(f"The node refuses us (HTTP {status}): look at its address and the key in it.")
    return GatewayUnavailable(f"The node gave no answer: HTTP {status}.")


def _rpc_failure(error: Web3RPCError) -> GatewayUnavailable:
    code = _fault(error).get("code")
    if code == RATE_LIMITED:
        return RateLimited("The node takes no more requests for now.")
    return GatewayUnavailable(f"The node could not answer: error {code}.")


def _said(error: Web3RPCError) -> str:
    return str(_fault(error).get("message") or "")


def _fault(error: Web3RPCError) -> Mapping[str, Any]:
    answer: Any = error.rpc_response or {}
    return answer.get("error") or {}


def _if_there(retrieve: Callable[[], Found]) -> Found | None:
    try:
        return retrieve()
    except TransactionNotFound:
        return None


def _is_transfer(log: LogReceipt) -> bool:
    return bool(log["topics"]) and _hex(log["topics"][0]) == TRANSFER and len(log["topics"]) >= 3


def _token_transfer(log: LogReceipt, at: datetime) -> Transfer:
    """What a log tells. A token that cannot be divided (ERC-721) has the same event with no amount: that is zero."""
    return Transfer(
        tx_hash=_hex(log["transactionHash"]),
        log_index=int(log["logIndex"]),
        contract=_address(log["address"]),
        sender=_address(_hex(log["topics"][1])[-40:]),
        address=_address(_hex(log["topics"][2])[-40:]),
        raw=int.from_bytes(HexBytes(log["data"])[:32]),
        block=int(log["blockNumber"]),
        block_hash=_hex(log["blockHash"]),
        at=at,
    )


def _coin_transfer(block: BlockData, sent: Any) -> Transfer:
    return Transfer(
        tx_hash=_hex(sent["hash"]),
        log_index=IN_COIN,
        contract=COIN,
        sender=_address(sent["from"]),
        address=_address(sent["to"]),
        raw=int(sent["value"]),
        block=int(block["number"]),
        block_hash=_hex(block["hash"]),
        at=_time(block),
    )


def _time(block: BlockData) -> datetime:
    return datetime.fromtimestamp(int(block["timestamp"]), UTC)


def _hex(value: bytes) -> str:
    return "0x" + bytes(value).hex()


def _address(text: str) -> ChecksumAddress:
    return Web3.to_checksum_address(text if text.startswith("0x") else f"0x{text}")


def _chunks(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))
