"""When a gateway cannot be reached: another one stands in, its breaker opens, and one try at a time closes it again."""

from dataclasses import dataclass
from datetime import datetime

import pytest
from sqlalchemy import func, select

from app.db import session, transaction
from app.domain.breaker import FAILURES
from app.domain.declines import decline_for
from app.domain.errors import Conflict, InvalidInput
from app.domain.money import Money
from app.gateways.errors import GatewayRefused, GatewayUnavailable, OutcomeUnknown, RateLimited
from app.gateways.types import PaymentResult, PaymentStatus
from app.models import GatewayAccount, Invoice, Payment, Refund
from app.services import breakers, charging, due_payments, gateway_accounts, payment_methods, refunds, routing
from tests.services.line import Script, ScriptedGateway, says
from tests.shop import Shop, fresh, invoices_of, let_check_fall_due, let_pause_end, payments_of

OUTAGE = GatewayUnavailable("no connection")
REFUSED = PaymentResult(PaymentStatus.FAILED, "ref-1", decline=decline_for("insufficient_funds"))
TAKEN = PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(22_60, "CAD"))


@dataclass(frozen=True)
class Two:
    """An invoice whose customer has a default method at a scripted gateway and another one at the sandbox."""

    invoice: str
    customer: str
    scripted: str
    sandbox: str


@pytest.fixture
def two(shop: Shop, script: Script, at: datetime) -> Two:
    scripted = shop.account_id
    with transaction():
        sandbox = gateway_accounts.create("Second", "sandbox", {"api_key": "sandbox_2", "page_url": "http://b"}, at).id
    customer = shop.buyer("tok_scripted")
    payment_methods.add(customer, sandbox, "tok_ok", at, default=False)
    return Two(invoices_of(shop.sell(customer))[0].id, customer, scripted, sandbox)


def attempts(two: Two) -> list[tuple[str, str]]:
    """The attempts on the invoice: at which account, and how they ended."""
    names = {two.scripted: "scripted", two.sandbox: "sandbox"}
    return [(names[one.gateway_account_id], one.status) for one in payments_of(two.invoice)]


def state(account: str) -> str:
    return breakers.state(fresh(GatewayAccount, account))


@pytest.mark.parametrize(
    ("answer", "expected", "invoice"),
    [
        (OUTAGE, [("scripted", "failed"), ("sandbox", "succeeded")], "paid"),
        (RateLimited("slow down", 30), [("scripted", "failed"), ("sandbox", "succeeded")], "paid"),
        (OutcomeUnknown("silence"), [("scripted", "unknown")], "open"),
        (ValueError("half an answer"), [("scripted", "unknown")], "open"),
        (GatewayRefused("bad request"), [("scripted", "failed")], "open"),
        (REFUSED, [("scripted", "failed")], "open"),
        (TAKEN, [("scripted", "succeeded")], "paid"),
    ],
)
def test_another_gateway_stands_in_for_what_surely_was_not_executed_and_nothing_else(
    two: Two, at: datetime, script: Script, answer: object, expected: list[tuple[str, str]], invoice: str
) -> None:
    script["create_payment"] = says(answer)
    due_payments.collect_due(at)
    assert (attempts(two), fresh(Invoice, two.invoice).status) == (expected, invoice)


@pytest.mark.parametrize(("on_decline", "tried"), [(True, ["scripted", "sandbox"]), (False, ["scripted"])])
def test_a_refusal_is_stood_in_for_where_a_rule_says_so(
    two: Two, at: datetime, script: Script, on_decline: bool, tried: list[str]
) -> None:
    with transaction():
        routing.add(two.sandbox, at, currency="CAD", on_decline=on_decline)
    script["create_payment"] = says(REFUSED)
    charging.collect(two.invoice, at)
    assert [name for name, _ in attempts(two)] == tried


def test_rules_about_something_else_keep_an_account_out(two: Two, at: datetime, script: Script) -> None:
    with transaction():
        routing.add(two.sandbox, at, currency="USD")
    script["create_payment"] = says(OUTAGE)
    charging.collect(two.invoice, at)
    assert attempts(two) == [("scripted", "failed")]


@pytest.mark.parametrize("off_session", [True, False])
def test_what_a_payer_chose_is_not_replaced(two: Two, at: datetime, script: Script, off_session: bool) -> None:
    script["create_payment"] = says(OUTAGE)
    method = payment_methods.for_charging(two.customer, None)
    assert method is not None
    charging.collect(two.invoice, at, method_id=method.id, off_session=off_session)
    assert attempts(two) == [("scripted", "failed")]


