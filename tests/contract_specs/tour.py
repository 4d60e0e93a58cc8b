"""A tour through everything an adapter can do, so that its simulator's journal holds every kind of request."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.gateways.base import Capability, Gateway
from app.gateways.errors import OutcomeUnknown
from app.gateways.types import Redirect, SaveMethodRequest, SetupRequest
from app.ids import new_id
from simulators.faults import FaultKind
from tests.gateways.contract import PAYER, a_method, a_payment, a_refund, finished, ref_of, ref_of_refund, settled
from tests.gateways.worlds import SimulatedWorld


def take(world: SimulatedWorld) -> None:
    """Do everything once."""
    gateway = world.open()
    gateway.check_credentials()
    for capability, part in _PARTS.items():
        if capability in gateway.capabilities:
            part(world, gateway)


def _charges(world: SimulatedWorld, gateway: Gateway) -> None:
    for token in {*world.tokens, *world.declines}:
        request = replace(a_payment(world), token=world.tokens.get(token, token))
        gateway.fetch_payment(ref_of(request, gateway.create_payment(request)))
    for finish in (gateway.capture, gateway.void):
        held = a_payment(world, capture=False)
        finish(ref_of(held, gateway.create_payment(held)))
    lost = a_payment(world, save_method=True)
    world.strike(FaultKind.DROP_AFTER)
    try:
        gateway.create_payment(lost)
    except OutcomeUnknown:
        gateway.fetch_payment(ref_of(lost))
    gateway.fetch_payment(ref_of(a_payment(world)))


def _pages(world: SimulatedWorld, gateway: Gateway) -> None:
    for pays in (True, False):
        request = replace(a_payment(world, save_method=pays), token=None)
        begun = gateway.create_payment(request)
        gateway.fetch_payment(ref_of(request, begun))
        gateway.fetch_payment(ref_of(request))
        if pays:
            finished(world, gateway, request, begun)
        else:
            gateway.void(ref_of(request, begun))
    if Capability.CAPTURE in gateway.capabilities and gateway.holds_pages:
        held = replace(a_payment(world, capture=False), token=None)
        begun = gateway.create_payment(held)
        finished(world, gateway, held, begun)
        gateway.void(ref_of(held, begun))


def _refunds(world: SimulatedWorld, gateway: Gateway) -> None:
    _, payment = settled(world, gateway, 1000)
    for minor in (300, 700, 1):
        request = a_refund(world, payment, minor)
        sent = gateway.refund(request)
        if world.finds_refunds:
            gateway.fetch_refund(ref_of_refund(request, sent.gateway_ref))
            gateway.fetch_refund(ref_of_refund(request))


def _methods(world: SimulatedWorld, gateway: Gateway) -> None:
    saved = gateway.save_method(a_method(world))
    gateway.create_payment(replace(a_payment(world), token=saved.token, off_session=True))
    gateway.fetch_method(saved.token)
    gateway.forget_method(saved.token)
    if world.has_setup_page:
        page = gateway.begin_setup(SetupRequest(new_id("req"), PAYER, "https://shop.example/methods", world.currency))
        assert isinstance(page, Redirect)
        gateway.save_method(SaveMethodRequest(world.pay_page(page.url)[gateway.setup_answers[0]], PAYER))


def _disputes(world: SimulatedWorld, gateway: Gateway) -> None:
    _, ref = settled(world, gateway)
    case = world.dispute(ref.gateway_ref or "")
    if world.asked_about_disputes:
        gateway.fetch_dispute(case)


def _lists(_world: SimulatedWorld, gateway: Gateway) -> None:
    now, hour = datetime.now(UTC), timedelta(hours=1)
    gateway.list_transactions(now - hour, now + hour)


_PARTS = {
    Capability.OFF_SESSION: _charges,
    Capability.HOSTED: _pages,
    Capability.REFUND: _refunds,
    Capability.SAVE_METHOD: _methods,
    Capability.DISPUTES: _disputes,
    Capability.LIST_TRANSACTIONS: _lists,
}
