"""What goes to a gateway and what comes back: frozen values, the same for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import urlsplit

from app.domain.declines import Decline
from app.domain.money import Money
from app.domain.quotes import Quote, Tip, Transfer


class PaymentStatus(StrEnum):
    """How a payment stands at the gateway."""

    REQUIRES_ACTION = "requires_action"
    PENDING = "pending"
    AUTHORIZED = "authorized"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class RefundStatus(StrEnum):
    """How a refund stands at the gateway."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class DisputeStatus(StrEnum):
    """How a dispute stands at the gateway. `WON` is ours: the money stays, or came back."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class NoticeKind(StrEnum):
    """What a notice is about, and so what is to be looked up now."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    METHOD = "method"


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays, as far as gateways need to know."""

    customer_id: str
    name: str
    email: str
    country: str | None = None
    gateway_ref: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """One attempt to collect. `key` is our idempotency key; the same key never charges twice.

    `token` is a saved method's token or a one-time token of the gateway's own form. `off_session` says that the payer
    is not there to answer questions. `return_url` is where the gateway sends the payer back to. `phone` is the payer's
    number for gateways that ask for it (`Capability.PHONE`), in international form without the plus: 254712345678.
    `choice` is one of the gateway's `choices`, or empty for its first one. `number` is this attempt's alone
    (`Capability.NUMBERED`). `challenge` wants the payer's bank to ask them (3-D Secure; `Capability.CHALLENGE`).
    `by_form`: without a token, the gateway's own form can be shown where the payer is (`Capability.FORM`).
    """

    key: str
    amount: Money
    payer: Payer
    token: str | None = None
    off_session: bool = False
    save_method: bool = False
    capture: bool = True
    description: str = ""
    reference: str = ""
    return_url: str = ""
    phone: str = ""
    choice: str = ""
    number: int | None = None
    challenge: bool = False
    by_form: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the ways that an account can be paid, for the payer to choose among: `name` for us, `title` for them."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class PaymentRef:
    """A payment we ask about: our key always, the gateway's reference once it is known.

    `started_at` (UTC) and `request`, the payment as it was first asked for, help a gateway that cannot be asked by our
    key: it looks through the payer's payments or through those of that hour. `quote` is the one it was given, if any.
    """

    key: str
    gateway_ref: str | None = None
    started_at: datetime | None = None
    request: PaymentRequest | None = None
    quote: Quote | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the payer to this page; they come back to the return URL."""

    url: str


@dataclass(frozen=True, slots=True)
class QrCode:
    """Show a code to scan, until it expires (UTC).

    For who types it in: exactly `amount_text`, to `address` on `network`, where the gateway has such. `received_text`
    is what came of it already, when it was less than all.
    """

    uri: str
    amount_text: str
    expires_at: datetime
    address: str = ""
    network: str = ""
    received_text: str = ""


@dataclass(frozen=True, slots=True)
class PhonePrompt:
    """The payer answers on this phone."""

    msisdn: str


@dataclass(frozen=True, slots=True)
class ClientToken:
    """The gateway's own form, in the browser, goes on with this token."""

    token: str
    public_key: str


@dataclass(frozen=True, slots=True)
class BrowserForm:
    """What a page needs to show a gateway's own form: the address of its script, and what else it has to let in.

    `sources` are the hosts by directive of the page's Content-Security-Policy. A form that gives us a one-time token,
    for `PaymentRequest.token` or `save_method`, says as a pattern what that looks like (`gives`); any other tells the
    gateway itself.
    """

    script: str
    sources: Mapping[str, Sequence[str]]
    gives: str = ""

    def at(self, base_url: str) -> "BrowserForm":
        """The same form of a stand-in for the gateway: everything comes from its own address. Empty: the gateway's."""
        if not base_url:
            return self
        place, path = urlsplit(base_url), urlsplit(self.script).path
        host = f"{place.scheme}://{place.netloc}"
        return replace(self, script=host + path, sources=dict.fromkeys(self.sources, (host,)))


