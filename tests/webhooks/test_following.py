"""Following up on notices: the gateway is asked, the one door records, and what fails is tried again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import session, transaction
from app.domain.errors import Conflict
from app.domain.money import Money
from app.jobs.schedule import run_due
from app.models import AuditEntry, Dispute, Event, GatewayAccount, PaymentMethod, Refund
from app.services import breakers, charging, inbox_work, refunds, tenant_settings
from app.services.ways import Hosted
from simulators.faults import Fault, FaultKind
from tests.gateways.contract import a_payment
from tests.shop import assert_books_balance, fresh, invoices_of, let_pause_end
from tests.webhooks.counter import Counter

AWAY = Fault(FaultKind.ERROR_BEFORE, on="GET /v1/payment_intents")


def states(counter: Counter) -> list[str]:
    return [row.state for row in counter.notices()]


@pytest.mark.parametrize("counter", ["stripe", "square", "paypal", "adyen"], indirect=True)
def test_a_notice_tells_of_a_payment_whose_answer_was_lost(counter: Counter) -> None:
    invoice_id = counter.owe()
    counter.letters.clear()
    counter.world.strike(FaultKind.DROP_AFTER)
    payment_id = counter.pay(invoice_id)
    assert counter.payment(payment_id).status == "unknown"
    counter.deliver_all()
    assert counter.work() >= 1
    assert counter.payment(payment_id).status == "succeeded"
    assert counter.invoice(invoice_id).status == "paid"
    [kept] = [row for row in counter.notices() if row.subject_id]
    assert (kept.state, kept.subject_id) == ("done", payment_id)


def test_work_on_one_notice_twice_changes_nothing_more(counter: Counter) -> None:
    payment_id = counter.pay()
    counter.deliver_all()
    counter.work()
    settled_at = counter.payment(payment_id).settled_at
    with counter.inside():
        for row in counter.notices():
            with transaction():
                inbox_work.replay(row.id, clock.now())
    counter.work()
    assert set(states(counter)) == {"done"}
    assert counter.payment(payment_id).settled_at == settled_at


def test_a_notice_that_comes_during_the_call_finds_the_attempt(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is delivered and worked on while our own call still waits for its answer."""
    invoice_id = counter.owe()
    counter.letters.clear()
    adapter = charging.gateway_accounts.gateway_class("stripe")
    create = adapter.create_payment

    def overtaken(self: object, request: object) -> object:
        result = create(self, request)  # type: ignore[arg-type]
        counter.deliver_all()
        assert counter.work() == 1
        return result

    monkeypatch.setattr(adapter, "create_payment", overtaken)
    payment_id = counter.pay(invoice_id)
    assert counter.payment(payment_id).status == "succeeded"
    assert counter.invoice(invoice_id).paid_minor == 2260


def test_a_notice_about_a_payment_of_another_account_is_refused_and_audited(counter: Counter) -> None:
    payment_id = counter.pay()
    before = counter.payment(payment_id).settled_at
    other = counter.connect()
    counter.deliver(counter.letters[-1], other)
    assert counter.work() == 0
    [kept] = counter.notices()
    assert (kept.state, kept.attempts, kept.subject_id) == ("dead", 1, None)
    assert "another gateway account" in (kept.last_error or "")
    assert counter.payment(payment_id).settled_at == before
    assert refusals(counter) == ["foreign_notice"]


@pytest.mark.parametrize("counter", ["jenga", "pesapal"], indirect=True)
def test_one_that_names_it_by_the_gateways_reference_alone_is_refused_too(counter: Counter) -> None:
    """Jenga's notices know no key of ours, and what Pesapal's say of it nobody has signed."""
    payment = counter.begin(counter.owe())
    counter.approve(payment)
    letter = counter.letters[-1]
    if counter.world.tells_key:
        letter = replace(letter, body=letter.body.replace(payment.id.encode(), b"x"))
    counter.deliver(letter, counter.connect())
    assert counter.work() == 0
    [kept] = counter.notices()
    assert (kept.state, kept.attempts, kept.subject_id) == ("dead", 1, None)
    assert counter.payment(payment.id).status == payment.status
    assert refusals(counter) == ["foreign_notice"]


