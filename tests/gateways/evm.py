"""A real EVM in the process (py-evm), with an ERC-20 contract compiled when it is asked for, and chains that turn.

The token is written for these tests and does what the standard asks for and no more (eips.ethereum.org/EIPS/eip-20).
"""

from functools import cache
from typing import Any

import vyper
from eth_tester import EthereumTester, PyEVMBackend
from web3 import EthereumTesterProvider, Web3

from app.gateways.web3_node import Node

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


class Evm:
    """A chain of its own, whose accounts have coin, and on which tokens can be deployed."""

    def __init__(self) -> None:
        self.tester = EthereumTester(PyEVMBackend())
        provider = EthereumTesterProvider(self.tester)
        self.node = Node(provider)
        self.web3 = Web3(EthereumTesterProvider(self.tester))
        self.owner, self.payer = self.web3.eth.accounts[:2]

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

    def mine(self, blocks: int = 1) -> None:
        """Make empty blocks."""
        self.tester.mine_blocks(blocks)

    def head(self) -> int:
        """The number of the newest block."""
        return int(self.web3.eth.block_number)

    def wait_until(self, instant: float) -> None:
        """Let the chain's clock go on to an instant (Unix seconds)."""
        self.tester.time_travel(int(instant))
        self.mine()

    def mark(self) -> Any:
        """A point to which the chain can turn back."""
        return self.tester.take_snapshot()

    def turn(self, mark: Any, blocks: int) -> None:
        """Other, empty blocks take the place of all since the mark."""
        self.tester.revert_to_snapshot(mark)
        self.mine(blocks)


@cache
def _compiled() -> tuple[Any, str]:
    made = vyper.compile_code(TOKEN, output_formats=["abi", "bytecode"])
    return made["abi"], made["bytecode"]


def _hex(value: bytes) -> str:
    return "0x" + bytes(value).hex()
