"""The contract: money back, in whole and in parts, and never more than there was."""

import pytest

from app.gateways.base import Capability, Gateway
from app.gateways.types import RefundStatus
from tests.gateways.contract import a_refund, needs, ref_of_refund, settled, where, with_token
from tests.gateways.worlds import World


@needs(Capability.REFUND)
def test_a_refund_of_the_whole_sends_back_all_of_it(world: World, gateway: Gateway) -> None:
    _, payment = settled(world, gateway, 1130)
    refund = gateway.refund(a_refund(world, payment, 1130))
    assert refund.status is not RefundStatus.FAILED
    assert refund.gateway_ref
    assert [(taken.units, taken.refunded) for taken in world.books()] == [(1130, 1130)]


@needs(Capability.PARTIAL_REFUND | Capability.MULTI_REFUND)
def test_parts_can_be_refunded_until_nothing_is_left(world: World, gateway: Gateway) -> None:
    _, payment = settled(world, gateway, 1000)
    refunds = [gateway.refund(a_refund(world, payment, minor)) for minor in (300, 300, 400)]
    assert len({refund.gateway_ref for refund in refunds}) == 3
    assert [taken.refunded for taken in world.books()] == [1000]
    refused = gateway.refund(a_refund(world, payment, 1))
    assert refused.status is (RefundStatus.FAILED if world.acts_at_once else RefundStatus.PENDING)
    assert [taken.refunded for taken in world.books()] == [1000]


@needs(Capability.PARTIAL_REFUND)
@pytest.mark.parametrize(("first", "second"), [(0, 1131), (600, 531)])
def test_more_than_what_is_left_is_a_failed_refund(world: World, gateway: Gateway, first: int, second: int) -> None:
    _, payment = settled(world, gateway, 1130)
    if first:
        gateway.refund(a_refund(world, payment, first))
    refused = gateway.refund(a_refund(world, payment, second))
    if world.acts_at_once:
        assert (refused.status, bool(refused.message)) == (RefundStatus.FAILED, True)
    else:
        assert refused.status is RefundStatus.PENDING
    assert [taken.refunded for taken in world.books()] == [first]


@needs(Capability.PARTIAL_REFUND)
def test_the_same_refund_key_sends_money_back_once(world: World, gateway: Gateway) -> None:
    _, payment = settled(world, gateway, 1130)
    request = a_refund(world, payment, 400)
    first, second = gateway.refund(request), gateway.refund(request)
    assert second.gateway_ref == first.gateway_ref if world.repeats_answers else second.status is RefundStatus.FAILED
    assert [taken.refunded for taken in world.books()] == [400]


@needs(Capability.MULTI_REFUND, where("finds_refunds"))
def test_a_refund_is_found_by_our_key_and_by_theirs(world: World, gateway: Gateway, case: bool) -> None:
    _, payment = settled(world, gateway, 1130)
    gateway.refund(a_refund(world, payment, 100))
    request = a_refund(world, payment, 200)
    sent = gateway.refund(request)
    for known in (None, sent.gateway_ref):
        found = gateway.fetch_refund(ref_of_refund(request, known))
        assert found
        assert found.gateway_ref == sent.gateway_ref


@needs(Capability.REFUND, where("finds_refunds"))
def test_a_refund_that_never_was_is_surely_unknown(world: World, gateway: Gateway, case: bool) -> None:
    _, payment = settled(world, gateway)
    assert gateway.fetch_refund(ref_of_refund(a_refund(world, payment, 100))) is None


@needs(Capability.REFUND, with_token("slow_refund"))
def test_a_refund_that_takes_time_is_pending_until_it_arrives(world: World, gateway: Gateway, case: str) -> None:
    _, payment = settled(world, gateway, 1130, token=case)
    request = a_refund(world, payment, 1130)
    sent = gateway.refund(request)
    assert sent.status is RefundStatus.PENDING
    world.settle_refund(sent.gateway_ref or "", succeeds=True)
    found = gateway.fetch_refund(ref_of_refund(request, sent.gateway_ref))
    assert found
    assert found.status is RefundStatus.SUCCEEDED


@needs(Capability.REFUND, with_token("lost_refund"))
def test_a_refund_that_comes_back_has_failed_and_says_why(world: World, gateway: Gateway, case: str) -> None:
    _, payment = settled(world, gateway, 1130, token=case)
    request = a_refund(world, payment, 1130)
    sent = gateway.refund(request)
    world.settle_refund(sent.gateway_ref or "", succeeds=False)
    found = gateway.fetch_refund(ref_of_refund(request, sent.gateway_ref))
    assert found
    assert (found.status, bool(found.message)) == (RefundStatus.FAILED, True)
    assert [taken.refunded for taken in world.books()] == [0]
