"""The sandbox's world: its bank file, and tokens in place of faults."""

from collections.abc import Mapping
from pathlib import Path

from app.gateways.base import Gateway
from app.gateways.sandbox import SandboxGateway
from app.gateways.sandbox_bank import SandboxBank
from app.gateways.types import PaymentResult
from simulators.books import Taken
from simulators.faults import FaultKind
from tests.gateways.worlds import World

FAULT_TOKENS = {FaultKind.TIMEOUT_AFTER: "tok_charged_no_answer", FaultKind.TIMEOUT_BEFORE: "tok_no_answer"}


class TheWorld(World):
    """One sandbox account and its bank."""

    gateway = "sandbox"
    wrong_credentials = {"api_key": "live_secret_of_somebody"}
    tokens = {"ok": "tok_ok", "approve": "tok_auth", "delayed": "tok_delayed"}
    declines = {
        "tok_soft_decline": "insufficient_funds",
        "tok_hard_decline": "stolen_card",
        "tok_expired": "expired_card",
    }
    faults = frozenset(FAULT_TOKENS)
    lists_refunds = False
    stricken: str | None = None

    def __init__(self, workspace: Path) -> None:
        super().__init__(workspace / "account")

    def account(self) -> Mapping[str, str]:
        return {"api_key": "sandbox_test", "page_url": "https://bank.example"}

    @property
    def bank(self) -> SandboxBank:
        gateway = self.open()
        assert isinstance(gateway, SandboxGateway)
        return gateway.bank

    def token(self, name: str) -> str | None:
        """A fault that was asked for is in the next token that would have been good."""
        if name != "ok" or not self.stricken:
            return super().token(name)
        token, self.stricken = self.stricken, None
        return token

    def books(self) -> list[Taken]:
        refunds = self.bank.refunds()
        return [
            Taken(
                charge.key,
                charge.ref,
                charge.minor,
                charge.currency,
                charge.status,
                sum(minor for _, ref, minor in refunds if ref == charge.ref),
            )
            for charge in self.bank.charges()
            if charge.status in ("succeeded", "pending")
        ]

    def strike(self, kind: FaultKind, token: str = "ok") -> None:
        self.stricken = FAULT_TOKENS[kind]

    def cut_off(self) -> Gateway:
        self.stricken = "tok_unavailable"
        return self.open()

    def answer(self, result: PaymentResult, *, approve: bool) -> Mapping[str, str]:
        self.bank.answer(result.gateway_ref or "", approved=approve)
        return {}

    def settle(self, gateway_ref: str) -> None:
        self.bank.settle(gateway_ref)
