"""A world is one gateway with everything around it that a contract test needs: its other end, payers, banks and time.

A new gateway brings one file here, named like it, with one `World`. What cannot happen in a world is left out of its
tables, and the suite then leaves out the tests that are about it.
"""

import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

import requests

from app.domain.money import Money
from app.gateways import open_gateway
from app.gateways.base import Gateway
from app.gateways.types import Payer, PaymentResult, RawRequest, Redirect
from simulators.books import Taken
from simulators.faults import Fault, FaultKind
from simulators.frame import Simulator
from simulators.wire import served

TIMEOUT_SECONDS = 1


class World(ABC):
    """What the contract suite asks of every gateway's surroundings."""

    gateway: ClassVar[str]
    currency: ClassVar[str] = "CAD"
    wrong_credentials: ClassVar[Mapping[str, str]]
    step: ClassVar[int] = 1  # amounts are multiples of so many minor units of the currency
    phone: ClassVar[str] = ""  # the payer's, for a gateway that asks for it
    # What payers can leave: `ok`, and where a gateway has them `approve`, `delayed`, `slow_refund`, `lost_refund`. None
    # of them for a gateway that payers only pay without a token.
    tokens: ClassVar[Mapping[str, str]] = {}
    # Token → our word for why it is declined.
    declines: ClassVar[Mapping[str, str]] = {}
    # What payers without a token can do instead of paying → our word for why the payment failed by it.
    refusals: ClassVar[Mapping[str, str]] = {}
    # Our amount → the gateway's units; and amounts that it has no number for.
    units: ClassVar[Sequence[tuple[Money, int]]] = ()
    too_fine: ClassVar[Sequence[Money]] = ()
    faults: ClassVar[frozenset[FaultKind]] = frozenset(FaultKind) - {FaultKind.DECLINE, FaultKind.SLOW}
    refused_method: ClassVar[tuple[str, str] | None] = None  # a token that cannot be kept, and our word for why
    pays_refunds: ClassVar[bool] = True  # by itself, and no person has to
    only_asked: ClassVar[bool] = False  # nothing is sent there that it could execute, compare or close: we only ask
    repeats_action: ClassVar[bool] = True  # what the payer has to do is told again when asked
    finds_begun: ClassVar[bool] = False  # what a payer was to finish is found by our key though its answer was lost
    knows_keys: ClassVar[bool] = True  # the gateway itself takes a key of ours once only
    repeats_answers: ClassVar[bool] = True  # … and asked again gives the same answer as before
    has_setup_page: ClassVar[bool] = False  # methods are left on one
    keeps_while_paying: ClassVar[bool] = False
    lists_refunds: ClassVar[bool] = True
    tells_refunds: ClassVar[bool] = True  # by a webhook as soon as they are sent
    finds_refunds: ClassVar[bool] = True  # by our key
    signs: ClassVar[bool] = True  # webhooks prove who sent them
    signs_body: ClassVar[bool] = True  # … and what they were sent with
    signs_time: ClassVar[bool] = False  # … and when
    tells_key: ClassVar[bool] = True  # webhooks name our key
    replaces_cards: ClassVar[bool] = True  # with METHOD_UPDATES: banks send new cards, or payers only take theirs back
    kept_as: ClassVar[tuple[str, str | None, str | None, int | None]] = ("card", "visa", "4242", 2034)
    finds_bare_keys: ClassVar[bool] = True  # by our key alone, without the request and its time
    asks_by_repeating: ClassVar[bool] = False  # a charge is asked about by sending it again, which makes it if need be
    acts_at_once: ClassVar[bool] = True  # what is done to a payment is done when it is answered, and not told of later
    remembers_voids: ClassVar[bool] = True  # also of a payment that was not authorized yet
    asked_about_disputes: ClassVar[bool] = True  # else the webhook brings how they stand

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace

    @classmethod
    @contextmanager
    def begun(cls, workspace: Path) -> Iterator[Self]:
        """The world for the length of a test."""
        yield cls(workspace)

    def open(self, **changes: str) -> Gateway:
        """The adapter, with the right credentials but for the changes."""
        credentials = {**self.account(), **changes}
        return open_gateway(self.gateway, credentials, timeout=TIMEOUT_SECONDS, workspace=self.workspace)

    @abstractmethod
    def account(self) -> Mapping[str, str]:
        """The right credentials."""

    def money(self, minor: int) -> Money:
        """So many cents, or steps where the gateway takes no single cents."""
        return Money(minor * self.step, self.currency)

    def token(self, name: str) -> str | None:
        """A token by what it does; None for a name without one: the payer pays without."""
        return self.tokens.get(name)

    def leave(self, name: str, payer: Payer) -> str:
        """A payer leaves a method; gives the one-time token. Where that is a token like any other, it is enough."""
        return self.tokens[name]

    @abstractmethod
    def books(self) -> list[Taken]:
        """What the gateway itself says it took."""

    @abstractmethod
    def strike(self, kind: FaultKind, token: str = "ok") -> None:
        """Let the next charge with this token go wrong."""

    @abstractmethod
    def cut_off(self) -> Gateway:
        """The adapter, when nothing at all can be reached."""

    def answer(self, result: PaymentResult, *, approve: bool) -> Mapping[str, str]:
        """The payer approves or refuses on their bank's page; gives the query they come back with."""
        raise NotImplementedError

    def pay(self, result: PaymentResult) -> Mapping[str, str]:
        """The payer does what is left to do and has paid; gives the query they come back with."""
        assert isinstance(result.next_action, Redirect)
        return self.pay_page(result.next_action.url)

    def refuse(self, result: PaymentResult, choice: str) -> None:
        """The payer does one of the `refusals` instead of paying."""
        raise NotImplementedError

    def settle(self, gateway_ref: str) -> None:
        """The money of a delayed payment arrives."""
        raise NotImplementedError

    def settle_refund(self, gateway_ref: str, *, succeeds: bool) -> None:
        """A refund that was on its way arrives or comes back."""
        raise NotImplementedError

    def pay_page(self, url: str) -> Mapping[str, str]:
        """The payer pays on the gateway's page; gives the query they come back with."""
        raise NotImplementedError

    def webhook(self, *, secret: str | None = None, age: int = 0) -> RawRequest:
        """The newest webhook, signed `age` seconds ago with the account's or another secret."""
        raise NotImplementedError

    def rotating(self, *secrets: str) -> Mapping[str, str]:
        """Credentials with several webhook secrets at once."""
        raise NotImplementedError

    def dispute(self, gateway_ref: str) -> str:
        """The payer disputes a payment; gives the dispute's reference."""
        raise NotImplementedError

    def replace_card(self, token: str) -> None:
        """The payer's bank replaces the card behind a kept method by one that ends in 1881."""
        raise NotImplementedError