def test_a_dispute_at_another_account_is_none_of_this_one(counter: Counter) -> None:
    counter.world.dispute(counter.payment(counter.pay()).gateway_ref or "")
    counter.deliver(counter.letters[-1], counter.connect())
    assert counter.work() == 0
    assert refusals(counter) == ["foreign_notice"]
    with counter.inside():
        assert session().scalars(select(Dispute)).all() == []


def refusals(counter: Counter) -> list[str]:
    with counter.inside():
        entries = session().scalars(select(AuditEntry).where(AuditEntry.action == "notice.refuse"))
        return [entry.changes["code"] for entry in entries]


def test_a_notice_about_nothing_of_ours_is_parked_for_a_day_and_then_laid_aside(counter: Counter) -> None:
    counter.world.open().create_payment(a_payment(counter.world))
    counter.deliver(counter.letters[-1])
    start = at = clock.now()
    for pause in inbox_work.BACK_OFF:
        counter.work(at)
        [kept] = counter.notices()
        assert (kept.state, kept.due_at) == ("due", at + pause)
        at += pause
    counter.work(at)
    [kept] = counter.notices()
    assert (kept.state, "No payment here" in (kept.last_error or "")) == ("dead", True)
    assert at - start > timedelta(days=1)
    assert refusals(counter) == ["unknown_subject"]


def test_a_gateway_that_is_away_is_asked_again_later(counter: Counter) -> None:
    payment_id = counter.pay()
    counter.deliver(counter.letters[-1])
    counter.world.simulator.faults.add(*[AWAY] * 3)
    now = clock.now()
    assert counter.work(now) == 0
    [kept] = counter.notices()
    assert (kept.state, kept.attempts, kept.due_at) == ("due", 1, now + inbox_work.BACK_OFF[0])
    assert counter.work(now) == 0
    counter.world.simulator.faults.clear()
    assert counter.work(now + inbox_work.BACK_OFF[0]) == 1
    assert counter.payment(payment_id).status == "succeeded"


def test_after_all_tries_it_is_laid_aside_and_a_replay_heals_it(counter: Counter) -> None:
    payment_id = counter.pay()
    counter.deliver(counter.letters[-1])
    counter.world.simulator.faults.draw(1, 0, [AWAY])
    at = clock.now()
    for pause in (*inbox_work.BACK_OFF, timedelta()):
        counter.work(at)
        at += pause
    [kept] = counter.notices()
    assert (kept.state, kept.attempts) == ("dead", len(inbox_work.BACK_OFF) + 1)
    counter.world.simulator.faults.clear()
    with counter.inside():
        with transaction():
            inbox_work.replay(kept.id, at)
        with pytest.raises(Conflict, match="waits"), transaction():
            inbox_work.replay(kept.id, at)
    assert counter.work(at) == 1
    assert states(counter) == ["done"]
    assert counter.payment(payment_id).status == "succeeded"


@pytest.mark.parametrize("about", ["dispute", "method"])
def test_too_many_requests_about_whatever_is_asked_make_everybody_wait(counter: Counter, about: str) -> None:
    payment_id = counter.pay()
    counter.letters.clear()
    if about == "dispute":
        counter.world.dispute(counter.payment(payment_id).gateway_ref or "")
    else:
        with counter.inside():
            counter.world.replace_card(session().scalars(select(PaymentMethod.token)).one())
    counter.deliver_all()
    counter.world.simulator.faults.add(Fault(FaultKind.RATE_LIMIT, on="GET "))
    now = clock.now()
    assert counter.work(now) == 0
    assert _waits(counter)
    assert counter.work(now + inbox_work.BACK_OFF[0]) == 0, "nobody asks meanwhile"
    assert counter.world.simulator.faults.struck == 1
    with counter.inside():
        let_pause_end(counter.account_id)
    assert counter.work(now + sum(inbox_work.BACK_OFF[:2], timedelta())) == 1


def test_a_payer_who_comes_back_is_asked_about_even_then(counter: Counter) -> None:
    """What they bring back can be handed over once, at some gateways; being told to wait makes everybody wait."""
    payment = counter.begin(counter.owe())
    answer = counter.approve(payment)
    counter.world.simulator.faults.add(Fault(FaultKind.RATE_LIMIT, on="GET "))
    with counter.inside():
        assert charging.resume(payment.id, answer, counter.at).status == "requires_action"
    assert _waits(counter)
    with counter.inside():
        assert charging.resume(payment.id, answer, counter.at).status == "succeeded"


