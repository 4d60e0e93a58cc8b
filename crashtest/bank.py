"""Faults at the sandbox, which has no other end that could fail: its verbs fail as calls to a gateway do, at random."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

from app.gateways.errors import OutcomeUnknown, RateLimited
from app.gateways.sandbox import SandboxGateway
from app.gateways.types import PaymentRequest
from simulators.faults import Fault, FaultKind, Faults

VERBS = ("create_payment", "fetch_payment", "void", "refund", "fetch_refund")
DECLINING = "tok_soft_decline"


def fail_at_random(rate: float, seed: int, kinds: Sequence[str], tell: Callable[[str], None]) -> None:
    """From now on each call to the sandbox in this process fails with a probability of `rate`, which is told of."""
    faults = Faults()
    faults.draw(rate, seed, [Fault(FaultKind(kind), on="") for kind in kinds])
    for name in VERBS:
        setattr(SandboxGateway, name, _failing(getattr(SandboxGateway, name), faults, tell))


def _failing(verb: Callable[..., Any], faults: Faults, tell: Callable[[str], None]) -> Callable[..., Any]:
    @wraps(verb)
    def failing(gateway: SandboxGateway, asked: Any) -> Any:
        fault = faults.take(verb.__name__)
        if fault is None:
            return verb(gateway, asked)
        tell(fault.kind)
        if fault.kind is FaultKind.DECLINE:
            return verb(gateway, replace(asked, token=DECLINING) if isinstance(asked, PaymentRequest) else asked)
        if fault.effect.executes:
            verb(gateway, asked)
        error = RateLimited if fault.kind is FaultKind.RATE_LIMIT else OutcomeUnknown
        raise error("The sandbox bank had trouble.")

    return failing
