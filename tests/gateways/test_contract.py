"""The contract: payments, from the charge to the books."""

import traceback
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from inspect import signature
from typing import Any

import pytest

from app.domain.declines import DECLINES
from app.gateways import REGISTRY, gateway_class
from app.gateways.base import VERBS, Capability, Gateway
from app.gateways.errors import GatewayRefused, OutcomeUnknown, Unsupported
from app.gateways.types import PaymentRef, PaymentStatus, Redirect
from simulators import wire
from simulators.books import Taken
from tests.gateways.contract import (
    HOSTED,
    a_payment,
    charge,
    finished,
    lacking,
    needs,
    ref_of,
    settled,
    ways,
    ways_found_by_key,
    ways_told,
    with_token,
)
from tests.gateways.worlds import World


@pytest.mark.parametrize("name", REGISTRY)
def test_a_gateway_declares_a_capability_exactly_when_it_implements_its_verbs(name: str) -> None:
    found = gateway_class(name)
    overridden = {
        verb for verbs in VERBS.values() for verb in verbs if getattr(found, verb) is not getattr(Gateway, verb)
    }
    declared = {verb for capability, verbs in VERBS.items() if capability in found.capabilities for verb in verbs}
    assert overridden == declared


@pytest.mark.parametrize("name", REGISTRY)
def test_a_gateway_is_registered_under_its_own_name_and_asks_for_credentials(name: str) -> None:
    found = gateway_class(name)
    assert (found.name, bool(found.title)) == (name, True)
    assert any(field.secret and field.required for field in found.credentials)


@needs(cases=ways)
def test_a_charge_takes_the_amount_once(world: World, gateway: Gateway, case: str) -> None:
    request = a_payment(world, token=case)
    result = charge(world, gateway, request)
    assert (result.status, result.amount, result.decline) == (PaymentStatus.SUCCEEDED, request.amount, None)
    assert result.gateway_ref
    [taken] = world.books()
    amount = request.amount
    assert taken == Taken(request.key, result.gateway_ref, amount.minor, amount.currency, taken.status)


@needs(cases=ways)
def test_the_same_key_never_charges_twice(world: World, gateway: Gateway, case: str) -> None:
    request = a_payment(world, token=case)
    first = gateway.create_payment(request)
    with nullcontext() if world.repeats_answers else pytest.raises(OutcomeUnknown):
        assert gateway.create_payment(request).gateway_ref == first.gateway_ref
    finished(world, gateway, request, first)
    assert [taken.key for taken in world.books()] == [request.key]


@needs(cases=ways_told)
def test_the_same_key_with_another_amount_is_no_second_charge(world: World, gateway: Gateway, case: str) -> None:
    request = a_payment(world, token=case)
    first = gateway.create_payment(request)
    with pytest.raises((GatewayRefused, OutcomeUnknown)):
        gateway.create_payment(a_payment(world, 2260, token=case, key=request.key))
    finished(world, gateway, request, first)
    assert [taken.units for taken in world.books()] == [request.amount.minor]


@needs(Capability.OFF_SESSION, lambda world: world.declines.items())
def test_a_decline_is_an_answer_in_our_words(world: World, gateway: Gateway, case: tuple[str, str]) -> None:
    token, word = case
    request = replace(a_payment(world), token=token)
    result = gateway.create_payment(request)
    assert (result.status, result.decline) == (PaymentStatus.FAILED, DECLINES[word])
    assert world.books() == []
    found = gateway.fetch_payment(ref_of(request, result, known=bool(result.gateway_ref)))
    assert found is not None
    assert (found.status, found.decline) == (PaymentStatus.FAILED, DECLINES[word])


@needs(Capability.OFF_SESSION, with_token("approve"))
def test_a_payer_who_is_not_there_cannot_approve(world: World, gateway: Gateway, case: str) -> None:
    result = gateway.create_payment(a_payment(world, token=case, off_session=True))
    assert (result.status, result.decline) == (PaymentStatus.FAILED, DECLINES["authentication_required"])
    assert world.books() == []


@needs(Capability.RESUME, with_token("approve"))
def test_a_payer_who_approves_has_paid(world: World, gateway: Gateway, case: str) -> None:
    request = a_payment(world, token=case)
    waiting = gateway.create_payment(request)
    assert waiting.status is PaymentStatus.REQUIRES_ACTION
    assert isinstance(waiting.next_action, Redirect)
    assert world.books() == []
    paid = gateway.resume_payment(ref_of(request, waiting), world.answer(waiting, approve=True))
    assert (paid.status, paid.gateway_ref) == (PaymentStatus.SUCCEEDED, waiting.gateway_ref)
    assert [taken.key for taken in world.books()] == [request.key]


