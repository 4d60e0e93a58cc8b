"""The contract: what comes of a call that goes wrong, and that asking again never charges twice."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from functools import partial
from typing import NamedTuple

import pytest

from app.gateways.base import Capability, Gateway
from app.gateways.errors import GatewayError, GatewayUnavailable, OutcomeUnknown, RateLimited
from app.gateways.types import PaymentRequest, PaymentResult, PaymentStatus
from crashtest.outside import DECLINES
from simulators.faults import Fault, FaultKind
from simulators.frame import RETRY_SECONDS
from tests.gateways.contract import (
    HOSTED,
    a_payment,
    a_refund,
    finished,
    needs,
    ref_of,
    ref_of_refund,
    settled,
    ways,
    ways_found_by_key,
    ways_told,
)
from tests.gateways.worlds import SimulatedWorld, World


class Outcome(NamedTuple):
    """What a fault must look like to the services, and whether the gateway charged nevertheless."""

    error: type[GatewayError]
    charged: bool


OUTCOMES = {
    FaultKind.RATE_LIMIT: Outcome(RateLimited, charged=False),
    FaultKind.ERROR_BEFORE: Outcome(OutcomeUnknown, charged=False),
    FaultKind.ERROR_AFTER: Outcome(OutcomeUnknown, charged=True),
    FaultKind.TIMEOUT_BEFORE: Outcome(OutcomeUnknown, charged=False),
    FaultKind.TIMEOUT_AFTER: Outcome(OutcomeUnknown, charged=True),
    FaultKind.DROP_BEFORE: Outcome(OutcomeUnknown, charged=False),
    FaultKind.DROP_AFTER: Outcome(OutcomeUnknown, charged=True),
    FaultKind.HALF: Outcome(OutcomeUnknown, charged=True),
    FaultKind.GARBAGE: Outcome(OutcomeUnknown, charged=True),
}
SLOW = {FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER}  # each takes a second; dropped connections mean the same


def outcome_of(kind: FaultKind, world: World) -> Outcome:
    """What a fault must look like. Where we only ask, every call without an answer has surely done nothing."""
    if world.only_asked and OUTCOMES[kind].error is OutcomeUnknown:
        return Outcome(GatewayUnavailable, charged=False)
    return OUTCOMES[kind]


def lost_answer(world: World) -> FaultKind:
    """Charged, but the answer never comes: the quickest way that a world has."""
    return FaultKind.DROP_AFTER if FaultKind.DROP_AFTER in world.faults else FaultKind.TIMEOUT_AFTER


@needs(Capability.OFF_SESSION, lambda world: sorted(world.faults))
def test_a_call_that_goes_wrong_is_told_apart_and_settled_by_asking(
    world: World, gateway: Gateway, case: FaultKind
) -> None:
    world.strike(case)
    request, expected = a_payment(world), OUTCOMES[case]
    with pytest.raises(expected.error) as failed:
        gateway.create_payment(request)
    assert type(failed.value) is expected.error
    found = gateway.fetch_payment(ref_of(request))
    charged = expected.charged or world.asks_by_repeating
    assert (found.status if found else None) == (PaymentStatus.SUCCEEDED if charged else None)
    assert [taken.key for taken in world.books()] == [request.key] * charged


@needs(cases=lambda world: ways(world) if issubclass(world, SimulatedWorld) else [])
def test_too_many_requests_say_for_how_long_to_wait(world: SimulatedWorld, gateway: Gateway, case: str) -> None:
    request = a_payment(world, token=case)
    ask = gateway.check_credentials if world.only_asked else partial(gateway.create_payment, request)
    gateway.check_credentials()  # which has a token fetched, where one is needed
    world.simulator.faults.add(
        Fault(FaultKind.RATE_LIMIT, on=world.hosted_line if case == HOSTED else world.charge_line)
    )
    with pytest.raises(RateLimited) as told:
        ask()
    assert told.value.retry_after == RETRY_SECONDS


@needs(cases=lambda world: ways(world) if issubclass(world, SimulatedWorld) else [])
def test_an_answer_that_is_slow_but_in_time_is_waited_for(world: SimulatedWorld, gateway: Gateway, case: str) -> None:
    request = a_payment(world, token=case)
    line = world.charge_line if case != HOSTED else world.hosted_line
    world.simulator.faults.add(Fault(FaultKind.SLOW, on=line, seconds=0.2))
    begun = gateway.create_payment(request)
    assert finished(world, gateway, request, begun).status is PaymentStatus.SUCCEEDED
    assert ([taken.key for taken in world.books()], world.simulator.faults.struck) == ([request.key], 1)


@needs(Capability.OFF_SESSION, lambda world: [DECLINES[world.gateway]] if world.gateway in DECLINES else [])
def test_a_charge_is_declined_when_the_simulator_is_told_so(world: SimulatedWorld, gateway: Gateway, case: str) -> None:
    world.simulator.faults.add(Fault(FaultKind.DECLINE, on=world.charge_line, code=case))
    declined = gateway.create_payment(a_payment(world))
    assert (declined.status, world.books()) == (PaymentStatus.FAILED, [])
    assert declined.decline
    assert not declined.decline.hard


@needs(Capability.OFF_SESSION, lambda world: sorted(world.faults - SLOW or world.faults))
def test_sending_a_call_that_went_wrong_again_charges_once_at_most(
    world: World, gateway: Gateway, case: FaultKind
) -> None:
    world.strike(case)
    request = a_payment(world)
    with pytest.raises(GatewayError):
        gateway.create_payment(request)
    try:
        gateway.create_payment(request)
    except OutcomeUnknown:
        assert len(world.books()) == OUTCOMES[case].charged  # the gateway repeats its first answer, an error
    else:
        assert len(world.books()) == 1


@needs(Capability.HOSTED, lambda world: sorted(world.faults))
def test_what_a_payer_was_to_finish_is_found_after_a_fault_or_can_be_paid_by_nobody(
    world: World, gateway: Gateway, case: FaultKind
) -> None:
    world.strike(case, HOSTED)
    request, expected = a_payment(world, token=HOSTED), outcome_of(case, world)
    with pytest.raises(expected.error) as failed:
        gateway.create_payment(request)
    assert type(failed.value) is expected.error
    found = gateway.fetch_payment(ref_of(request))
    assert bool(found) == (expected.charged and world.finds_begun)
    if found:
        assert finished(world, gateway, request, found).status is PaymentStatus.SUCCEEDED
    assert [taken.key for taken in world.books()] == [request.key] * bool(found)


@needs(Capability.HOSTED, lambda world: sorted(world.faults - SLOW or world.faults))
def test_asking_a_payer_again_after_a_fault_takes_money_once_at_most(
    world: World, gateway: Gateway, case: FaultKind
) -> None:
    world.strike(case, HOSTED)
    request = a_payment(world, token=HOSTED)
    with pytest.raises(GatewayError):
        gateway.create_payment(request)
    try:
        begun = gateway.create_payment(request)
    except OutcomeUnknown:
        assert world.books() == []
    else:
        assert finished(world, gateway, request, begun).status is PaymentStatus.SUCCEEDED
        assert [taken.key for taken in world.books()] == [request.key]


@needs(cases=lambda world: ways(world) if world.knows_keys else [])
def test_the_same_payment_sent_by_many_at_once_is_charged_once(world: World, gateway: Gateway, case: str) -> None:
    request = a_payment(world, token=case)
    with ThreadPoolExecutor(8) as many:
        sent = list(many.map(lambda _: _sent(world, gateway, request), range(8)))
    results = [result for result in sent if result]
    assert len({result.gateway_ref for result in results}) == 1
    assert finished(world, gateway, request, results[0]).status is PaymentStatus.SUCCEEDED
    assert len(world.books()) == 1


@needs(cases=ways)
def test_a_gateway_that_cannot_be_reached_has_surely_not_charged(world: World, case: str) -> None:
    cut_off = world.cut_off()
    with pytest.raises(GatewayUnavailable):
        cut_off.create_payment(a_payment(world, token=case))
    assert world.books() == []


@needs(cases=ways_told)
def test_an_answer_lost_while_another_outage_is_dealt_with_is_still_unknown(
    world: World, gateway: Gateway, case: str
) -> None:
    try:
        world.cut_off().create_payment(a_payment(world, token=case))
    except GatewayUnavailable:
        world.strike(lost_answer(world), case)
        with pytest.raises(OutcomeUnknown):
            gateway.create_payment(a_payment(world, token=case))
    assert len(world.books()) == (case != HOSTED)


@needs(cases=ways_found_by_key)
def test_two_payments_after_a_lost_answer_do_not_get_mixed_up(world: World, gateway: Gateway, case: str) -> None:
    world.strike(lost_answer(world), case)
    lost = a_payment(world, 700, token=case)
    with pytest.raises(OutcomeUnknown):
        gateway.create_payment(lost)
    later = world.open().create_payment(a_payment(world, 900, token=case))
    found = gateway.fetch_payment(ref_of(lost))
    assert found
    assert finished(world, gateway, lost, found).amount == lost.amount
    assert found.gateway_ref != later.gateway_ref


@needs(Capability.REFUND, lambda world: [True] if issubclass(world, SimulatedWorld) and world.finds_refunds else [])
def test_a_refund_whose_answer_was_lost_is_found_by_our_key(
    world: SimulatedWorld, gateway: Gateway, case: bool
) -> None:
    _, ref = settled(world, gateway, 1130)
    request = a_refund(world, ref, 1130)
    world.strike_refund(FaultKind.DROP_AFTER)
    with pytest.raises(OutcomeUnknown):
        gateway.refund(request)
    found = gateway.fetch_refund(ref_of_refund(request))
    assert found
    assert found.gateway_ref
    assert [taken.refunded for taken in world.books()] == [1130]


def _sent(world: World, gateway: Gateway, request: PaymentRequest) -> PaymentResult | None:
    """The answer; None where a gateway that does not repeat it says that it has this payment already."""
    with nullcontext() if world.repeats_answers else suppress(OutcomeUnknown):
        return gateway.create_payment(request)
    return None
