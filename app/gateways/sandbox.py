"""The sandbox gateway: an honest fake behind the same port as the real ones.

What it does is decided by the token of the method (`TOKENS`, also printed in docs/gateways.md). It books every charge
in a bank file of its own, by idempotency key, so that our books can be compared with "the bank".
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.domain.declines import decline_for
from app.domain.money import Money
from app.gateways.base import Capability, CredentialField, Gateway
from app.gateways.errors import GatewayRefused, GatewayUnavailable, OutcomeUnknown
from app.gateways.sandbox_bank import SETTLES_AFTER_SECONDS, Charge, SandboxBank
from app.gateways.types import (
    PaymentRef,
    PaymentRequest,
    PaymentResult,
    PaymentStatus,
    Redirect,
    RefundRef,
    RefundRequest,
    RefundResult,
    RefundStatus,
    SavedMethod,
    SaveMethodRequest,
    Transaction,
)

SLOW_ANSWER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a token makes the bank do. `outcome` None: nothing is charged and no answer comes."""

    brand: str
    last4: str
    outcome: str | None
    text: str
    decline: str | None = None
    answers: bool = True
    slow: bool = False
    reachable: bool = True


TOKENS: Mapping[str, Behaviour] = {
    "tok_ok": Behaviour("visa", "4242", "succeeded", "charged at once"),
    "tok_soft_decline": Behaviour("visa", "9995", "failed", "soft decline: not enough money", "insufficient_funds"),
    "tok_hard_decline": Behaviour("visa", "9979", "failed", "hard decline: reported stolen", "stolen_card"),
    "tok_expired": Behaviour("visa", "0069", "failed", "hard decline: card expired", "expired_card"),
    "tok_auth": Behaviour("mastercard", "3155", "requires_action", "the payer must approve on the bank's page"),
    "tok_delayed": Behaviour("sepa", "3000", "pending", f"settles after {SETTLES_AFTER_SECONDS} seconds"),
    "tok_charged_no_answer": Behaviour("visa", "0259", "succeeded", "charged, but the answer is lost", answers=False),
    "tok_no_answer": Behaviour("visa", "0127", None, "not charged, and no answer comes", answers=False),
    "tok_unavailable": Behaviour("visa", "0119", None, "the bank cannot be reached", reachable=False),
    "tok_slow": Behaviour(
        "visa", "0077", "succeeded", f"charged at once, answered after {SLOW_ANSWER_SECONDS} seconds", slow=True
    ),
}