def _waits(counter: Counter) -> bool:
    with counter.inside():
        return breakers.state(fresh(GatewayAccount, counter.account_id)) == "waiting"


def test_a_refund_that_settles_later_is_told_of(counter: Counter) -> None:
    with counter.inside():
        customer = counter.shop.customer()
        counter.shop.method(customer, counter.world.token("slow_refund"))
        invoice_id = counter.shop.sell(customer)
    with counter.inside():
        payment_id = charging.collect(invoices_of(invoice_id)[0].id, counter.at).id
        refund = refunds.refund(payment_id, Money(1000, "CAD"), counter.at)
        assert refund.status == "pending"
        counter.deliver_all()
        counter.world.settle_refund(refund.gateway_ref or "", succeeds=True)
    counter.deliver_all()
    counter.work()
    with counter.inside():
        assert fresh(Refund, refund.id).status == "succeeded"


def test_the_card_updater_changes_what_customers_recognise_their_card_by(counter: Counter) -> None:
    counter.owe()
    with counter.inside():
        [method] = session().scalars(select(PaymentMethod))
    counter.letters.clear()
    counter.world.replace_card(method.token)
    assert counter.letters
    counter.deliver_all()
    counter.work()
    with counter.inside():
        kept = fresh(PaymentMethod, method.id)
        assert (kept.last4, kept.exp_year, kept.removed_at) == ("1881", 2039, None)


@pytest.mark.parametrize("counter", ["adyen"], indirect=True)
@pytest.mark.parametrize(("arrives", "status"), [(True, "succeeded"), (False, "failed")])
def test_what_a_gateway_cannot_be_asked_its_signed_notice_brings(counter: Counter, arrives: bool, status: str) -> None:
    payment_id = counter.pay()
    counter.deliver_all()
    with counter.inside():
        refund = refunds.refund(payment_id, Money(1000, "CAD"), counter.at)
        assert refund.status == "pending"
    counter.world.settle_refund(refund.gateway_ref or "", succeeds=arrives)
    counter.deliver_all()
    counter.work()
    with counter.inside():
        assert fresh(Refund, refund.id).status == status


@pytest.mark.parametrize("counter", ["adyen"], indirect=True)
def test_a_dispute_at_a_gateway_that_cannot_be_asked_is_booked_by_its_notice(counter: Counter) -> None:
    payment_id = counter.pay()
    ref = counter.payment(payment_id).gateway_ref or ""
    counter.letters.clear()
    case = counter.world.dispute(ref)
    counter.deliver_all()
    assert counter.work() == 1
    with counter.inside():
        [row] = session().scalars(select(Dispute))
        assert (row.payment_id, row.gateway_ref, row.amount_minor) == (payment_id, case, 2260)


@pytest.mark.parametrize("counter", ["btcpay"], indirect=True)
@pytest.mark.parametrize("setting", ["balance", "refund"])
def test_money_that_comes_after_an_invoice_was_paid_is_the_customers(counter: Counter, setting: str) -> None:
    """Somebody pays the same code twice: BTCPay tells of it, and it is booked once, however often it is told."""
    with counter.inside():
        with transaction():
            tenant_settings.change_settings({"late_money": setting}, counter.at)
        invoice_id = counter.shop.debt(token=None)
        payment = charging.collect(invoice_id, counter.at, hosted=Hosted(counter.account_id), off_session=False)
    counter.world.simulator.pay(payment.gateway_ref)
    counter.deliver_all()
    counter.work()
    assert (counter.payment(payment.id).kept_minor, counter.invoice(invoice_id).status) == (0, "paid")
    counter.world.simulator.pay(payment.gateway_ref, 50)
    counter.letters.append(counter.letters[-1])
    counter.deliver_all()
    counter.work()
    paid = counter.payment(payment.id)
    assert (paid.status, paid.received_minor, paid.kept_minor) == ("succeeded", 3390, 1130)
    with counter.inside():
        run_due(counter.at)
        sent_back = [(row.amount_minor, row.reason) for row in session().scalars(select(Refund))]
        assert sent_back == ([(1130, "late_money")] if setting == "refund" else [])
        told = select(Event).where(Event.type == "payment.unapplied")
        assert len(session().scalars(told).all()) == 1
        assert_books_balance()
