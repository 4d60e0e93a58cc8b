"""What is refused at each gateway: with a code, written down, and nothing is changed by it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.config import Settings
from app.db import session, transaction
from app.domain.errors import Conflict
from app.domain.money import Money
from app.gateways import REGISTRY, gateway_class
from app.gateways.base import Capability, Gateway
from app.gateways.types import PaymentResult, PaymentStatus
from app.jobs.sweeps import watch_chains
from app.models import AuditEntry, InboxNotice, Invoice, Payment, PaymentMethod, Refund
from app.processes import wait_until
from app.services import charging, connections, gateway_accounts, inbox_work, refunds
from app.settings import cache
from crashtest import acts, payers
from crashtest.mailbox import Webhook
from crashtest.town import Town, town
from tests.gateways.worlds import world_class
from tests.kept import DELETE_ALL
from tests.lent import lab
from tests.shop import fresh, payments_of
from tests.together import refusals, together


@pytest.fixture(scope="module")
def place(application: Flask, settings: Settings) -> Iterator[Town]:
    """One town for all of these tests, in which nothing goes wrong by itself."""
    with town(lab(application, settings)) as found:
        for name, url in found.webhooks.items():
            if name in found.outsides and found.can(name, Capability.WEBHOOKS):
                found.outsides[name].send_webhooks(url)
        yield found
    with psycopg.connect(settings.database_url, options="-c lock_timeout=10s") as owner:
        owner.execute(DELETE_ALL)
    with application.app_context():
        cache().flushdb()


def over(capability: Capability, *without: str) -> Any:
    """Over the gateways that can do this."""
    names = [name for name in REGISTRY if capability in gateway_class(name).capabilities and name not in without]
    return pytest.mark.parametrize("gateway", names)


def begin(place: Town, gateway: str) -> Payment:
    """Collect a new invoice: with the customer's method, or by letting its payer begin."""
    by_method = place.can(gateway, Capability.SAVE_METHOD)
    return charging.collect(place.debt(gateway), clock.now(), hosted=None if by_method else place.hosted(gateway))


def pay(place: Town, gateway: str) -> Payment:
    """A payment after its payer has done what there was to do."""
    payment = begin(place, gateway)
    if payment.status == "requires_action":
        answer = payers.pay(place.outsides[gateway], payment.gateway_ref or "", payment.next_action)
        charging.resume(payment.id, answer, clock.now())
        watch_chains()
    return fresh(Payment, payment.id)


def codes(action: str, subject_id: str) -> list[str]:
    """With which codes it was written down that something was refused."""
    entries = session().scalars(
        select(AuditEntry).where(AuditEntry.action == action, AuditEntry.subject_id == subject_id)
    )
    return [entry.changes["code"] for entry in entries]


def taken(place: Town, gateway: str) -> list[tuple[str, int, int]]:
    """What the gateway took and sent back, by its own books."""
    return [(row.key, row.minor, row.refunded) for row in place.theirs(gateway)]


def wrong(place: Town, gateway: str) -> dict[str, str]:
    """Credentials that the gateway does not know, or knows no more."""
    if gateway == "sandbox":
        return {"api_key": "revoked", "page_url": "http://bank.example"}
    outside = place.outsides[gateway]
    bad = {"rpc_url": f"{outside.url}/revoked"} if gateway == "web3" else world_class(gateway).wrong_credentials
    return {"webhook_url": place.webhooks[gateway], **outside.account(), **bad}


def right(place: Town, gateway: str) -> dict[str, str]:
    outside = place.outsides.get(gateway)
    given = outside.account() if outside else {"api_key": "sandbox_crash", "page_url": "http://bank.example"}
    return {**given, "webhook_url": place.webhooks[gateway]}


def give(place: Town, gateway: str, credentials: dict[str, str]) -> None:
    with transaction():
        gateway_accounts.replace_credentials(place.accounts[gateway], credentials, clock.now())


@pytest.mark.parametrize("gateway", REGISTRY)
def test_wrong_or_revoked_credentials_take_nothing_and_lose_nothing(place: Town, gateway: str) -> None:
    paid, waiting, before = pay(place, gateway), begin(place, gateway), taken(place, gateway)
    give(place, gateway, wrong(place, gateway))
    assert connections.fault_of(place.accounts[gateway])
    refused = begin(place, gateway)
    assert (refused.status, refused.decline_code) == ("failed", "gateway_refused")
    assert codes("payment.refused_by_gateway", refused.id) == ["gateway_refused"]
    assert fresh(Invoice, refused.invoice_id).status == "open"
    status = fresh(Payment, waiting.id).status
    charging.check(waiting.id, clock.now())
    if place.can(gateway, Capability.REFUND) and not place.can(gateway, Capability.PAYOUT):
        sent_back = refunds.refund(paid.id, paid.amount, clock.now())
        assert (sent_back.status, fresh(Payment, paid.id).refunded_minor) == ("failed", 0)
        assert codes("refund.refused_by_gateway", sent_back.id) == ["gateway_refused"]
    assert (fresh(Payment, waiting.id).status, taken(place, gateway)) == (status, before)
    give(place, gateway, right(place, gateway))
    assert connections.fault_of(place.accounts[gateway]) is None


