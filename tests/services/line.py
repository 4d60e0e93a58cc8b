"""A gateway whose line can be cut, and that says what a test lets it say: what the honest sandbox never does."""

from collections.abc import Callable
from typing import Any, ClassVar

from app.gateways.base import Capability, CredentialField, Gateway
from app.gateways.types import (
    PaymentRef,
    PaymentRequest,
    PaymentResult,
    RefundRef,
    RefundRequest,
    RefundResult,
    SavedMethod,
    SaveMethodRequest,
)

Script = dict[str, Callable[..., Any]]


class ScriptedGateway(Gateway):
    """Each verb does what `script` has for it; `calls` remembers which verbs were used, in order."""

    name = "scripted"
    title = "Scripted"
    capabilities = (
        Capability.SAVE_METHOD
        | Capability.OFF_SESSION
        | Capability.RESUME
        | Capability.VOID
        | Capability.REFUND
        | Capability.PARTIAL_REFUND
    )
    credentials = (CredentialField("api_key", "API key"),)
    script: ClassVar[Script] = {}
    calls: ClassVar[list[str]] = []

    def create_payment(self, request: PaymentRequest) -> PaymentResult:
        return self._say("create_payment", request)

    def fetch_payment(self, ref: PaymentRef) -> PaymentResult | None:
        return self._say("fetch_payment", ref)

    def resume_payment(self, ref: PaymentRef, answer: Any) -> PaymentResult:
        return self._say("resume_payment", ref)

    def void(self, ref: PaymentRef) -> PaymentResult:
        return self._say("void", ref)

    def refund(self, request: RefundRequest) -> RefundResult:
        return self._say("refund", request)

    def fetch_refund(self, ref: RefundRef) -> RefundResult | None:
        return self._say("fetch_refund", ref)

    def save_method(self, request: SaveMethodRequest) -> SavedMethod:
        return SavedMethod(request.token, "card", "visa", "4242", 12, 2034)

    def forget_method(self, token: str) -> None:
        """Nothing is kept."""

    def _say(self, verb: str, asked: Any) -> Any:
        self.calls.append(verb)
        return self.script[verb](asked)


def says(answer: Any) -> Callable[[Any], Any]:
    """A script line: give this answer, or raise it."""

    def speak(_asked: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return speak