@needs(Capability.RESUME, with_token("approve"))
def test_a_payer_who_refuses_has_not_paid(world: World, gateway: Gateway, case: str) -> None:
    request = a_payment(world, token=case)
    waiting = gateway.create_payment(request)
    refused = gateway.resume_payment(ref_of(request, waiting), world.answer(waiting, approve=False))
    assert refused.status is PaymentStatus.FAILED
    assert refused.decline
    assert refused.decline.hard
    assert world.books() == []


@needs(Capability.HOSTED)
def test_a_payment_without_a_token_waits_for_what_the_payer_has_to_do(world: World, gateway: Gateway) -> None:
    request = a_payment(world, token=HOSTED)
    begun = gateway.create_payment(request)
    assert begun.status is PaymentStatus.REQUIRES_ACTION
    assert begun.next_action
    asked = gateway.fetch_payment(ref_of(request, begun))
    assert asked
    again = begun.next_action if world.repeats_action else None
    assert (asked.status, asked.next_action) == (PaymentStatus.REQUIRES_ACTION, again)
    assert world.books() == []
    paid = finished(world, gateway, request, begun)
    assert (paid.status, paid.amount) == (PaymentStatus.SUCCEEDED, request.amount)
    assert [(taken.key, taken.ref) for taken in world.books()] == [(request.key, paid.gateway_ref)]


@needs(Capability.HOSTED)
def test_what_was_paid_without_a_token_is_asked_about_again_and_stays_paid(world: World, gateway: Gateway) -> None:
    request, ref = settled(world, gateway, token=HOSTED)
    for _ in range(2):
        found = gateway.fetch_payment(ref)
        assert found
        assert (found.status, found.amount) == (PaymentStatus.SUCCEEDED, request.amount)


@needs(Capability.HOSTED, lambda world: world.refusals.items())
def test_a_payer_who_does_not_pay_is_told_apart_in_our_words(
    world: World, gateway: Gateway, case: tuple[str, str]
) -> None:
    choice, word = case
    request = a_payment(world, token=HOSTED)
    begun = gateway.create_payment(request)
    world.refuse(begun, choice)
    found = gateway.fetch_payment(ref_of(request, begun))
    assert found
    assert (found.status, found.decline) == (PaymentStatus.FAILED, DECLINES[word])
    assert world.books() == []


@needs(Capability.VOID | Capability.HOSTED, lambda world: [True] if not world.only_asked else [])
def test_a_page_that_was_closed_takes_no_money(world: World, gateway: Gateway, case: bool) -> None:
    request = a_payment(world, token=HOSTED)
    begun = gateway.create_payment(request)
    assert gateway.void(ref_of(request, begun)).status is PaymentStatus.CANCELED
    world.pay(begun)
    assert world.books() == []
    found = gateway.fetch_payment(ref_of(request, begun))
    assert found
    assert found.status is PaymentStatus.CANCELED


@needs(Capability.OFF_SESSION, with_token("delayed"))
def test_a_delayed_payment_settles_later(world: World, gateway: Gateway, case: str) -> None:
    request = a_payment(world, token=case)
    pending = gateway.create_payment(request)
    assert (pending.status, pending.amount) == (PaymentStatus.PENDING, request.amount)
    world.settle(pending.gateway_ref or "")
    found = gateway.fetch_payment(ref_of(request, pending))
    assert found
    assert (found.status, found.amount) == (PaymentStatus.SUCCEEDED, request.amount)


@needs(cases=ways_found_by_key)
def test_a_payment_is_found_by_our_key_and_by_theirs(world: World, gateway: Gateway, case: str) -> None:
    charge(world, gateway, a_payment(world, 500, token=case))
    request, ref = settled(world, gateway, token=case)
    for known in (ref, ref_of(request)):
        found = gateway.fetch_payment(known)
        assert found
        assert (found.status, found.gateway_ref, found.amount) == (
            PaymentStatus.SUCCEEDED,
            ref.gateway_ref,
            request.amount,
        )


@needs(cases=lambda world: [True] if not world.asks_by_repeating else [])
def test_a_payment_that_never_was_is_surely_unknown(world: World, gateway: Gateway, case: bool) -> None:
    request = a_payment(world)
    assert gateway.fetch_payment(ref_of(request)) is None
    if world.finds_bare_keys:
        assert gateway.fetch_payment(PaymentRef(request.key)) is None
        return
    with pytest.raises(OutcomeUnknown):
        gateway.fetch_payment(PaymentRef(request.key))


@needs(Capability.VOID, lambda world: with_token("approve")(world) if world.remembers_voids else [])
def test_a_voided_payment_can_no_longer_be_approved(world: World, gateway: Gateway, case: str) -> None:
    request = a_payment(world, token=case)
    waiting = gateway.create_payment(request)
    assert gateway.void(ref_of(request, waiting)).status is PaymentStatus.CANCELED
    world.answer(waiting, approve=True)
    found = gateway.fetch_payment(ref_of(request, waiting))
    assert found
    assert found.status is PaymentStatus.CANCELED
    assert world.books() == []