class TestBreaker:
    @pytest.fixture
    def broken(self, shop: Shop, at: datetime, script: Script) -> str:
        """An account that has just failed often enough, and is the only one that anybody can be charged at."""
        script["create_payment"] = says(OUTAGE)
        for _ in range(FAILURES):
            charging.collect(shop.debt("tok_scripted"), at)
        return shop.account_id

    def test_it_opens_after_failures_in_a_row_and_then_nobody_calls(
        self, shop: Shop, at: datetime, broken: str
    ) -> None:
        calls = len(ScriptedGateway.calls)
        assert state(broken) == "open"
        invoice = shop.debt("tok_scripted")
        with pytest.raises(Conflict) as refusal:
            charging.collect(invoice, at)
        assert (refusal.value.code, payments_of(invoice)) == ("gateway_paused", [])
        assert len(ScriptedGateway.calls) == calls

    def test_an_answer_in_between_starts_the_count_anew(self, shop: Shop, at: datetime, script: Script) -> None:
        for answer in (*[OUTAGE] * (FAILURES - 1), REFUSED, OUTAGE):
            script["create_payment"] = says(answer)
            charging.collect(shop.debt("tok_scripted"), at)
        assert (state(shop.account_id), fresh(GatewayAccount, shop.account_id).failures) == ("closed", 1)

    def test_what_is_due_meanwhile_waits_and_is_collected_later(
        self, shop: Shop, at: datetime, broken: str, script: Script
    ) -> None:
        invoice = shop.debt("tok_scripted")
        due_payments.collect_if_due(invoice, at)
        waiting = fresh(Invoice, invoice)
        assert (waiting.status, waiting.attempts, payments_of(invoice)) == ("open", 0, [])
        assert waiting.collect_at
        assert waiting.collect_at > at
        let_pause_end(broken)
        script["create_payment"] = says(TAKEN)
        due_payments.collect_if_due(invoice, waiting.collect_at)
        assert fresh(Invoice, invoice).status == "paid"

    def test_half_open_lets_one_through_whose_answer_closes_it(
        self, shop: Shop, at: datetime, broken: str, script: Script
    ) -> None:
        let_pause_end(broken)
        assert state(broken) == "half_open"
        second = shop.debt("tok_scripted")

        def answer(_request: object) -> PaymentResult:
            with pytest.raises(Conflict, match="cannot be reached"):
                charging.collect(second, at)
            return TAKEN

        script["create_payment"] = answer
        assert charging.collect(shop.debt("tok_scripted"), at).status == "succeeded"
        assert state(broken) == "closed"

    def test_a_probe_that_fails_opens_it_for_longer(self, shop: Shop, at: datetime, broken: str) -> None:
        let_pause_end(broken)
        charging.collect(shop.debt("tok_scripted"), at)
        assert (state(broken), fresh(GatewayAccount, broken).failures) == ("open", FAILURES + 1)

    def test_an_open_one_is_stood_in_for_without_being_called(
        self, two: Two, at: datetime, script: Script, shop: Shop
    ) -> None:
        script["create_payment"] = says(OUTAGE)
        for _ in range(FAILURES):
            charging.collect(shop.debt("tok_scripted"), at)
        calls = len(ScriptedGateway.calls)
        charging.collect(two.invoice, at)
        assert (attempts(two), len(ScriptedGateway.calls)) == ([("sandbox", "succeeded")], calls)

    def test_too_many_requests_make_everybody_wait_as_long_as_the_gateway_asks(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        script["create_payment"] = says(RateLimited("slow down", 90))
        payment = charging.collect(shop.debt("tok_scripted"), at)
        assert (fresh(Payment, payment.id).decline_code, state(shop.account_id)) == ("gateway_unavailable", "waiting")
        left = select(func.extract("epoch", GatewayAccount.paused_until - func.now()))
        assert 60 < float(session().scalar(left.where(GatewayAccount.id == shop.account_id)) or 0) <= 90
        with pytest.raises(Conflict, match="cannot be reached"):
            charging.collect(shop.debt("tok_scripted"), at)

    @pytest.mark.parametrize("asking", ["payments", "refunds"])
    def test_nobody_asks_on_while_a_gateway_wants_to_be_left_in_peace(
        self, shop: Shop, at: datetime, script: Script, asking: str
    ) -> None:
        """Of three that are due to be asked about, the first is told “too many requests”: the others wait, too."""
        silent, limited = says(OutcomeUnknown("silence")), says(RateLimited("slow down", 90))
        paid = says(PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(22_60, "CAD")))
        script["create_payment"] = silent if asking == "payments" else paid
        script["refund"], script["fetch_payment"], script["fetch_refund"] = silent, limited, limited
        attempts = [charging.collect(shop.debt("tok_scripted"), at).id for _ in range(3)]
        if asking == "refunds":
            for payment_id in attempts:
                refunds.refund(payment_id, Money(10_00, "CAD"), at)
        let_check_fall_due(Payment if asking == "payments" else Refund)
        (due_payments.check_due if asking == "payments" else refunds.check_due)(at)
        assert len([verb for verb in ScriptedGateway.calls if verb.startswith("fetch_")]) == 1
        assert state(shop.account_id) == "waiting"

    def test_a_refund_that_comes_too_often_makes_everybody_wait(self, shop: Shop, at: datetime, script: Script) -> None:
        script["create_payment"] = says(PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(22_60, "CAD")))
        script["refund"] = says(RateLimited("slow down", 90))
        payment_id = charging.collect(shop.debt("tok_scripted"), at).id
        assert refunds.refund(payment_id, Money(10_00, "CAD"), at).status == "failed"
        assert (state(shop.account_id), fresh(Payment, payment_id).refunded_minor) == ("waiting", 0)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"weight": 0}, "invalid_weight"),
        ({"least": Money(1, "CAD")}, "missing"),
        ({"currency": "CAD", "least": Money(2, "CAD"), "most": Money(1, "CAD")}, "invalid_range"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(shop: Shop, at: datetime, values: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidInput) as refusal, transaction():
        routing.add(shop.account_id, at, **values)  # type: ignore[arg-type]
    assert refusal.value.code == code