NextAction = Redirect | QrCode | PhonePrompt | ClientToken


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A method that can be charged later: the gateway's token, and what a payer recognises it by.

    `fingerprint` is the gateway's name for the card or bank account behind it, the same whoever leaves it; None where
    the gateway gives none.
    """

    token: str
    kind: str = "card"
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Checks:
    """What the gateway thinks of a payment: `risk` is normal, elevated or highest; None where nothing was checked."""

    risk: str | None = None
    cvc: bool | None = None
    address: bool | None = None
    postal_code: bool | None = None


@dataclass(frozen=True, slots=True)
class PaymentResult:
    """How a payment stands. `amount` is what the gateway says it took (minor units of `amount.currency`).

    Without a `next_action`, a payment that still requires one requires what was told before.

    `fee` is in the currency the gateway settles in, which may be another one. `to_balance`: this money is not what was
    asked for, and becomes the customer's balance instead of paying the invoice. `quote` is what the payer was told.
    """

    status: PaymentStatus
    gateway_ref: str | None = None
    amount: Money | None = None
    fee: Money | None = None
    decline: Decline | None = None
    next_action: NextAction | None = None
    saved_method: SavedMethod | None = None
    checks: Checks | None = None
    to_balance: bool = False
    quote: Quote | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """What to look for on a chain: money for these addresses, after block `last`, which had the hash `last_hash` then.

    `coin_addresses` are those of them where the chain's own coin is looked for, too.
    """

    addresses: Sequence[str]
    coin_addresses: Sequence[str]
    last: int
    last_hash: str = ""


@dataclass(frozen=True, slots=True)
class Sightings:
    """What was found on a chain, read up to `tip.head`, whose hash is `last_hash`.

    Blocks were read anew from `first` on, for the chain's coin from `coin_first` on: what was seen in them earlier and
    is not among `transfers` is gone. `behind` says that the chain goes on beyond what was read.
    """

    transfers: Sequence[Transfer]
    tip: Tip
    last_hash: str
    first: int
    coin_first: int
    behind: bool


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """A payer wants to leave a method on the gateway's own form. `currency` is the one they will be charged in.

    They come back to `return_url` with a query parameter (`Gateway.setup_answers`), which is what `save_method` takes.
    `by_form`: see `PaymentRequest`.
    """

    key: str
    payer: Payer
    return_url: str
    currency: str
    by_form: bool = False


@dataclass(frozen=True, slots=True)
class SaveMethodRequest:
    """A one-time token of the gateway's own form, to be kept for later charges."""

    token: str
    payer: Payer


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Money back for a payment. `key` is our idempotency key; `amount` is at most what is left of the payment."""

    key: str
    payment: PaymentRef
    amount: Money
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RefundRef:
    """A refund we ask about, and what somebody was to do for it."""

    key: str
    payment: PaymentRef
    gateway_ref: str | None = None
    next_step: "RefundStep | None" = None


@dataclass(frozen=True, slots=True)
class ClaimLink:
    """The payer claims the refund on this page and says there where the money shall go."""

    url: str


@dataclass(frozen=True, slots=True)
class Payout:
    """A person sends exactly `raw` units (a number in digits) from a wallet of theirs to `address`, which the customer
    gives: it is never the sender's, who may be an exchange. What they enter as `tx_hash` counts once the chain has it.
    """

    chain_id: int
    contract: str
    raw: str
    amount_text: str
    network: str
    address: str = ""
    uri: str = ""
    tx_hash: str = ""


RefundStep = ClaimLink | Payout


@dataclass(frozen=True, slots=True)
class RefundResult:
    """How a refund stands. `next_step` is what somebody has to do before the money goes back."""

    status: RefundStatus
    gateway_ref: str | None = None
    message: str = ""
    next_step: RefundStep | None = None


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A webhook exactly as it came: the bytes that were signed, and the headers in lower case.

    The age of a signature is measured at `received_at` (UTC), however much later the notice is worked on.
    """

    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified hint that something happened. `dedupe` tells two deliveries of one notice from two notices.

    It names what to look up: the payment or refund (with an empty key where the gateway names its own reference only),
    the dispute by the gateway's reference, or the token of a saved method that changed or is gone.

    `result` is how the thing stands, from a gateway that cannot be asked: facts that its signature covers, and nothing
    else that decides. Without one, what the notice names is looked up.
    """

    kind: NoticeKind
    dedupe: str
    payment: PaymentRef | None = None
    refund: RefundRef | None = None
    dispute_ref: str | None = None
    method_token: str | None = None
    result: "PaymentResult | RefundResult | Dispute | None" = None


@dataclass(frozen=True, slots=True)
class Dispute:
    """A payer's bank wants money back. `amount` is what is disputed; evidence is taken until `respond_by` (UTC).

    `said_at` is when the gateway said so of itself (UTC), where that is no answer to a question.
    """

    gateway_ref: str
    payment: PaymentRef
    status: DisputeStatus
    amount: Money
    reason: str
    opened_at: datetime
    respond_by: datetime | None = None
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """One row of the gateway's own list, for reconciliation.

    `kind` is payment, refund, dispute, dispute_reversal, payout or fee. `amount` is never negative; that of a payment
    or refund is in the payer's currency, `fee` in the one the gateway settles in. `key` is ours, where it is known.
    `payment_ref` is the gateway's reference of the payment that a refund belongs to.
    """

    kind: str
    gateway_ref: str
    key: str | None
    amount: Money
    at: datetime
    fee: Money | None = None
    payment_ref: str | None = None
