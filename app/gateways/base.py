"""The payment port: what every gateway is and does. A new gateway is one adapter file and one line in the registry."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Flag, auto
from itertools import chain
from pathlib import Path
from typing import ClassVar

from app.domain.money import Money
from app.domain.quotes import Asset, Quote, Rate, Tip, Transfer
from app.gateways.errors import Unsupported
from app.gateways.types import (
    BrowserForm,
    Choice,
    Dispute,
    NextAction,
    Notice,
    PaymentRef,
    PaymentRequest,
    PaymentResult,
    Payout,
    RawRequest,
    RefundRef,
    RefundRequest,
    RefundResult,
    SavedMethod,
    SaveMethodRequest,
    SetupRequest,
    Sightings,
    Transaction,
    Watch,
)


class Capability(Flag):
    """What a gateway can do beyond taking and looking up a payment."""

    NONE = 0
    SAVE_METHOD = auto()
    OFF_SESSION = auto()
    RESUME = auto()
    CAPTURE = auto()
    PARTIAL_CAPTURE = auto()  # … of a part, once: the rest is let go
    VOID = auto()
    REFUND = auto()
    PARTIAL_REFUND = auto()
    MULTI_REFUND = auto()
    WEBHOOKS = auto()
    LIST_TRANSACTIONS = auto()
    DISPUTES = auto()
    SETUP = auto()
    METHOD_UPDATES = auto()
    HOSTED = auto()  # takes a payment without a token: on its own page, by a code to scan, or on the payer's phone
    ANY_AMOUNT = auto()  # payers send what they like: less than asked for is booked as it came
    PHONE = auto()  # … and needs the payer's phone number for that
    CHOICES = auto()  # … in one of several ways that the payer chooses among
    NUMBERED = auto()  # needs a number for each attempt that no other one ever had
    PAYOUT = auto()  # refunds are sent by a person, and we look whether they were
    WATCH = auto()  # tells nobody that money came: we have to look
    CHALLENGE = auto()  # can have the payer's bank ask them, however harmless a payment looks
    KEEP = auto()  # … and keeps what was paid with, when asked (`save_method`)
    FORM = auto()  # has a form of its own for pages of ours, which keeps, too; once the account is set up for it


# A declared capability ⇔ an implemented verb; the contract suite holds every adapter to it.
VERBS: Mapping[Capability, tuple[str, ...]] = {
    Capability.SAVE_METHOD: ("save_method", "forget_method"),
    Capability.RESUME: ("resume_payment",),
    Capability.CAPTURE: ("capture",),
    Capability.VOID: ("void",),
    Capability.REFUND: ("refund", "fetch_refund"),
    Capability.WEBHOOKS: ("parse_webhook",),
    Capability.LIST_TRANSACTIONS: ("list_transactions",),
    Capability.DISPUTES: ("fetch_dispute",),
    Capability.SETUP: ("begin_setup",),
    Capability.FORM: ("browser_form",),
    Capability.METHOD_UPDATES: ("fetch_method",),
    Capability.PAYOUT: ("addressed",),
    Capability.CHOICES: ("choices",),
    Capability.WATCH: ("watch", "judge", "accepted", "rate"),
}


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One field of the form in which a tenant enters an account's credentials."""

    name: str
    label: str
    secret: bool = True
    required: bool = True
    help: str = ""


