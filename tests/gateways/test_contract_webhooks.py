"""The contract: webhooks are believed when their signature holds, and are then a hint what to look up."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.gateways import gateway_class
from app.gateways.base import Capability, Gateway
from app.gateways.errors import InvalidSignature
from app.gateways.types import Dispute, DisputeStatus, NoticeKind, PaymentStatus, RawRequest
from app.processes import wait_until
from crashtest.mailbox import Webhook, mailbox
from simulators.post import Route
from tests.gateways.contract import a_payment, a_refund, needs, settled, where
from tests.gateways.worlds import SimulatedWorld, World


@needs(Capability.WEBHOOKS)
def test_a_webhook_about_a_payment_names_it_by_our_key_and_theirs(world: World, gateway: Gateway) -> None:
    request, ref = settled(world, gateway)
    [notice] = gateway.parse_webhook(world.webhook())
    assert notice.kind is NoticeKind.PAYMENT
    assert notice.payment
    told = request.key if world.tells_key else ""
    assert (notice.payment.key, notice.payment.gateway_ref) == (told, ref.gateway_ref)


@needs(Capability.WEBHOOKS | Capability.REFUND, where("tells_refunds"))
def test_a_webhook_about_a_refund_names_it(world: World, gateway: Gateway, case: bool) -> None:
    _, ref = settled(world, gateway)
    sent = gateway.refund(a_refund(world, ref, 300))
    [notice] = gateway.parse_webhook(world.webhook())
    assert notice.kind is NoticeKind.REFUND
    assert notice.refund
    assert (notice.refund.gateway_ref, notice.refund.payment.gateway_ref) == (sent.gateway_ref, ref.gateway_ref)


@needs(Capability.WEBHOOKS)
def test_the_same_webhook_twice_has_one_dedupe_and_another_has_another(world: World, gateway: Gateway) -> None:
    settled(world, gateway)
    once, twice = gateway.parse_webhook(world.webhook()), gateway.parse_webhook(world.webhook(age=5))
    assert [notice.dedupe for notice in once] == [notice.dedupe for notice in twice]
    settled(world, gateway)
    assert gateway.parse_webhook(world.webhook())[0].dedupe != once[0].dedupe


@needs(Capability.WEBHOOKS)
def test_webhooks_that_come_twice_late_and_in_any_order_are_believed(world: SimulatedWorld) -> None:
    with mailbox() as letters:
        gateway, came = world.open(**_webhooks_at(world, letters.url)), list[RawRequest]()
        world.simulator.post.route = Route(letters.url, copies=2, late=0.2)
        named = {settled(world, gateway)[1].gateway_ref for _ in range(2)}
        told = 2 * len(world.simulator.events)
        assert wait_until(lambda: came.extend(map(_raw, letters.empty())) or len(came) == told, 5)
    at = datetime.now(UTC)  # hints that say nothing of themselves are told apart by the second in which they come
    notices = [notice for webhook in came for notice in gateway.parse_webhook(replace(webhook, received_at=at))]
    assert {notice.payment.gateway_ref for notice in notices if notice.payment} == named
    assert {times % 2 for times in Counter(notice.dedupe for notice in notices).values()} == {0}


@needs(Capability.WEBHOOKS, where("signs_body"))
def test_an_altered_body_is_not_believed(world: World, gateway: Gateway, case: bool) -> None:
    settled(world, gateway)
    signed = world.webhook()
    for body in (signed.body.replace(b"1", b"9"), signed.body + b" ", b""):
        assert body != signed.body
        with pytest.raises(InvalidSignature):
            gateway.parse_webhook(replace(signed, body=body))


@needs(Capability.WEBHOOKS, where("signs"))
def test_a_webhook_signed_with_another_secret_is_not_believed(world: World, gateway: Gateway, case: bool) -> None:
    settled(world, gateway)
    with pytest.raises(InvalidSignature):
        gateway.parse_webhook(world.webhook(secret="whsec_guessed"))


@needs(Capability.WEBHOOKS, where("signs"))
@pytest.mark.parametrize("value", [None, "", "nonsense", "t=,v1=", "t=9,v1=é", "v1=abc", "t=1²,v1=abc"])
def test_a_webhook_without_a_readable_signature_is_not_believed(
    world: World, gateway: Gateway, case: bool, value: str | None
) -> None:
    settled(world, gateway)
    signed = world.webhook()
    headers = dict.fromkeys(signed.headers, value or "") if value is not None else {}
    with pytest.raises(InvalidSignature):
        gateway.parse_webhook(replace(signed, headers=headers))


@needs(Capability.WEBHOOKS, where("signs"))
def test_without_a_secret_no_webhook_is_believed(world: World, gateway: Gateway, case: bool) -> None:
    settled(world, gateway)
    with pytest.raises(InvalidSignature):
        world.open(**world.rotating()).parse_webhook(world.webhook(secret=""))


@needs(Capability.WEBHOOKS, where("signs"))
@pytest.mark.parametrize("secret", ["whsec_old", "whsec_new"])
def test_both_secrets_hold_while_one_replaces_the_other(
    world: World, gateway: Gateway, case: bool, secret: str
) -> None:
    settled(world, gateway)
    rotating = world.open(**world.rotating("whsec_new", "whsec_old"))
    assert rotating.parse_webhook(world.webhook(secret=secret))


@needs(Capability.WEBHOOKS, where("signs_time"))
@pytest.mark.parametrize(("age", "believed"), [(0, True), (290, True), (310, False), (-290, True), (-310, False)])
def test_a_signature_is_good_for_five_minutes_either_way(
    world: World, gateway: Gateway, case: bool, age: int, believed: bool
) -> None:
    settled(world, gateway)
    signed = world.webhook(age=age)
    if believed:
        assert gateway.parse_webhook(signed)
        return
    with pytest.raises(InvalidSignature):
        gateway.parse_webhook(signed)


@needs(Capability.WEBHOOKS, where("signs_time"))
def test_a_signature_ages_until_the_webhook_arrives_and_not_until_it_is_worked_on(
    world: World, gateway: Gateway, case: bool
) -> None:
    settled(world, gateway)
    kept = replace(world.webhook(age=7200), received_at=datetime.now(UTC) - timedelta(seconds=7190))
    assert gateway.parse_webhook(kept)


@needs(Capability.WEBHOOKS, where("declines"))
def test_a_decline_is_told_of_too(world: World, gateway: Gateway, case: bool) -> None:
    token = next(iter(world.declines))
    request = replace(a_payment(world), token=token)
    assert gateway.create_payment(request).status is PaymentStatus.FAILED
    [notice] = gateway.parse_webhook(world.webhook())
    assert notice.payment
    assert notice.payment.key == request.key


@needs(Capability.DISPUTES | Capability.WEBHOOKS)
def test_a_dispute_is_told_of_and_shown_with_its_deadline(world: World, gateway: Gateway) -> None:
    request, ref = settled(world, gateway)
    dispute_ref = world.dispute(ref.gateway_ref or "")
    [notice] = gateway.parse_webhook(world.webhook())
    assert (notice.kind, notice.dispute_ref) == (NoticeKind.DISPUTE, dispute_ref)
    assert notice.payment
    assert notice.payment.gateway_ref == ref.gateway_ref
    dispute = gateway.fetch_dispute(dispute_ref) if world.asked_about_disputes else notice.result
    assert isinstance(dispute, Dispute)
    assert (dispute.status, dispute.amount) == (DisputeStatus.NEEDS_RESPONSE, request.amount)
    assert dispute.payment.gateway_ref == ref.gateway_ref
    assert dispute.respond_by
    assert dispute.respond_by > dispute.opened_at


@needs(Capability.DISPUTES, where("asked_about_disputes"))
def test_a_dispute_that_never_was_is_unknown(gateway: Gateway, world: World, case: bool) -> None:
    assert gateway.fetch_dispute("dp_unknown") is None


def _webhooks_at(world: World, url: str) -> dict[str, str]:
    """The credential that says where webhooks come in, at gateways that ask for it."""
    fields = [field.name for field in gateway_class(world.gateway).credentials]
    return {"webhook_url": url} if "webhook_url" in fields else {}


def _raw(webhook: Webhook) -> RawRequest:
    return RawRequest(webhook.body, {name.lower(): value for name, value in webhook.headers.items()})
