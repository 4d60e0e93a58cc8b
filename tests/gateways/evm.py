"""A real EVM: anvil where it is on the PATH, else py-evm in the process. With an ERC-20 contract, compiled when it is
asked for, and chains that turn.

The token is written for these tests and does what the standard asks for and no more (eips.ethereum.org/EIPS/eip-20).
"""

import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import vyper
from eth_tester import EthereumTester, PyEVMBackend
from web3 import EthereumTesterProvider, HTTPProvider, Web3
from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint

from app.gateways.web3_node import Node, node_at
from app.processes import wait_until
from tests.gateways.worlds import free_port

ANVIL_SECONDS = 20
SEED = "7"  # of accounts that are none of the addresses paid to: those are of the mnemonic that anvil has by itself
SUPPLY = 10**15
TOKEN = """
from ethereum.ercs import IERC20
implements: IERC20

decimals: public(constant(uint8)) = 6
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])

@deploy
def __init__(supply: uint256):
    self.totalSupply = supply
    self.balanceOf[msg.sender] = supply
    log IERC20.Transfer(sender=empty(address), receiver=msg.sender, value=supply)

@external
def transfer(receiver: address, amount: uint256) -> bool:
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[receiver] += amount
    log IERC20.Transfer(sender=msg.sender, receiver=receiver, value=amount)
    return True

@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    self.allowance[owner][msg.sender] -= amount
    self.balanceOf[owner] -= amount
    self.balanceOf[receiver] += amount
    log IERC20.Transfer(sender=owner, receiver=receiver, value=amount)
    return True

@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    log IERC20.Approval(owner=msg.sender, spender=spender, value=amount)
    return True
"""


class Evm(ABC):
    """A chain of its own, whose accounts have coin, and on which tokens can be deployed."""

    def __init__(self, provider: JSONBaseProvider, node: Node) -> None:
        self.node, self.web3 = node, Web3(provider)
        self.owner, self.payer = self.web3.eth.accounts[:2]

    @abstractmethod
    def mine(self, blocks: int = 1) -> None:
        """Make empty blocks."""

    @abstractmethod
    def wait_until(self, instant: float) -> None:
        """Let the chain's clock go on to an instant (Unix seconds)."""

    @abstractmethod
    def mark(self) -> Any:
        """A point to which the chain can turn back."""

    @abstractmethod
    def turn(self, mark: Any, blocks: int) -> None:
        """Other, empty blocks take the place of all since the mark."""

    def deploy(self) -> str:
        """A new token, all of it the owner's; gives its contract."""
        abi, bytecode = _compiled()
        made = self.web3.eth.contract(abi=abi, bytecode=bytecode).constructor(SUPPLY).transact({"from": self.owner})
        return str(self.web3.eth.wait_for_transaction_receipt(made)["contractAddress"])

    def pay_token(self, contract: str, to: str, raw: int, sender: str = "") -> str:
        """The owner, or another sender, sends tokens; gives the transaction, which is in a block at once."""
        token = self.web3.eth.contract(Web3.to_checksum_address(contract), abi=_compiled()[0])
        return _hex(token.functions.transfer(to, raw).transact({"from": sender or self.owner, "gas": 200_000}))

    def pay_coin(self, to: str, raw: int) -> str:
        """The payer sends coin."""
        return _hex(self.web3.eth.send_transaction({"from": self.payer, "to": to, "value": raw}))

    def head(self) -> int:
        """The number of the newest block."""
        return int(self.web3.eth.block_number)


class PyEvm(Evm):
    """py-evm, in this process."""

    def __init__(self) -> None:
        self.tester = EthereumTester(PyEVMBackend())
        super().__init__(EthereumTesterProvider(self.tester), Node(EthereumTesterProvider(self.tester)))

    def mine(self, blocks: int = 1) -> None:
        self.tester.mine_blocks(blocks)

    def wait_until(self, instant: float) -> None:
        self.tester.time_travel(int(instant))
        self.mine()

    def mark(self) -> Any:
        return self.tester.take_snapshot()

    def turn(self, mark: Any, blocks: int) -> None:
        self.tester.revert_to_snapshot(mark)
        self.mine(blocks)


class Anvil(Evm):
    """anvil of Foundry at its address; the adapter asks it over HTTP, as it asks any node."""

    def __init__(self, url: str) -> None:
        super().__init__(HTTPProvider(url), node_at(url, ANVIL_SECONDS))

    def mine(self, blocks: int = 1) -> None:
        self._ask("anvil_mine", [hex(blocks)])

    def wait_until(self, instant: float) -> None:
        self._ask("evm_setNextBlockTimestamp", [int(instant)])
        self.mine()

    def mark(self) -> Any:
        return self.head()

    def turn(self, mark: Any, blocks: int) -> None:
        depth = self.head() - mark
        self._ask("anvil_reorg", [depth, []])
        self.mine(blocks - depth)

    def _ask(self, method: str, words: list[Any]) -> None:
        answer = self.web3.provider.make_request(RPCEndpoint(method), words)
        assert "error" not in answer, answer


@contextmanager
def chain() -> Iterator[Evm]:
    """A chain for the length of a block."""
    program = shutil.which("anvil")
    if program is None:
        yield PyEvm()
        return
    port = free_port()
    words = [program, "--port", str(port), "--silent", "--mnemonic-seed-unsafe", SEED]
    with subprocess.Popen(words) as process:
        assert wait_until(lambda: Web3(HTTPProvider(f"http://127.0.0.1:{port}")).is_connected(), ANVIL_SECONDS)
        yield Anvil(f"http://127.0.0.1:{port}")
        process.kill()


@cache
def _compiled() -> tuple[Any, str]:
    made = vyper.compile_code(TOKEN, output_formats=["abi", "bytecode"])
    return made["abi"], made["bytecode"]


def _hex(value: bytes) -> str:
    return "0x" + bytes(value).hex()
