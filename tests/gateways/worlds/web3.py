"""The world of an EVM chain: a node of a toy chain that makes blocks when it is told to, and payers with a wallet."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from app.domain.money import Money
from app.domain.quotes import Quote
from app.gateways.base import Gateway
from app.gateways.types import PaymentRequest, PaymentResult, QrCode
from app.gateways.web3 import Web3Gateway
from simulators.books import Taken
from simulators.web3 import NODE_KEY, Web3Simulator
from simulators.wire import served
from tests.gateways.worlds import TIMEOUT_SECONDS, SimulatedWorld

CONFIRMATIONS = 3


class TheWorld(SimulatedWorld):
    """One account of a wallet. The chain knows addresses only, so the world remembers whose they are."""

    gateway = "web3"
    simulator_class = Web3Simulator
    simulator: Web3Simulator
    hosted_line = f"POST /{NODE_KEY}"
    address = "rpc_url"
    wrong_credentials = {"rpc_url": "web3_revoked_key"}
    units = ((Money(1299, "CAD"), 1299), (Money(1, "USD"), 1))
    only_asked = True
    pays_refunds = False
    knows_keys = False

    def __init__(self, workspace: Path) -> None:
        super().__init__(workspace)
        self.asked: dict[str, tuple[str, Quote]] = {}

    @classmethod
    @contextmanager
    def begun(cls, workspace: Path) -> Iterator[Self]:
        world = cls(workspace)
        with served(Web3Simulator(block_seconds=0)) as world.simulator:
            yield world

    def open(self, **changes: str) -> Gateway:
        """A wrong key stands in the node's address."""
        wrong = changes.get("rpc_url")
        if wrong and "://" not in wrong:
            changes["rpc_url"] = f"{self.simulator.url}/{wrong}"
        return _Remembering(self, {**self.account(), **changes})

    def pay(self, result: PaymentResult) -> Mapping[str, str]:
        """The payer's wallet reads the code, and the chain grows until that is settled."""
        assert isinstance(result.next_action, QrCode)
        self.simulator.pay(result.next_action.uri, mine=CONFIRMATIONS)
        return {}

    def books(self) -> list[Taken]:
        """What came to whom, at the price of the quote."""
        every = [(self.asked[taken.key], taken) for taken in self.simulator.taken() if taken.key in self.asked]
        return [
            Taken(key, quote.address, worth.minor, worth.currency, taken.status)
            for (key, quote), taken in every
            if (worth := quote.worth(taken.units))
        ]


class _Remembering(Web3Gateway):
    """The adapter, which also tells the world for whom it made an address."""

    def __init__(self, world: TheWorld, credentials: Mapping[str, str]) -> None:
        super().__init__(credentials, timeout=TIMEOUT_SECONDS, workspace=world.workspace)
        self._asked = world.asked

    def create_payment(self, request: PaymentRequest) -> PaymentResult:
        result = super().create_payment(request)
        if result.quote:
            self._asked[result.quote.address.lower()] = (request.key, result.quote)
        return result
