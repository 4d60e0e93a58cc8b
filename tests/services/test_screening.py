"""Payments are looked at before they are charged: let through, challenged, held for a person, refused."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app.actors import Actor, current_actor
from app.db import session, transaction
from app.domain.errors import Conflict, InvalidInput
from app.domain.fraud import Verdict
from app.models import AuditEntry, Customer, FraudReview, Invoice
from app.queries import fraud as query
from app.services import charging, due_payments, screening
from simulators.adyen import AdyenSimulator
from simulators.stripe import StripeSimulator
from tests.shop import Shop, assert_books_agree, fresh, invoices_of, payments_of
from tests.simulated import connected, simulated

HOUR = timedelta(hours=1)


@pytest.fixture
def payer() -> object:
    """Somebody at a browser."""
    token = current_actor.set(Actor("payer", None, "203.0.113.7"))
    yield
    current_actor.reset(token)


def rule(signal: str, verdict: Verdict, at: datetime, at_least: int = 1) -> None:
    with transaction():
        screening.add_rule(signal, verdict, at, at_least=at_least)


def held(invoice_id: str, at: datetime, code: str = "payment_under_review", **wish: object) -> None:
    with pytest.raises(Conflict) as refusal:
        charging.collect(invoice_id, at, off_session=False, **wish)  # type: ignore[arg-type]
    assert refusal.value.code == code


@pytest.mark.parametrize("signal", ["customer_attempts", "method_attempts", "ip_attempts"])
@pytest.mark.usefixtures("payer")
def test_too_many_attempts_in_an_hour_are_held(shop: Shop, at: datetime, signal: str) -> None:
    rule(signal, Verdict.REVIEW, at, 3)
    invoice_id = shop.debt("tok_soft_decline")
    for minutes in (0, 20):
        charging.collect(invoice_id, at + timedelta(minutes=minutes), off_session=False)
    held(invoice_id, at + timedelta(minutes=40))
    assert [one.status for one in payments_of(invoice_id)] == ["failed", "failed"]
    assert [(one.signals, one.ip) for one in session().scalars(select(FraudReview))] == [([signal], "203.0.113.7")]


@pytest.mark.usefixtures("payer")
def test_attempts_of_an_hour_ago_do_not_count(shop: Shop, at: datetime) -> None:
    rule("customer_attempts", Verdict.REVIEW, at, 2)
    invoice_id = shop.debt("tok_soft_decline")
    for hours in range(3):
        charging.collect(invoice_id, at + hours * HOUR, off_session=False)
    assert len(payments_of(invoice_id)) == 3


@pytest.mark.parametrize(
    ("kind", "value"), [("email", "farm@foxglove.example"), ("country", "CA"), ("ip", "203.0.113.7")]
)
@pytest.mark.usefixtures("payer")
def test_whoever_is_blocked_is_refused_and_it_is_written_down(shop: Shop, at: datetime, kind: str, value: str) -> None:
    with transaction():
        screening.add_entry(kind, value, at, allow=False)
    invoice_id = shop.debt()
    held(invoice_id, at, "payment_refused")
    assert payments_of(invoice_id) == []
    assert session().scalars(select(AuditEntry.subject_id).where(AuditEntry.action == "payment.refused")).all() == [
        invoice_id
    ]


@pytest.mark.usefixtures("payer")
def test_whoever_is_allowed_is_let_through_whatever_the_rules_say(shop: Shop, at: datetime) -> None:
    rule("customer_attempts", Verdict.REFUSE, at)
    with transaction():
        screening.add_entry("email", "FARM@foxglove.example", at, allow=True)
    assert charging.collect(shop.debt(), at, off_session=False).status == "succeeded"


@pytest.mark.usefixtures("payer")
def test_a_challenge_has_the_bank_ask(shop: Shop, at: datetime) -> None:
    rule("customer_attempts", Verdict.CHALLENGE, at)
    payment = charging.collect(shop.debt(), at, off_session=False)
    assert (payment.status, payment.challenge, payment.next_action["kind"]) == ("requires_action", True, "redirect")


@pytest.mark.usefixtures("payer")
def test_a_challenge_is_asked_for_at_stripe(shop: Shop, at: datetime) -> None:
    rule("customer_attempts", Verdict.CHALLENGE, at)
    with simulated("stripe") as simulator:
        assert isinstance(simulator, StripeSimulator)
        shop.account_id = connected(simulator, at)
        charging.collect(shop.debt("pm_card_visa"), at, off_session=False)
        sent = [call.body for call, _ in simulator.journal if call.line == "POST /v1/payment_intents"]
    assert b"request_three_d_secure" in sent[0]


@pytest.mark.usefixtures("payer")
def test_a_challenge_is_asked_for_at_adyen(shop: Shop, at: datetime) -> None:
    rule("customer_attempts", Verdict.CHALLENGE, at)
    with simulated("adyen") as simulator:
        assert isinstance(simulator, AdyenSimulator)
        shop.account_id = connected(simulator, at)
        customer_id = shop.customer()
        shop.method(customer_id, f"{customer_id}/{simulator.leave(customer_id)}")
        payment = charging.collect(invoices_of(shop.sell(customer_id))[0].id, at, off_session=False)
    assert (payment.status, payment.challenge, payment.next_action["kind"]) == ("requires_action", True, "redirect")


@pytest.mark.parametrize(("gateway", "token"), [("square", "cnon:card-nonce-ok"), ("sandbox", "tok_delayed")])
@pytest.mark.usefixtures("payer")
def test_who_cannot_be_challenged_is_held(shop: Shop, at: datetime, gateway: str, token: str) -> None:
    """Square asks in its form alone, and no bank is asked about a direct debit."""
    rule("customer_attempts", Verdict.CHALLENGE, at)
    with ExitStack() as stack:
        if gateway != "sandbox":
            shop.account_id = connected(stack.enter_context(simulated(gateway)), at)
        invoice_id = shop.debt(token)
        held(invoice_id, at)
    assert payments_of(invoice_id) == []


class TestTheSameCard:
    """Two customers at Stripe with one card, which Stripe calls by one name."""

    @pytest.fixture(autouse=True)
    def at_stripe(self, shop: Shop, at: datetime, payer: object) -> Iterator[None]:
        with simulated("stripe") as simulator:
            shop.account_id = connected(simulator, at)
            yield

    def test_is_seen_at_both(self, shop: Shop, at: datetime) -> None:
        first, second, other = (shop.buyer(token) for token in ("pm_card_visa", "pm_card_visa", "pm_card_mastercard"))
        [(fingerprint, found)] = query.others_with(first)
        assert (fingerprint, found.id) == ("fp_visa_4242", second)
        assert query.others_with(other) == []

    def test_counts_for_whoever_has_it(self, shop: Shop, at: datetime) -> None:
        rule("card_customers", Verdict.REVIEW, at, 2)
        first = shop.debt("pm_card_visa")
        assert charging.collect(first, at, off_session=False).status == "succeeded"
        held(shop.debt("pm_card_visa"), at)
        assert charging.collect(shop.debt("pm_card_mastercard"), at, off_session=False).status == "succeeded"

    def test_attempts_with_it_add_up(self, shop: Shop, at: datetime) -> None:
        rule("card_attempts", Verdict.REVIEW, at, 3)
        for minutes in (0, 10):
            charging.collect(shop.debt("pm_card_visa"), at + timedelta(minutes=minutes), off_session=False)
        held(shop.debt("pm_card_visa"), at + timedelta(minutes=20))

    def test_is_blocked_whoever_has_it(self, shop: Shop, at: datetime) -> None:
        with transaction():
            screening.add_entry("card", "FP_visa_4242", at, allow=False)
        held(shop.debt("pm_card_visa"), at, "payment_refused")
        assert charging.collect(shop.debt("pm_card_mastercard"), at, off_session=False).status == "succeeded"


def test_renewals_are_not_counted_and_not_challenged_but_blocked_ones_are_not_charged(shop: Shop, at: datetime) -> None:
    rule("customer_attempts", Verdict.REVIEW, at)
    rule("method_attempts", Verdict.CHALLENGE, at)
    assert charging.collect(shop.debt(), at).status == "succeeded"
    with transaction():
        screening.add_entry("email", "farm@foxglove.example", at, allow=False)
    invoice_id = shop.debt()
    due_payments.collect_if_due(invoice_id, at)
    invoice = fresh(Invoice, invoice_id)
    assert (payments_of(invoice_id), invoice.status, invoice.decline_code) == ([], "open", "no_payment_method")


class TestReview:
    @pytest.fixture
    def invoice(self, shop: Shop, at: datetime, payer: object) -> str:
        """One whose payment is held."""
        rule("customer_attempts", Verdict.REVIEW, at)
        invoice_id = shop.debt()
        held(invoice_id, at)
        return invoice_id

    def review(self, invoice: str) -> str:
        found = query.review_of(invoice)
        assert found is not None
        return found.id

    def test_nothing_is_charged_meanwhile_by_anybody(self, shop: Shop, at: datetime, invoice: str) -> None:
        held(invoice, at)
        due_payments.collect_due(at + HOUR)
        assert (payments_of(invoice), shop.bank.charges()) == ([], [])
        assert len(session().scalars(select(FraudReview)).all()) == 1

    def test_released_it_is_collected(self, shop: Shop, at: datetime, invoice: str) -> None:
        due_payments.collect_due(at)
        with transaction():
            screening.release(self.review(invoice), at + HOUR)
        due_payments.collect_due(at + HOUR)
        assert fresh(Invoice, invoice).status == "paid"
        assert_books_agree(shop.bank)

    def test_refused_it_is_never_charged(self, shop: Shop, at: datetime, invoice: str) -> None:
        with transaction():
            screening.refuse(self.review(invoice), at)
        held(invoice, at + HOUR, "payment_refused")
        assert (shop.bank.charges(), fresh(Invoice, invoice).decline_code) == ([], "suspected_fraud")

    def test_it_is_decided_once(self, at: datetime, invoice: str) -> None:
        with transaction():
            screening.refuse(self.review(invoice), at)
        with pytest.raises(Conflict, match="refused already"), transaction():
            screening.release(self.review(invoice), at)


@pytest.mark.parametrize(
    ("kind", "value"), [("ip", "not an address"), ("country", "Canada"), ("name", "x"), ("email", " ")]
)
def test_what_makes_no_sense_on_a_list_is_refused(shop: Shop, at: datetime, kind: str, value: str) -> None:
    with pytest.raises(InvalidInput), transaction():
        screening.add_entry(kind, value, at, allow=False)
    assert session().scalars(select(Customer)).all() == []