class SandboxGateway(Gateway):
    """Takes no money. `api_key` must begin with `sandbox_`, so that wrong credentials can be tried too."""

    name = "sandbox"
    title = "Sandbox"
    capabilities = (
        Capability.SAVE_METHOD
        | Capability.OFF_SESSION
        | Capability.CHALLENGE
        | Capability.RESUME
        | Capability.VOID
        | Capability.REFUND
        | Capability.PARTIAL_REFUND
        | Capability.MULTI_REFUND
        | Capability.LIST_TRANSACTIONS
    )
    credentials = (
        CredentialField("api_key", "API key", help="Anything that begins with sandbox_."),
        CredentialField("page_url", "Bank page", secret=False, help="Where payers approve: …/sandbox-bank"),
    )

    @property
    def bank(self) -> SandboxBank:
        """The bank's book, which is one for all accounts: payers at the bank know a charge by its reference alone."""
        return SandboxBank(self.workspace.parent / "sandbox-bank.sqlite3", self.workspace.name)

    def create_payment(self, request: PaymentRequest) -> PaymentResult:
        """Do what the token says; an unknown token is GatewayRefused. An off-session payer cannot approve anything."""
        self._authenticate()
        behaviour = self._behaviour(request.token)
        if not behaviour.reachable:
            raise GatewayUnavailable("The sandbox bank cannot be reached.")
        if behaviour.outcome is None:
            raise OutcomeUnknown("The sandbox bank did not answer.")
        charge = self.bank.charge(
            request.key,
            request.token or "",
            request.amount.minor,
            request.amount.currency,
            *_outcome(behaviour, request),
            request.return_url,
        )
        if (charge.minor, charge.currency) != (request.amount.minor, request.amount.currency):
            raise GatewayRefused("This idempotency key was used for another amount.")
        if not behaviour.answers:
            raise OutcomeUnknown("The sandbox bank did not answer.")
        if behaviour.slow:
            time.sleep(SLOW_ANSWER_SECONDS)
        return self._result(charge)

    def fetch_payment(self, ref: PaymentRef) -> PaymentResult | None:
        """How the bank's book has it."""
        self._authenticate()
        charge = self.bank.find(ref.key, ref.gateway_ref)
        return self._result(charge) if charge else None

    def resume_payment(self, ref: PaymentRef, answer: Mapping[str, str]) -> PaymentResult:
        """The payer came back from the bank's page; the book, not the query, says what they did."""
        result = self.fetch_payment(ref)
        if result is None:
            raise GatewayRefused("The sandbox bank knows no such payment.")
        return result

    def void(self, ref: PaymentRef) -> PaymentResult:
        """Give up a payment that waits for the payer; one that has settled stays settled."""
        self._authenticate()
        if ref.gateway_ref:
            self.bank.cancel(ref.gateway_ref)
        return self.resume_payment(ref, {})

    def save_method(self, request: SaveMethodRequest) -> SavedMethod:
        """Keep a token; the last four digits tell them apart."""
        self._authenticate()
        behaviour = self._behaviour(request.token)
        kind = "sepa_debit" if behaviour.brand == "sepa" else "card"
        return SavedMethod(request.token, kind, behaviour.brand, behaviour.last4, 12, 2034)

    def forget_method(self, token: str) -> None:
        """Tokens are not kept anywhere; nothing to drop."""
        self._authenticate()

    def refund(self, request: RefundRequest) -> RefundResult:
        """Refunds settle at once. More than what is left is a failed refund."""
        self._authenticate()
        charge = self.bank.find(request.payment.key, request.payment.gateway_ref)
        ref = self.bank.refund(request.key, charge.ref, request.amount.minor) if charge else None
        if ref is None:
            return RefundResult(RefundStatus.FAILED, message="More than what is left of this charge.")
        return RefundResult(RefundStatus.SUCCEEDED, ref)

    def fetch_refund(self, ref: RefundRef) -> RefundResult | None:
        """How the bank's book has it."""
        self._authenticate()
        found = self.bank.find_refund(ref.key)
        return RefundResult(RefundStatus.SUCCEEDED, found) if found else None

    def list_transactions(self, since: datetime, until: datetime) -> Sequence[Transaction]:
        """The settled charges of [since, until)."""
        self._authenticate()
        booked = ((charge, datetime.fromtimestamp(charge.created_at, UTC)) for charge in self.bank.charges())
        return [
            Transaction("payment", charge.ref, charge.key, Money(charge.minor, charge.currency), at)
            for charge, at in booked
            if charge.status == "succeeded" and since <= at < until
        ]

    def _authenticate(self) -> None:
        if not self.secrets.get("api_key", "").startswith("sandbox_"):
            raise GatewayRefused("The sandbox refuses this API key: it must begin with sandbox_.")

    def _behaviour(self, token: str | None) -> Behaviour:
        if token is None or token not in TOKENS:
            raise GatewayRefused("The sandbox knows no such token; docs/gateways.md lists them.")
        return TOKENS[token]

    def _result(self, charge: Charge) -> PaymentResult:
        status = PaymentStatus(charge.status)
        waits = status is PaymentStatus.REQUIRES_ACTION
        return PaymentResult(
            status,
            charge.ref,
            Money(charge.minor, charge.currency),
            decline=decline_for(charge.decline) if status is PaymentStatus.FAILED else None,
            next_action=Redirect(f"{self.secrets.get('page_url', '')}/{charge.ref}") if waits else None,
        )


def _outcome(behaviour: Behaviour, request: PaymentRequest) -> tuple[str, str | None]:
    """What the bank books: a payer who is not there cannot approve, which is a decline."""
    if behaviour.outcome == "requires_action" and request.off_session:
        return "failed", "authentication_required"
    if behaviour.outcome == "succeeded" and request.challenge:
        return "requires_action", None
    return behaviour.outcome or "failed", behaviour.decline
