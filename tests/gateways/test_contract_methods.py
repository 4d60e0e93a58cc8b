"""The contract: methods that payers leave for later."""

from dataclasses import replace

import pytest

from app.gateways.base import Capability, Gateway
from app.gateways.errors import GatewayRefused, MethodRefused
from app.gateways.types import NoticeKind, PaymentStatus, Redirect, SaveMethodRequest, SetupRequest
from app.ids import new_id
from tests.gateways.contract import OTHER_PAYER, PAYER, a_method, a_payment, needs, where
from tests.gateways.worlds import World


@needs(Capability.SAVE_METHOD | Capability.OFF_SESSION)
def test_a_kept_method_can_be_charged_again_and_again_without_the_payer(world: World, gateway: Gateway) -> None:
    saved = gateway.save_method(a_method(world))
    for _ in range(2):
        result = gateway.create_payment(replace(a_payment(world), token=saved.token, off_session=True))
        assert result.status is PaymentStatus.SUCCEEDED
    assert len(world.books()) == 2


@needs(Capability.SAVE_METHOD)
def test_a_kept_method_is_recognised_by_its_kind_and_a_card_by_brand_digits_and_expiry(
    world: World, gateway: Gateway
) -> None:
    saved = gateway.save_method(a_method(world))
    assert (saved.kind, saved.brand, saved.last4, saved.exp_year) == world.kept_as


@needs(Capability.SAVE_METHOD)
def test_forgetting_a_method_twice_is_no_error(world: World, gateway: Gateway) -> None:
    saved = gateway.save_method(a_method(world))
    gateway.forget_method(saved.token)
    gateway.forget_method(saved.token)


@needs(Capability.METHOD_UPDATES)
def test_a_forgotten_method_is_gone_and_takes_no_money(world: World, gateway: Gateway) -> None:
    saved = gateway.save_method(a_method(world))
    assert gateway.fetch_method(saved.token) == saved
    gateway.forget_method(saved.token)
    assert gateway.fetch_method(saved.token) is None
    charged = gateway.create_payment(replace(a_payment(world), token=saved.token, off_session=True))
    assert charged.status is PaymentStatus.FAILED
    assert charged.decline
    assert charged.decline.hard
    assert world.books() == []


@needs(Capability.METHOD_UPDATES, where("replaces_cards"))
def test_a_card_that_the_bank_replaced_is_told_of_and_shown_with_its_new_digits(
    world: World, gateway: Gateway, case: bool
) -> None:
    saved = gateway.save_method(a_method(world))
    world.replace_card(saved.token)
    [notice] = gateway.parse_webhook(world.webhook())
    assert (notice.kind, notice.method_token) == (NoticeKind.METHOD, saved.token)
    renewed = gateway.fetch_method(saved.token)
    assert renewed
    assert (renewed.token, renewed.last4) == (saved.token, "1881")


@needs(Capability.SAVE_METHOD | Capability.SETUP, where("has_setup_page"))
def test_a_method_left_on_the_gateways_page_is_kept(world: World, gateway: Gateway, case: bool) -> None:
    page = gateway.begin_setup(SetupRequest(new_id("req"), PAYER, "https://shop.example/methods", world.currency))
    assert isinstance(page, Redirect)
    token = world.pay_page(page.url)[gateway.setup_answers[0]]
    saved = gateway.save_method(SaveMethodRequest(token, PAYER))
    charged = gateway.create_payment(replace(a_payment(world), token=saved.token, off_session=True))
    assert charged.status is PaymentStatus.SUCCEEDED


@needs(Capability.SAVE_METHOD | Capability.SETUP, where("has_setup_page"))
def test_a_method_left_by_one_customer_is_not_kept_for_another(world: World, gateway: Gateway, case: bool) -> None:
    page = gateway.begin_setup(SetupRequest(new_id("req"), PAYER, "https://shop.example/methods", world.currency))
    assert isinstance(page, Redirect)
    token = world.pay_page(page.url)[gateway.setup_answers[0]]
    with pytest.raises(GatewayRefused):
        gateway.save_method(SaveMethodRequest(token, OTHER_PAYER))


@needs(Capability.SAVE_METHOD, lambda world: [world.refused_method] if world.refused_method else [])
def test_a_method_that_its_bank_will_not_have_kept_is_refused_with_the_reason(
    world: World, gateway: Gateway, case: tuple[str, str]
) -> None:
    token, word = case
    with pytest.raises(MethodRefused) as refused:
        gateway.save_method(SaveMethodRequest(token, PAYER))
    assert refused.value.decline.code == word


@needs(Capability.SAVE_METHOD | Capability.OFF_SESSION, where("keeps_while_paying"))
def test_a_payment_can_keep_its_method(world: World, gateway: Gateway, case: bool) -> None:
    paid = gateway.create_payment(a_payment(world, save_method=True))
    assert paid.saved_method
    again = gateway.create_payment(replace(a_payment(world), token=paid.saved_method.token, off_session=True))
    assert again.status is PaymentStatus.SUCCEEDED


@needs(Capability.SAVE_METHOD | Capability.OFF_SESSION, where("keeps_while_paying"))
def test_a_payment_keeps_no_method_unasked(world: World, gateway: Gateway, case: bool) -> None:
    assert gateway.create_payment(a_payment(world)).saved_method is None