@needs(Capability.VOID)
def test_a_settled_payment_stays_settled_when_voided(world: World, gateway: Gateway) -> None:
    request, ref = settled(world, gateway)
    assert gateway.void(ref).status is PaymentStatus.SUCCEEDED
    assert [taken.units for taken in world.books()] == [request.amount.minor]


@needs(Capability.CAPTURE)
def test_an_authorized_payment_is_taken_by_its_capture_alone(world: World, gateway: Gateway) -> None:
    request = a_payment(world, capture=False)
    held = gateway.create_payment(request)
    assert (held.status, held.amount) == (PaymentStatus.AUTHORIZED, request.amount)
    for _ in ("captured", "captured again"):
        taken = gateway.capture(ref_of(request, held))
        assert (taken.status, taken.amount) == (_once_told(world, PaymentStatus.SUCCEEDED), request.amount)
    assert [taken.units for taken in world.books()] == [1130]


@needs(Capability.PARTIAL_CAPTURE)
def test_of_an_authorized_payment_a_part_is_captured_once(world: World, gateway: Gateway) -> None:
    request = a_payment(world, capture=False)
    held = gateway.create_payment(request)
    for _ in ("captured", "captured again"):
        taken = gateway.capture(ref_of(request, held), world.money(500))
        assert taken.status is _once_told(world, PaymentStatus.SUCCEEDED)
    assert [taken.units for taken in world.books()] == [500]


@needs(Capability.CAPTURE | Capability.VOID)
def test_an_authorized_payment_that_is_voided_takes_nothing(world: World, gateway: Gateway) -> None:
    request = a_payment(world, capture=False)
    held = gateway.create_payment(request)
    assert gateway.void(ref_of(request, held)).status is _once_told(world, PaymentStatus.CANCELED)
    assert gateway.capture(ref_of(request, held)).status is _once_told(world, PaymentStatus.CANCELED)
    assert world.books() == []


@needs(cases=lambda world: world.units)
def test_an_amount_arrives_in_the_units_the_gateway_counts_in(world: World, gateway: Gateway, case: Any) -> None:
    amount, units = case
    result = charge(world, gateway, replace(a_payment(world), amount=amount))
    assert (result.status, result.amount) == (PaymentStatus.SUCCEEDED, amount)
    assert [(taken.units, taken.currency) for taken in world.books()] == [(units, amount.currency)]


@needs(cases=lambda world: world.too_fine)
def test_an_amount_too_fine_for_the_gateway_is_not_rounded_but_refused(
    world: World, gateway: Gateway, case: Any
) -> None:
    with pytest.raises(GatewayRefused):
        gateway.create_payment(replace(a_payment(world), amount=case))
    assert world.books() == []


def test_right_credentials_pass_the_connection_test(gateway: Gateway) -> None:
    gateway.check_credentials()


def test_connections_are_kept_for_the_next_call(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Laying a line to a real gateway takes longer than many a call."""
    laid = []
    accept = wire.Server.process_request
    monkeypatch.setattr(wire.Server, "process_request", lambda *words: laid.append(words) or accept(*words))
    gateway.check_credentials()
    before = len(laid)
    gateway.check_credentials()
    assert len(laid) == before


def test_wrong_credentials_are_refused_and_never_repeated(world: World) -> None:
    gateway = world.open(**world.wrong_credentials)
    request = a_payment(world)
    fetch = partial(gateway.fetch_payment, ref_of(request))
    calls = (gateway.check_credentials, partial(gateway.create_payment, request), fetch)
    for call in calls:
        with pytest.raises(GatewayRefused) as refused:
            call()
        told = "".join(traceback.format_exception(refused.value)) + repr(refused.value)
        assert not [secret for secret in world.wrong_credentials.values() if secret in told]
    assert world.books() == []


def test_a_gateway_does_not_show_its_secrets(world: World, gateway: Gateway) -> None:
    held = gateway.secrets
    secrets = [held[field.name] for field in gateway.credentials if field.secret and field.name in held]
    assert secrets
    assert not [secret for secret in secrets if secret in f"{gateway!r} {gateway}"]


@needs(cases=lacking)
def test_what_a_gateway_cannot_do_it_says(world: World, gateway: Gateway, case: str) -> None:
    verb = getattr(gateway, case)
    with pytest.raises(Unsupported, match=gateway.title):
        verb(*[None] * len(signature(verb).parameters))


def _once_told(world: World, status: PaymentStatus) -> PaymentStatus:
    """What a gateway answers that does what it is asked at once; another one says later how it ended."""
    return status if world.acts_at_once else PaymentStatus.PENDING