class SimulatedWorld(World):
    """A world whose other end is an HTTP simulator."""

    simulator_class: ClassVar[type[Simulator]]
    simulator: Simulator
    charge_line: ClassVar[str] = ""
    hosted_line: ClassVar[str] = ""  # the same for a payment without a token
    refund_line: ClassVar[str] = ""
    address: ClassVar[str] = "base_url"

    @classmethod
    @contextmanager
    def begun(cls, workspace: Path) -> Iterator[Self]:
        world = cls(workspace)
        with served(cls.simulator_class()) as world.simulator:
            yield world

    def account(self) -> Mapping[str, str]:
        return self.simulator.account()

    def books(self) -> list[Taken]:
        return self.simulator.taken()

    def strike(self, kind: FaultKind, token: str = "ok") -> None:
        self.simulator.faults.add(Fault(kind, on=self.charge_line if self.token(token) else self.hosted_line))

    def strike_refund(self, kind: FaultKind) -> None:
        """Let the next refund go wrong."""
        self.simulator.faults.add(Fault(kind, on=self.refund_line))

    def cut_off(self) -> Gateway:
        return self.open(**{self.address: f"http://127.0.0.1:{free_port()}"})

    def answer(self, result: PaymentResult, *, approve: bool) -> Mapping[str, str]:
        assert isinstance(result.next_action, Redirect)
        return browse(result.next_action.url, "approve" if approve else "refuse")


def browse(url: str, choice: str) -> Mapping[str, str]:
    """Press a button on a simulator's page; gives the query of the address it leads to."""
    answer = requests.post(url, data={"choice": choice}, allow_redirects=False, timeout=5)
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def world_class(gateway: str) -> type[World]:
    """The world of a gateway. Raises ModuleNotFoundError for a gateway without one: it cannot be in the registry."""
    found: type[World] = import_module(f"tests.gateways.worlds.{gateway}").TheWorld
    return found


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as ear:
        port: int = ear.getsockname()[1]
    return port