class Gateway(ABC):
    """One account at one gateway. Instances may be shared by threads; every verb may raise `gateways.errors`."""

    name: ClassVar[str]
    title: ClassVar[str]
    currencies: ClassVar[frozenset[str] | None] = None  # None: whatever the account is set up for
    capabilities: ClassVar[Capability] = Capability.NONE
    credentials: ClassVar[tuple[CredentialField, ...]] = ()
    setup_page: ClassVar[bool] = True  # methods are left on a page of the gateway, too, and not by its form alone
    setup_answers: ClassVar[tuple[str, ...]] = ("token",)  # query parameters that payers bring back from `begin_setup`
    challenges: ClassVar[frozenset[str]] = frozenset({"card"})  # kinds of kept methods that `CHALLENGE` is about
    tells_refunds: ClassVar[bool] = True  # when asked, how a refund ended; where not, a person may have to look
    holds_for: ClassVar[timedelta] = timedelta(days=7)  # how long what was authorized can surely be captured
    tells_holds: ClassVar[bool] = True  # when asked, whether that still can be; where not, it ends with its time
    holds_pages: ClassVar[bool] = True  # with CAPTURE: what is paid on the gateway's page can be authorized only, too
    credits_late = False  # money on a chain that is not what was asked for is credited, without a person to decide

    def __init__(self, credentials: Mapping[str, str], *, timeout: int, workspace: Path) -> None:
        """`timeout` is the longest wait for an answer in seconds; `workspace` a directory for state of its own."""
        self.secrets = credentials
        self.timeout = timeout
        self.workspace = workspace

    @abstractmethod
    def create_payment(self, request: PaymentRequest) -> PaymentResult:
        """Charge, or begin a payment that the payer must finish. The same key never charges twice."""

    @abstractmethod
    def fetch_payment(self, ref: PaymentRef) -> PaymentResult | None:
        """How the payment stands. None: the gateway surely knows no payment with this key."""

    @classmethod
    def check_entered(cls, _credentials: Mapping[str, str]) -> None:
        """Raises InvalidInput, naming the field, for credentials that must not even be kept. Asks nobody."""
        return

    def completed_credentials(self) -> Mapping[str, str]:
        """The credentials with what the gateway itself says of them filled in, to be kept for good."""
        return self.secrets

    def check_credentials(self) -> None:
        """Raises GatewayRefused when the credentials do not work. Asks about a payment that cannot exist."""
        self.fetch_payment(PaymentRef(key="connection-test"))

    def choices(self, currency: str) -> Sequence[Choice]:
        """The ways that a payer in this currency can choose among, the usual one first. Asks nobody."""
        raise self._unsupported("choices")

    def addressed(self, payout: Payout, address: str) -> Payout:
        """A payout to the address that the customer gave. Raises InvalidInput for one that is none. Asks nobody."""
        raise self._unsupported("addressed")

    def watch(self, request: Watch) -> Sightings:
        """Look for money that came since the last look."""
        raise self._unsupported("watch")

    def judge(self, quote: Quote, transfers: Sequence[Transfer], tip: Tip) -> PaymentResult:
        """How a payment stands by the money that came to its address. Asks nobody."""
        raise self._unsupported("judge")

    def accepted(self, contract: str) -> Asset | None:
        """The asset behind a contract, or the chain's coin for none; None when we do not take it. Asks nobody."""
        raise self._unsupported("accepted")

    def rate(self, asset: Asset, currency: str) -> Rate:
        """What the asset costs now. Raises GatewayRefused when nobody says so."""
        raise self._unsupported("rate")

    def resume_payment(self, ref: PaymentRef, answer: Mapping[str, str]) -> PaymentResult:
        """The payer came back from the gateway's page with these query parameters."""
        raise self._unsupported("resume_payment")

    def browser_form(self) -> BrowserForm | None:
        """The gateway's own form for our pages; None for an account that is not set up for it. Asks nobody."""
        raise self._unsupported("browser_form")

    def begin_setup(self, request: SetupRequest) -> NextAction:
        """Show the payer the gateway's own form for leaving a method; `save_method` takes what it gives."""
        raise self._unsupported("begin_setup")

    def save_method(self, request: SaveMethodRequest) -> SavedMethod:
        """Keep a method for later charges. Raises MethodRefused when the payer's bank will not have it kept."""
        raise self._unsupported("save_method")

    def fetch_method(self, token: str) -> SavedMethod | None:
        """A kept method as it is now: a bank may have replaced the card behind it. None: it is gone."""
        raise self._unsupported("fetch_method")

    def forget_method(self, token: str) -> None:
        """Drop a kept method at the gateway; no error when it is gone already."""
        raise self._unsupported("forget_method")

    def capture(self, ref: PaymentRef, part: Money | None = None) -> PaymentResult:
        """Take money that was only authorized: all, or a part (`Capability.PARTIAL_CAPTURE`), and never the rest."""
        raise self._unsupported("capture")

    def void(self, ref: PaymentRef) -> PaymentResult:
        """Give up an authorized or unfinished payment."""
        raise self._unsupported("void")

    def refund(self, request: RefundRequest) -> RefundResult:
        """Send money back. The same key never refunds twice."""
        raise self._unsupported("refund")

    def fetch_refund(self, ref: RefundRef) -> RefundResult | None:
        """How the refund stands. None: the gateway surely knows no refund with this key."""
        raise self._unsupported("fetch_refund")

    def parse_webhook(self, request: RawRequest) -> list[Notice]:
        """The notices in a webhook, after checking its signature. Raises InvalidSignature."""
        raise self._unsupported("parse_webhook")

    def webhook_answer(self, request: RawRequest) -> Mapping[str, str | int]:
        """What the gateway wants to hear once a webhook is stored, as a JSON object; most want an empty 2xx."""
        return {}

    def fetch_dispute(self, gateway_ref: str) -> Dispute | None:
        """How a dispute stands, by the gateway's reference. None: there is no such dispute."""
        raise self._unsupported("fetch_dispute")

    def list_transactions(self, since: datetime, until: datetime) -> Sequence[Transaction]:
        """The gateway's own list over [since, until), UTC, for reconciliation."""
        raise self._unsupported("list_transactions")

    def _without_secrets(self, text: str) -> str:
        """What a gateway said, fit for staff and logs: our own secrets, should it repeat them, are blanked."""
        secret = (self.secrets.get(field.name, "") for field in self.credentials if field.secret)
        for word in sorted(chain.from_iterable(map(str.split, secret)), key=len, reverse=True):
            text = text.replace(word, "[secret]")
        return text

    def _unsupported(self, verb: str) -> Unsupported:
        return Unsupported(f"{self.title} cannot {verb.replace('_', ' ')}.")
