"""The contract of the payment port: how its tests are chosen, and the words they are written in.

The tests stand in `test_contract*.py`; each runs over every gateway in the registry that declares the capability which
the test `needs`, and over the cases that the gateway's world has for it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from app.domain.money import Money
from app.gateways import gateway_class
from app.gateways.base import VERBS, Capability, Gateway
from app.gateways.types import (
    Payer,
    PaymentRef,
    PaymentRequest,
    PaymentResult,
    PaymentStatus,
    RefundRef,
    RefundRequest,
    SaveMethodRequest,
)
from app.ids import new_id
from tests.gateways.worlds import World

ABOUT = "about"
Test = TypeVar("Test", bound=Callable[..., None])
PAYER = Payer("cus_01k0000000e00800000000000a", "Ada Byron", "ada@example.com", "CA")
OTHER_PAYER = Payer("cus_01k0000000e00800000000000b", "Mary Fairfax", "mary@example.com", "CA")


@dataclass(frozen=True, slots=True)
class About:
    """What a test is about: a capability, and the cases of a world. No cases: the test is not for that world."""

    capability: Capability
    cases: Callable[[type[World]], Iterable[Any]] = lambda _world: [None]


def needs(
    capability: Capability = Capability.NONE, cases: Callable[[type[World]], Iterable[Any]] | None = None
) -> Callable[[Test], Test]:
    """Run a test over the gateways that declare this, once for each case; `case` is a parameter of the test."""

    def mark(test: Test) -> Test:
        setattr(test, ABOUT, About(capability, cases) if cases else About(capability))
        return test

    return mark


def with_token(*names: str) -> Callable[[type[World]], Iterable[str]]:
    """Cases: those of these tokens that a world has."""
    return lambda world: [name for name in names if name in world.tokens]


def where(fact: str) -> Callable[[type[World]], Iterable[bool]]:
    """Cases: one for a world of which the fact is true."""
    return lambda world: [True] if getattr(world, fact) else []


def lacking(world: type[World]) -> list[str]:
    """Cases: the verbs that a gateway does not have."""
    can = gateway_class(world.gateway).capabilities
    return [verb for capability, verbs in VERBS.items() if capability not in can for verb in verbs]


def a_payment(world: World, minor: int = 1130, token: str = "ok", **changes: Any) -> PaymentRequest:
    """A payment nobody has asked for before, of `minor` cents by a payer who is there."""
    asked = PaymentRequest(
        key=new_id("pay"),
        amount=Money(minor, world.currency),
        payer=PAYER,
        token=world.token(token),
        description="Acme INV-7",
        reference="INV-7",
        return_url="https://shop.example/back?x=1",
    )
    return replace(asked, **changes)


def ref_of(request: PaymentRequest, result: PaymentResult | None = None, *, known: bool = True) -> PaymentRef:
    """How the services ask about a payment: after a crash without the gateway's reference."""
    gateway_ref = result.gateway_ref if result and known else None
    return PaymentRef(request.key, gateway_ref, datetime.now(UTC), request)


def settled(world: World, gateway: Gateway, minor: int = 1130, token: str = "ok") -> tuple[PaymentRequest, PaymentRef]:
    """A payment that went through, and how to ask about it."""
    request = a_payment(world, minor, token)
    result = gateway.create_payment(request)
    assert result.status is PaymentStatus.SUCCEEDED
    return request, ref_of(request, result)


def a_refund(payment: PaymentRef, minor: int, currency: str) -> RefundRequest:
    """A refund nobody has asked for before."""
    return RefundRequest(new_id("ref"), payment, Money(minor, currency), "returned")


def ref_of_refund(request: RefundRequest, gateway_ref: str | None = None) -> RefundRef:
    """How the services ask about a refund."""
    return RefundRef(request.key, request.payment, gateway_ref)


def a_method(world: World, token: str = "ok", payer: Payer = PAYER) -> SaveMethodRequest:
    """A payer leaves a method."""
    return SaveMethodRequest(world.token(token), payer)
