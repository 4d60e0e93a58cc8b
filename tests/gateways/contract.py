"""The contract of the payment port: how its tests are chosen, and the words they are written in.

The tests stand in `test_contract*.py`; each runs over every gateway in the registry that declares the capability which
the test `needs`, and over the cases that the gateway's world has for it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, TypeVar

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
_NUMBERS = count()
HOSTED = "hosted"  # in place of a token: the payer pays on a page, by a code, or on their phone
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


def ways(world: type[World]) -> list[str]:
    """Cases: the ways to pay there, with a token or without one, as what `a_payment` takes for its token."""
    can = gateway_class(world.gateway).capabilities
    return ["ok"] * (Capability.OFF_SESSION in can) + [HOSTED] * (Capability.HOSTED in can)


def ways_told(world: type[World]) -> list[str]:
    """Cases: those of the ways to pay in which the gateway is told what to do, and is not only asked what was done."""
    return [] if world.only_asked else ways(world)


def ways_found_by_key(world: type[World]) -> list[str]:
    """Cases: those of the ways to pay in which a payment is found by our key alone."""
    return [way for way in ways(world) if way != HOSTED or world.finds_begun]


def where(fact: str) -> Callable[[type[World]], Iterable[bool]]:
    """Cases: one for a world of which the fact is true."""
    return lambda world: [True] if getattr(world, fact) else []


def lacking(world: type[World]) -> list[str]:
    """Cases: the verbs that a gateway does not have."""
    can = gateway_class(world.gateway).capabilities
    return [verb for capability, verbs in VERBS.items() if capability not in can for verb in verbs]


def a_payment(world: World, minor: int = 1130, token: str = "ok", **changes: Any) -> PaymentRequest:
    """A payment nobody has asked for before, of `minor` cents (as many francs where there are no cents) by a payer who
    is there."""
    asked = PaymentRequest(
        key=new_id("pay"),
        amount=world.money(minor),
        payer=PAYER,
        token=world.token(token),
        phone=world.phone,
        number=next(_NUMBERS),
        description="Acme INV-7",
        reference="INV-7",
        return_url="https://shop.example/back?x=1",
    )
    return replace(asked, **changes)


def ref_of(request: PaymentRequest, result: PaymentResult | None = None, *, known: bool = True) -> PaymentRef:
    """How the services ask about a payment: after a crash without the gateway's reference."""
    gateway_ref = result.gateway_ref if result and known else None
    quote = result.quote if result and known else None
    return PaymentRef(request.key, gateway_ref, datetime.now(UTC), request, quote)


def charge(world: World, gateway: Gateway, request: PaymentRequest) -> PaymentResult:
    """Ask for a payment, and have the payer pay where that takes them; gives how it stands then."""
    return finished(world, gateway, request, gateway.create_payment(request))


def finished(world: World, gateway: Gateway, request: PaymentRequest, begun: PaymentResult) -> PaymentResult:
    """How a payment stands once the payer has done what was left to do."""
    if begun.status is not PaymentStatus.REQUIRES_ACTION:
        return begun
    answer, ref = world.pay(begun), ref_of(request, begun)
    if Capability.RESUME in gateway.capabilities:
        return gateway.resume_payment(ref, answer)
    found = gateway.fetch_payment(ref)
    assert found
    return found


def settled(world: World, gateway: Gateway, minor: int = 1130, token: str = "ok") -> tuple[PaymentRequest, PaymentRef]:
    """A payment that went through, and how to ask about it."""
    request = a_payment(world, minor, token)
    result = charge(world, gateway, request)
    assert result.status is PaymentStatus.SUCCEEDED
    return request, ref_of(request, result)


def a_refund(world: World, payment: PaymentRef, minor: int) -> RefundRequest:
    """A refund nobody has asked for before."""
    return RefundRequest(new_id("ref"), payment, world.money(minor), "returned")


def ref_of_refund(request: RefundRequest, gateway_ref: str | None = None) -> RefundRef:
    """How the services ask about a refund."""
    return RefundRef(request.key, request.payment, gateway_ref)


def a_method(world: World, token: str = "ok", payer: Payer = PAYER) -> SaveMethodRequest:
    """A payer leaves a method."""
    return SaveMethodRequest(world.leave(token, payer), payer)
