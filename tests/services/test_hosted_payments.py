"""Payments that their payer finishes with a gateway: claimed without a method, superseded, late, kept for later."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from app.db import session, transaction
from app.domain.errors import Conflict, InvalidInput
from app.domain.money import Money
from app.gateways.base import Capability
from app.gateways.errors import OutcomeUnknown
from app.gateways.types import PaymentRequest, PaymentResult, PaymentStatus, PhonePrompt, Redirect
from app.models import Invoice, Payment, Tenant
from app.queries import portal as query
from app.services import charging, due_payments, gateway_accounts, payment_methods
from app.services.ways import Hosted
from simulators.stripe import StripeSimulator
from tests.services.line import Script, ScriptedGateway, says
from tests.shop import Shop, assert_books_balance, balance, fresh, let_check_fall_due, payments_of
from tests.simulated import connected, press, simulated

HOSTED = ScriptedGateway.capabilities | Capability.HOSTED
WAITS = PaymentResult(PaymentStatus.REQUIRES_ACTION, "ref-1", next_action=Redirect("http://bank.example/1"))
TAKEN = PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(22_60, "CAD"))
GIVEN_UP = PaymentResult(PaymentStatus.CANCELED, "ref-1")


@pytest.fixture
def stripe(shop: Shop) -> Iterator[StripeSimulator]:
    """A simulated Stripe, and the shop's account there."""
    with simulated("stripe") as simulator:
        assert isinstance(simulator, StripeSimulator)
        shop.account_id = connected(simulator, shop.at)
        yield simulator


def cannot_void(monkeypatch: pytest.MonkeyPatch, extra: Capability = Capability.NONE) -> None:
    """From now on the scripted gateway takes hosted payments, and none of them back."""
    monkeypatch.setattr(ScriptedGateway, "capabilities", (HOSTED | extra) & ~Capability.VOID)