@over(Capability.REFUND)
def test_more_than_was_captured_is_not_sent_back_also_by_two_at_once(place: Town, gateway: str) -> None:
    payment = pay(place, gateway)
    amount, more = payment.amount, Money(payment.amount_minor + 1, payment.currency)
    with pytest.raises(Conflict) as refusal:
        refunds.refund(payment.id, more, clock.now())
    assert refusal.value.code == "refund_too_large"
    assert codes("refund.refuse", payment.id) == ["refund_too_large"]
    assert (fresh(Payment, payment.id).refunded_minor, place.taken(payment).refunded) == (0, 0)

    def send() -> Refund:
        return refunds.refund(payment.id, amount, clock.now())

    assert refusals(together(place.lab.app, place.lab.tenant_id, send, send)) == ["refund_too_large"]
    assert codes("refund.refuse", payment.id) == ["refund_too_large"] * 2
    rows = session().scalars(select(Refund).where(Refund.payment_id == payment.id)).all()
    assert [row.amount for row in rows] == [amount]
    assert place.taken(payment).refunded <= amount.minor


@over(Capability.SAVE_METHOD)
def test_a_method_of_another_customer_is_not_charged(place: Town, gateway: str) -> None:
    other = next(name for name in ("sandbox", "stripe") if name != gateway)
    theirs = select(PaymentMethod.id).where(PaymentMethod.customer_id == place.customers[gateway])
    invoice_id, before = place.debt(other), taken(place, gateway)
    with pytest.raises(Conflict) as refusal:
        charging.collect(invoice_id, clock.now(), method_id=session().scalars(theirs).first())
    assert refusal.value.code == "payment_method_unknown"
    assert codes("payment.refuse", invoice_id) == ["payment_method_unknown"]
    assert (payments_of(invoice_id), taken(place, gateway)) == ([], before)


@over(Capability.WEBHOOKS)
def test_a_webhook_for_another_account_is_not_believed(place: Town, gateway: str) -> None:
    place.mailbox.empty()
    payment = pay(place, gateway)
    came: list[Webhook] = []
    assert wait_until(lambda: bool(came.extend(place.mailbox.empty()) or came), 5)
    with transaction():
        credentials = {**right(place, gateway), "webhook_url": "https://other.example/webhooks"}
        other = gateway_accounts.create(f"Other {gateway}", gateway, credentials, clock.now())
    path = f"/webhooks/{gateway}/{other.webhook_key}"
    status = acts.take(place.lab.app, path, came[-1].headers, came[-1].body)
    inbox_work.follow_due(clock.now())
    kept = session().scalars(select(InboxNotice).where(InboxNotice.gateway_account_id == other.id)).all()
    if status == 400:
        assert (kept, codes("gateway_account.refuse_webhook", other.id)) == ([], ["invalid_signature"])
    else:
        assert [row.subject_id for row in kept] == [None]
        assert kept[0].state == "due" or codes("notice.refuse", kept[0].id) == ["foreign_notice"]
    now = fresh(Payment, payment.id)
    assert (now.status, now.settled_at, now.received_minor) == ("succeeded", payment.settled_at, payment.received_minor)


@pytest.mark.parametrize("gateway", [name for name in REGISTRY if name != "web3"])  # test_deposits.py is about those
def test_an_amount_other_than_the_invoices_pays_nothing(
    place: Town, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for verb in ("create_payment", "fetch_payment", "resume_payment"):
        monkeypatch.setattr(gateway_class(gateway), verb, altered(getattr(gateway_class(gateway), verb)))
    payment = pay(place, gateway)
    if payment.status == "requires_action":
        payment = charging.check(payment.id, clock.now())
    assert (payment.status in ("unknown", "requires_action"), payment.settled_at) == (True, None)
    assert codes("payment.refuse_amount", payment.id) == ["amount_mismatch"]
    assert fresh(Invoice, payment.invoice_id).paid_minor == 0


def altered(verb: Callable[..., PaymentResult]) -> Callable[..., PaymentResult]:
    """The same verb, by which a cent less came; in other money, where payers may send as little as they like."""

    def told(gateway: Gateway, *words: Any) -> PaymentResult:
        result = verb(gateway, *words)
        if result is None or result.status is not PaymentStatus.SUCCEEDED or result.amount is None:
            return result
        free = Capability.ANY_AMOUNT in gateway.capabilities
        less = Money(result.amount.minor, "USD") if free else Money(result.amount.minor - 1, result.amount.currency)
        return replace(result, amount=less)

    return told
