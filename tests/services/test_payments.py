"""Claim, call, record: what becomes of an attempt, whatever the gateway answers, and whenever."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.db import session, transaction
from app.domain.declines import decline_for
from app.domain.errors import Conflict
from app.domain.money import Money
from app.gateways.errors import GatewayRefused, GatewayUnavailable, OutcomeUnknown
from app.gateways.types import PaymentResult, PaymentStatus, Redirect
from app.models import Event, GatewayAccount, Invoice, Payment
from app.services import charging, due_payments, gateway_accounts, invoices, payments, subscriptions
from app.services.one_off import OneOff
from tests.services.line import Script, ScriptedGateway, says
from tests.shop import (
    Shop,
    assert_books_agree,
    assert_books_balance,
    balance,
    fresh,
    invoices_of,
    let_check_fall_due,
    let_pause_end,
    payments_of,
    status,
)

NEXT_DAY = datetime(2026, 1, 16, 12, 0, tzinfo=UTC)
TAKEN = PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(22_60, "CAD"))
WAITS = PaymentResult(PaymentStatus.REQUIRES_ACTION, "ref-1", next_action=Redirect("http://bank.example/1"))
UNDER_WAY = PaymentResult(PaymentStatus.PENDING, "ref-1")
REFUSED = PaymentResult(PaymentStatus.FAILED, "ref-1", decline=decline_for("insufficient_funds"))
GIVEN_UP = PaymentResult(PaymentStatus.CANCELED, "ref-1")
SILENCE = OutcomeUnknown("no answer")
LINE_IS_CUT = GatewayUnavailable("no connection")


@dataclass(frozen=True)
class Fate:
    """What becomes of an invoice of 22.60 and its subscription when a token is charged off-session."""

    payment: str
    invoice: str
    subscription: str
    charged: int = 0
    decline: str | None = None
    collect_after: timedelta | None = None
    dun_after: timedelta | None = None


DAY = timedelta(days=1)
FATES = {
    "tok_ok": Fate("succeeded", "paid", "active", charged=22_60),
    # Soft: tried again tomorrow. Hard: a reminder a day after the due date, no attempt with the same method.
    "tok_soft_decline": Fate("failed", "open", "past_due", decline="insufficient_funds", dun_after=DAY),
    "tok_hard_decline": Fate("failed", "open", "past_due", decline="stolen_card", dun_after=DAY),
    "tok_expired": Fate("failed", "open", "past_due", decline="expired_card", dun_after=DAY),
    "tok_auth": Fate("failed", "open", "incomplete", decline="authentication_required", dun_after=DAY),
    "tok_delayed": Fate("pending", "open", "incomplete"),
    "tok_charged_no_answer": Fate("unknown", "open", "incomplete"),
    "tok_no_answer": Fate("unknown", "open", "incomplete"),
    # Not the customer's fault: soon again, and not held against them.
    "tok_unavailable": Fate(
        "failed", "open", "incomplete", decline="gateway_unavailable", collect_after=timedelta(minutes=15)
    ),
}


@pytest.mark.parametrize(("token", "fate"), FATES.items(), ids=FATES)
def test_every_token_has_its_fate(shop: Shop, at: datetime, token: str, fate: Fate) -> None:
    subscription_id = shop.sell(shop.buyer(token))
    invoice_id = invoices_of(subscription_id)[0].id
    due_payments.collect_due(at)

    invoice, [payment] = fresh(Invoice, invoice_id), payments_of(invoice_id)
    assert (payment.status, invoice.status, status(subscription_id)) == (
        fate.payment,
        fate.invoice,
        fate.subscription,
    )
    assert payment.decline_code == fate.decline
    assert invoice.collect_at == (at + fate.collect_after if fate.collect_after else None)
    assert invoice.dunning_at == (at + fate.dun_after if fate.dun_after else None)
    assert balance("gateway_clearing") == fate.charged
    assert (payment.check_at is not None) == (fate.payment in ("pending", "unknown"))


SETTLED = {
    "tok_delayed": ("succeeded", "paid"),
    "tok_charged_no_answer": ("succeeded", "paid"),
    "tok_no_answer": ("failed", "open"),
}


@pytest.mark.parametrize(("token", "end"), SETTLED.items(), ids=SETTLED)
def test_asking_later_tells_what_became_of_it_and_then_books_and_bank_agree(
    shop: Shop, at: datetime, token: str, end: tuple[str, str]
) -> None:
    invoice_id = shop.debt(token)
    payment = charging.collect(invoice_id, at)
    if payment.gateway_ref:
        shop.bank.settle(payment.gateway_ref)
    let_check_fall_due()
    assert due_payments.check_due(at) == 1
    assert (fresh(Payment, payment.id).status, fresh(Invoice, invoice_id).status) == end
    assert due_payments.check_due(at) == 0
    assert_books_agree(shop.bank)


# A claim begins, reads four times and writes at once; a record begins, locks two rows and writes at once. A
# subscription is locked, too, after a look whether it owes more. A refusal looks at the rules of dunning and,
# afterwards, for other methods; a gateway that does not answer is counted.
SENT = {
    "taken": (TAKEN, 10, 12),
    "refused": (REFUSED, 15, 16),
    "waiting": (UNDER_WAY, 9, 9),
    "silent": (SILENCE, 11, 11),
}


@pytest.mark.parametrize(("answer", "once", "subscribed"), SENT.values(), ids=SENT)
def test_a_charge_takes_so_many_statements_and_no_more(
    shop: Shop, at: datetime, script: Script, statements: list[str], answer: object, once: int, subscribed: int
) -> None:
    def sent(invoice_id: str, answer: object) -> int:
        script["create_payment"] = says(answer)
        session().expunge_all()
        statements.clear()
        charging.collect(invoice_id, at)
        return len(statements)

    buyer = shop.buyer()
    with transaction():
        single = invoices.create(buyer, [OneOff("Work", "20.00")], at).id
    sent(shop.debt(), TAKEN)  # what a process reads once
    assert (sent(single, answer), sent(shop.debt(), answer)) == (once, subscribed)


def test_no_connection_is_held_while_the_gateway_is_called(shop: Shop, at: datetime, script: Script) -> None:
    held = []
    script["create_payment"] = lambda request: held.append(session().in_transaction()) or TAKEN
    charging.collect(shop.debt(), at)
    assert held == [False]


def test_a_gateway_is_never_called_inside_a_transaction(shop: Shop, at: datetime) -> None:
    invoice_id = shop.debt()
    with pytest.raises(RuntimeError), transaction():
        charging.collect(invoice_id, at)


class TestNoAnswer:
    """A charge that was sent and not answered may have been executed."""

    def test_a_cut_line_while_asking_does_not_make_it_a_failure(self, shop: Shop, at: datetime, script: Script) -> None:
        invoice_id = shop.debt()
        script["create_payment"] = says(SILENCE)
        payment = charging.collect(invoice_id, at)
        for trouble in (LINE_IS_CUT, GatewayRefused("wrong key"), SILENCE, ValueError("bad JSON")):
            script["fetch_payment"] = says(trouble)
            let_check_fall_due()
            due_payments.check_due(at)
            assert fresh(Payment, payment.id).status == "unknown"
        with pytest.raises(Conflict, match="under way"):
            charging.collect(invoice_id, at)
        assert ScriptedGateway.calls.count("create_payment") == 1

    def test_the_payer_coming_back_while_the_line_is_cut_changes_nothing(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        script["create_payment"], script["resume_payment"] = says(WAITS), says(LINE_IS_CUT)
        payment = charging.collect(shop.debt(), at, off_session=False)
        assert charging.resume(payment.id, {}, at).status == "requires_action"

    def test_a_cut_line_while_closing_an_attempt_leaves_it_open(self, shop: Shop, at: datetime, script: Script) -> None:
        invoice_id = shop.debt()
        script["create_payment"], script["void"] = says(WAITS), says(LINE_IS_CUT)
        payment = charging.collect(invoice_id, at, off_session=False)
        charging.supersede(invoice_id, at)
        assert fresh(Payment, payment.id).status == "requires_action"
        with pytest.raises(Conflict):
            charging.collect(invoice_id, at)

    def test_what_the_gateway_does_not_know_yet_may_still_be_on_its_way(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        script["create_payment"], script["fetch_payment"] = says(SILENCE), says(None)
        payment = charging.collect(shop.debt(), at)
        assert charging.check(payment.id, at).status == "unknown"
        let_check_fall_due()
        assert charging.check(payment.id, at).status == "failed"

    def test_it_is_told_and_asked_about_at_growing_intervals(self, shop: Shop, at: datetime, script: Script) -> None:
        script["create_payment"] = script["fetch_payment"] = says(SILENCE)
        payment = charging.collect(shop.debt(), at)
        minutes = [minutes_until_check(payment.id)]
        for _ in range(4):
            let_check_fall_due()
            due_payments.check_due(at)
            minutes.append(minutes_until_check(payment.id))
        assert minutes == [5, 60, 24 * 60, 24 * 60, 24 * 60]
        assert told("payment.unknown") == [payment.id]


class TestLateAnswers:
    """Answers may come twice, late, or in the wrong order. Money is never lost, and nothing is charged twice for it."""

    def test_the_same_answer_again_changes_nothing_and_is_not_asked_about(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        script["create_payment"] = script["fetch_payment"] = says(TAKEN)
        payment = charging.collect(shop.debt(), at)
        charging.check(payment.id, NEXT_DAY)
        again = fresh(Payment, payment.id)
        assert (again.status, again.settled_at, again.check_at) == ("succeeded", at, None)
        assert balance("gateway_clearing") == 22_60

    def test_an_older_answer_does_not_undo_a_newer_one(self, shop: Shop, at: datetime, script: Script) -> None:
        script["create_payment"] = says(TAKEN)
        payment = charging.collect(shop.debt(), at)
        with transaction():
            assert payments.record(payment.id, UNDER_WAY, at).status == "succeeded"
        assert fresh(Payment, payment.id).check_at is None

    def test_an_attempt_given_up_here_but_open_at_the_gateway_is_asked_about_until_it_ends(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        invoice_id = shop.debt()
        script["create_payment"], script["fetch_payment"] = says(LINE_IS_CUT), says(UNDER_WAY)
        payment = charging.collect(invoice_id, at)
        assert payment.status == "failed"
        charging.check(payment.id, at)
        script["fetch_payment"] = says(TAKEN)
        let_check_fall_due()
        due_payments.check_due(at)
        assert (fresh(Payment, payment.id).status, fresh(Invoice, invoice_id).status) == ("succeeded", "paid")
        assert_books_balance()

    def test_money_for_an_invoice_that_was_paid_otherwise_is_kept_as_credit(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        invoice_id = shop.debt()
        script["create_payment"] = says(REFUSED)
        first = charging.collect(invoice_id, at)
        script["create_payment"] = says(TAKEN)
        charging.collect(invoice_id, at)
        with transaction():
            payments.record(first.id, TAKEN, at)
        assert balance("customer_balance") == -22_60
        assert balance("gateway_clearing") == 2 * 22_60
        assert fresh(Invoice, invoice_id).paid_minor == 22_60
        assert told("payment.unapplied") == [first.id]
        assert_books_balance()

    def test_money_for_an_invoice_that_was_taken_back_is_kept_as_credit(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        invoice_id = shop.debt()
        script["create_payment"] = says(REFUSED)
        payment = charging.collect(invoice_id, at)
        with transaction():
            invoices.void(invoice_id, at)
        with transaction():
            payments.record(payment.id, TAKEN, at)
        assert fresh(Invoice, invoice_id).status == "void"
        assert balance("customer_balance") == -22_60
        assert_books_balance()

    def test_money_after_a_cancellation_pays_the_invoice_and_wakes_nothing(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        subscription_id = shop.sell(shop.buyer())
        invoice_id = invoices_of(subscription_id)[0].id
        script["create_payment"] = says(SILENCE)
        payment = charging.collect(invoice_id, at)
        with transaction():
            subscriptions.cancel(subscription_id, at, at_period_end=False)
        with transaction():
            payments.record(payment.id, TAKEN, at)
        assert (fresh(Invoice, invoice_id).status, status(subscription_id)) == ("paid", "canceled")
        assert_books_balance()

    def test_more_than_was_asked_for_is_kept_as_credit(self, shop: Shop, at: datetime, script: Script) -> None:
        script["create_payment"] = says(PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(25_00, "CAD")))
        charging.collect(shop.debt(), at)
        assert balance("customer_balance") == -(25_00 - 22_60)
        assert_books_balance()

    def test_a_debit_that_is_returned_opens_the_invoice_again_and_dunning_begins_anew(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        subscription_id = shop.sell(shop.buyer())
        invoice_id = invoices_of(subscription_id)[0].id
        script["create_payment"] = says(REFUSED)
        charging.collect(invoice_id, at)
        script["create_payment"] = says(TAKEN)
        payment = charging.collect(invoice_id, NEXT_DAY)
        returned_at = NEXT_DAY + 20 * DAY
        with transaction():
            payments.record(payment.id, REFUSED, returned_at)
        invoice = fresh(Invoice, invoice_id)
        assert (invoice.status, invoice.paid_minor, status(subscription_id)) == ("open", 0, "past_due")
        assert (invoice.first_failed_at, invoice.dunning_at) == (
            returned_at,
            at + 7 * DAY,
        )
        assert balance("gateway_clearing") == 0
        assert_books_balance()

    def test_a_returned_debit_may_still_come_in(self, shop: Shop, at: datetime, script: Script) -> None:
        invoice_id = shop.debt()
        script["create_payment"] = says(TAKEN)
        payment = charging.collect(invoice_id, at)
        for answer in (REFUSED, TAKEN, REFUSED, TAKEN):
            with transaction():
                payments.record(payment.id, answer, NEXT_DAY)
        assert fresh(Invoice, invoice_id).status == "paid"
        assert balance("gateway_clearing") == 22_60
        assert_books_balance()


class TestWaitingForThePayer:
    """An attempt that the payer must approve blocks all others, so it must come to an end."""

    def test_left_alone_for_a_day_it_is_given_up_at_the_gateway(self, shop: Shop, at: datetime, script: Script) -> None:
        script["create_payment"] = script["fetch_payment"] = says(WAITS)
        script["void"] = says(GIVEN_UP)
        payment = charging.collect(shop.debt(), at)
        assert charging.check(payment.id, at + DAY - timedelta(seconds=1)).status == "requires_action"
        assert charging.check(payment.id, at + DAY).status == "canceled"

    def test_ours_that_nobody_approved_is_a_refusal_with_a_next_step(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        subscription_id = shop.sell(shop.buyer())
        invoice_id = invoices_of(subscription_id)[0].id
        script["create_payment"] = script["fetch_payment"] = says(WAITS)
        script["void"] = says(GIVEN_UP)
        charging.check(charging.collect(invoice_id, at).id, NEXT_DAY)
        invoice = fresh(Invoice, invoice_id)
        assert (status(subscription_id), invoice.decline_code) == ("incomplete", "payer_canceled")
        assert invoice.dunning_at is not None

    def test_a_payer_who_changes_their_mind_leaves_everything_as_it_was(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        subscription_id = shop.sell(shop.buyer())
        invoice_id = invoices_of(subscription_id)[0].id
        script["create_payment"], script["void"] = says(WAITS), says(GIVEN_UP)
        charging.collect(invoice_id, at, off_session=False)
        charging.supersede(invoice_id, at)
        invoice = fresh(Invoice, invoice_id)
        assert (status(subscription_id), invoice.first_failed_at) == ("incomplete", None)
        assert invoice.collect_at == at + timedelta(minutes=15)

    def test_another_way_to_pay_closes_it_and_charges_once(self, shop: Shop, at: datetime) -> None:
        customer_id = shop.buyer("tok_auth")
        invoice_id = invoices_of(shop.sell(customer_id))[0].id
        waiting = charging.collect(invoice_id, at, off_session=False)
        card = shop.method(customer_id, "tok_ok")
        charging.supersede(invoice_id, at)
        paid = charging.collect(invoice_id, at, method_id=card, off_session=False)
        shop.bank.answer(waiting.gateway_ref or "", approved=True)
        charging.check(waiting.id, at)
        assert (fresh(Payment, waiting.id).status, paid.status) == ("canceled", "succeeded")
        assert_books_agree(shop.bank)

    def test_late_money_closes_the_attempt_that_still_waits(self, shop: Shop, at: datetime, script: Script) -> None:
        invoice_id = shop.debt()
        script["create_payment"] = says(REFUSED)
        refused = charging.collect(invoice_id, at)
        script["create_payment"], script["void"] = says(WAITS), says(GIVEN_UP)
        waiting = charging.collect(invoice_id, at, off_session=False)
        with transaction():
            payments.record(refused.id, TAKEN, at)
        charging.close_open_attempt(invoice_id, at)
        assert fresh(Payment, waiting.id).status == "canceled"

    def test_approved_on_the_banks_page_it_is_paid(self, shop: Shop, at: datetime) -> None:
        invoice_id = shop.debt("tok_auth")
        payment = charging.collect(invoice_id, at, off_session=False)
        assert payment.next_action == {"kind": "redirect", "url": f"http://bank.example/{payment.gateway_ref}"}
        shop.bank.answer(payment.gateway_ref or "", approved=True)
        assert charging.resume(payment.id, {}, at).status == "succeeded"
        assert fresh(Invoice, invoice_id).status == "paid"
        assert_books_agree(shop.bank)

    def test_refused_on_the_banks_page_it_failed(self, shop: Shop, at: datetime) -> None:
        payment = charging.collect(shop.debt("tok_auth"), at, off_session=False)
        shop.bank.answer(payment.gateway_ref or "", approved=False)
        assert charging.resume(payment.id, {}, at).decline_code == "authentication_required"
        assert_books_agree(shop.bank)


class TestOurOwnTrouble:
    """What is our fault is not held against the customer, and does not stop the others."""

    def test_a_gateway_that_stays_away_is_tried_less_and_less_often(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        invoice_id = shop.debt()
        script["create_payment"] = says(LINE_IS_CUT)
        pauses = []
        for _ in range(9):
            due_payments.collect_due(at)
            at_next = fresh(Invoice, invoice_id).collect_at
            assert at_next is not None
            let_pause_end(shop.account_id)
            pauses.append(int((at_next - at).total_seconds() // 60))
            at = at_next
        assert pauses == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]
        assert fresh(Invoice, invoice_id).attempts == 0

    def test_an_account_that_cannot_be_opened_charges_nothing_and_is_looked_at_again(
        self, shop: Shop, at: datetime
    ) -> None:
        invoice_id = shop.debt()
        with transaction():
            account = fresh(GatewayAccount, shop.account_id)
            account.key_id = "a key that was lost"
        assert due_payments.collect_due(at) == 1
        assert payments_of(invoice_id) == []
        assert fresh(Invoice, invoice_id).collect_at == at + timedelta(minutes=15)

    def test_one_broken_invoice_does_not_hold_up_the_others(self, shop: Shop, at: datetime, script: Script) -> None:
        broken, sound = shop.debt(), shop.debt()
        wrong = PaymentResult(PaymentStatus.SUCCEEDED, "longer than a column" * 20, Money(22_60, "CAD"))
        script["create_payment"] = lambda request: wrong if request.key in _attempts(broken) else TAKEN
        assert due_payments.collect_due(at) == 1
        assert fresh(Invoice, sound).status == "paid"
        assert [p.status for p in payments_of(broken)] == ["sending"]

    def test_a_disabled_account_asks_the_customer_for_another_method(self, shop: Shop, at: datetime) -> None:
        subscription_id = shop.sell(shop.buyer())
        with transaction():
            gateway_accounts.disable(shop.account_id, at)
        due_payments.collect_due(at)
        [invoice] = invoices_of(subscription_id)
        assert (invoice.decline_code, status(subscription_id)) == ("no_payment_method", "incomplete")
        assert invoice.dunning_at is not None


def _attempts(invoice_id: str) -> list[str]:
    return [payment.id for payment in payments_of(invoice_id)]


def minutes_until_check(payment_id: str) -> int:
    """How long until the gateway is asked, by the database's clock."""
    pause = session().scalar(select(Payment.check_at - func.now()).where(Payment.id == payment_id))
    assert pause is not None
    return round(pause.total_seconds() / 60)


def told(event_type: str) -> list[str]:
    """What the events of a type are about, in their order."""
    return list(session().scalars(select(Event.subject_id).where(Event.type == event_type).order_by(Event.id)))