class TestClaiming:
    @pytest.mark.parametrize(
        ("gateway", "change", "code"),
        [
            ("sandbox", None, "not_offered"),
            ("stripe", "disabled", "gateway_account_disabled"),
            ("stripe", "live", "not_offered"),
        ],
    )
    def test_an_account_that_cannot_is_refused_and_nothing_is_claimed(
        self, shop: Shop, at: datetime, gateway: str, change: str | None, code: str, in_tenant: str
    ) -> None:
        invoice_id = shop.debt(token=None)
        with simulated("stripe") as simulator:
            account = shop.account_id if gateway == "sandbox" else connected(simulator, at)
            with transaction():
                if change == "disabled":
                    gateway_accounts.disable(account, at)
                if change == "live":
                    session().get_one(Tenant, in_tenant).mode = "live"
            with pytest.raises(Conflict) as refusal:
                charging.collect(invoice_id, at, hosted=Hosted(account))
        assert (refusal.value.code, payments_of(invoice_id)) == (code, [])

    @pytest.mark.parametrize(
        ("phone", "code"), [("", "missing"), ("0712345678", "invalid_phone"), ("no", "invalid_phone")]
    )
    def test_a_prompt_needs_a_number(
        self, shop: Shop, at: datetime, script: Script, monkeypatch: pytest.MonkeyPatch, phone: str, code: str
    ) -> None:
        cannot_void(monkeypatch, Capability.PHONE)
        invoice_id = shop.debt(token=None)
        with pytest.raises(InvalidInput) as refusal:
            charging.collect(invoice_id, at, hosted=Hosted(shop.account_id, phone))
        assert (refusal.value.code, payments_of(invoice_id)) == (code, [])

    def test_the_number_goes_to_the_gateway_in_international_form(
        self, shop: Shop, at: datetime, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cannot_void(monkeypatch, Capability.PHONE)
        asked: list[PaymentRequest] = []

        def prompt(request: PaymentRequest) -> PaymentResult:
            asked.append(request)
            return PaymentResult(PaymentStatus.REQUIRES_ACTION, "ref-1", next_action=PhonePrompt(request.phone))

        script["create_payment"] = prompt
        payment = charging.collect(shop.debt(token=None), at, hosted=Hosted(shop.account_id, "+254 712 345-678"))
        assert [(one.phone, one.token, one.off_session) for one in asked] == [("254712345678", None, False)]
        assert payment.next_action == {"kind": "phone_prompt", "msisdn": "254712345678"}

    def test_a_lookup_knows_the_payment_as_it_was_asked_for(
        self, shop: Shop, at: datetime, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cannot_void(monkeypatch, Capability.PHONE)
        asked: list[PaymentRequest] = []
        looked_up: list[PaymentRequest | None] = []
        script["create_payment"] = lambda request: asked.append(request) or says(OutcomeUnknown("silence"))(None)
        script["fetch_payment"] = lambda ref: looked_up.append(ref.request) or WAITS
        hosted = Hosted(shop.account_id, "+254712345678", keep_method=True)
        payment = charging.collect(shop.debt(token=None), at, hosted=hosted, return_url="https://shop.example/back")
        charging.check(payment.id, at)
        assert looked_up == asked


class TestAtStripe:
    """Everything through the real adapter."""

    def test_a_page_is_opened_paid_and_booked_once(self, shop: Shop, at: datetime, stripe: StripeSimulator) -> None:
        invoice_id = shop.debt(token=None)
        payment = charging.collect(invoice_id, at, hosted=Hosted(shop.account_id))
        assert (payment.status, payment.payment_method_id) == ("requires_action", None)
        press(payment.next_action["url"], "pm_card_visa")
        for _ in range(2):
            assert charging.resume(payment.id, {}, at).status == "succeeded"
        assert fresh(Invoice, invoice_id).status == "paid"
        assert [(taken.key, taken.units) for taken in stripe.taken()] == [(payment.id, 22_60)]
        assert_books_balance()

    def test_a_second_way_closes_the_page_of_the_first(self, shop: Shop, at: datetime, stripe: StripeSimulator) -> None:
        invoice_id = shop.debt(token=None)
        first = charging.collect(invoice_id, at, hosted=Hosted(shop.account_id)).next_action["url"]
        charging.supersede(invoice_id, at)
        second = charging.collect(invoice_id, at, hosted=Hosted(shop.account_id))
        press(first, "pm_card_visa")
        assert stripe.taken() == []
        press(second.next_action["url"], "pm_card_visa")
        charging.check(second.id, at)
        assert [one.status for one in payments_of(invoice_id)] == ["canceled", "succeeded"]

    def test_a_page_that_was_paid_just_before_wins(self, shop: Shop, at: datetime, stripe: StripeSimulator) -> None:
        invoice_id = shop.debt(token=None)
        press(charging.collect(invoice_id, at, hosted=Hosted(shop.account_id)).next_action["url"], "pm_card_visa")
        charging.supersede(invoice_id, at)
        with pytest.raises(Conflict, match="nothing to pay"):
            charging.collect(invoice_id, at, hosted=Hosted(shop.account_id))
        assert [one.status for one in payments_of(invoice_id)] == ["succeeded"]

    @pytest.mark.parametrize(("keep", "kept"), [(True, [("4242", True)]), (False, [])])
    def test_what_was_paid_with_is_kept_if_the_payer_wants_it(
        self, shop: Shop, at: datetime, stripe: StripeSimulator, keep: bool, kept: list[tuple[str, bool]]
    ) -> None:
        customer_id = shop.buyer(token=None)
        shop.sell(customer_id)
        [invoice] = query.invoices_of(customer_id).items
        payment = charging.collect(invoice.id, at, hosted=Hosted(shop.account_id, keep_method=keep))
        press(payment.next_action["url"], "pm_card_visa")
        payment = charging.check(payment.id, at)
        if payment.payment_method_id:
            payment_methods.adopt(payment.payment_method_id, at)
        assert [(method.last4, method.is_default) for method in query.methods_of(customer_id)] == kept


class TestAGatewayThatTakesNothingBack:
    """A prompt or a page that cannot be closed may still bring money: it is asked about, and found."""

    @pytest.fixture
    def left_open(self, shop: Shop, at: datetime, script: Script, monkeypatch: pytest.MonkeyPatch) -> Payment:
        """The first of two ways to pay, given up for a second one."""
        cannot_void(monkeypatch)
        script.update(create_payment=says(WAITS), fetch_payment=says(WAITS))
        invoice_id = shop.debt(token=None)
        first = charging.collect(invoice_id, at, hosted=Hosted(shop.account_id))
        charging.supersede(invoice_id, at)
        return first

    def test_it_makes_room_for_another_way(self, shop: Shop, at: datetime, left_open: Payment) -> None:
        second = charging.collect(left_open.invoice_id, at, hosted=Hosted(shop.account_id))
        assert second.status == "requires_action"
        assert [one.status for one in payments_of(left_open.invoice_id)] == ["canceled", "requires_action"]

    def test_late_money_is_found_and_is_the_customers(
        self, shop: Shop, at: datetime, left_open: Payment, script: Script
    ) -> None:
        script["create_payment"] = says(PaymentResult(PaymentStatus.SUCCEEDED, "ref-2", Money(22_60, "CAD")))
        charging.collect(left_open.invoice_id, at, hosted=Hosted(shop.account_id))
        script["fetch_payment"] = says(TAKEN)
        let_check_fall_due()
        assert due_payments.check_due(at) == 1
        assert [one.status for one in payments_of(left_open.invoice_id)] == ["succeeded", "succeeded"]
        assert balance("customer_balance") == -22_60
        assert_books_balance()

    @pytest.mark.parametrize("ended", [GIVEN_UP, PaymentResult(PaymentStatus.FAILED, "ref-1")])
    def test_it_is_asked_about_until_the_gateway_has_ended_it_too(
        self, at: datetime, left_open: Payment, script: Script, ended: PaymentResult
    ) -> None:
        for answer, asked_on in ((WAITS, True), (OutcomeUnknown("silence"), True), (ended, False)):
            script["fetch_payment"] = says(answer)
            let_check_fall_due()
            due_payments.check_due(at)
            payment = fresh(Payment, left_open.id)
            assert (payment.status, payment.check_at is not None) == ("canceled", asked_on)

    def test_after_a_month_nobody_asks_any_more(self, at: datetime, left_open: Payment) -> None:
        let_check_fall_due()
        due_payments.check_due(at + timedelta(days=31))
        assert fresh(Payment, left_open.id).check_at is None

    def test_one_that_was_paid_meanwhile_is_not_given_up(
        self, shop: Shop, at: datetime, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cannot_void(monkeypatch)
        script.update(create_payment=says(WAITS), fetch_payment=says(TAKEN))
        invoice_id = shop.debt(token=None)
        charging.collect(invoice_id, at, hosted=Hosted(shop.account_id))
        charging.supersede(invoice_id, at)
        assert fresh(Invoice, invoice_id).status == "paid"
