"""Money that is less, more, late or in another currency than was asked for."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select

from app.db import current_tenant_id, session, transaction
from app.domain.errors import Conflict
from app.domain.money import Money
from app.gateways.sandbox import SandboxGateway
from app.gateways.types import PaymentResult, PaymentStatus
from app.jobs.schedule import run_due
from app.models import AuditEntry, Invoice, Payment, Refund, Tenant
from app.services import balances, charging, late_money, payments, tenant_settings
from tests.shop import Shop, assert_books_balance, balance, fresh

LESS = PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(100, "CAD"))
OTHER_CURRENCY = PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(2260, "USD"))
MORE = PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(2500, "CAD"))
SAID = pytest.MonkeyPatch


def answers(patch: SAID, result: PaymentResult, *verbs: str) -> None:
    for verb in verbs or ("create_payment",):
        patch.setattr(SandboxGateway, verb, _always(result))


def _always(result: PaymentResult) -> Callable[..., PaymentResult]:
    return lambda *_words: result


def refused(payment_id: str) -> list[str]:
    query = select(AuditEntry).where(AuditEntry.subject_id == payment_id, AuditEntry.action == "payment.refuse_amount")
    return [row.changes["code"] for row in session().scalars(query)]


@pytest.mark.parametrize("result", [LESS, OTHER_CURRENCY])
def test_less_or_another_currency_is_refused_audited_and_nothing_is_changed(
    shop: Shop, at: datetime, monkeypatch: SAID, result: PaymentResult
) -> None:
    invoice_id = shop.debt()
    answers(monkeypatch, result, "create_payment", "fetch_payment")
    payment = charging.collect(invoice_id, at)
    charging.check(payment.id, at)
    assert (payment.status, payment.settled_at) == ("unknown", None)
    assert "nothing was booked" in (fresh(Payment, payment.id).message or "")
    assert (fresh(Invoice, invoice_id).paid_minor, balance("gateway_clearing")) == (0, 0)
    assert refused(payment.id) == ["amount_mismatch"], "once, however often the gateway says so"
    with pytest.raises(Conflict, match="under way"):
        charging.collect(invoice_id, at)


def test_somebody_may_accept_the_amount(shop: Shop, at: datetime, monkeypatch: SAID) -> None:
    invoice_id = shop.debt()
    answers(monkeypatch, LESS, "create_payment", "fetch_payment")
    payment = charging.collect(invoice_id, at)
    charging.accept_amount(payment.id, at)
    assert (fresh(Payment, payment.id).status, fresh(Payment, payment.id).received_minor) == ("succeeded", 100)
    assert (fresh(Invoice, invoice_id).paid_minor, balance("gateway_clearing")) == (100, 100)
    assert_books_balance()


def test_nobody_can_accept_another_currency(shop: Shop, at: datetime, monkeypatch: SAID) -> None:
    answers(monkeypatch, OTHER_CURRENCY, "create_payment", "fetch_payment")
    payment = charging.collect(shop.debt(), at)
    with pytest.raises(Conflict, match="no amount"):
        charging.accept_amount(payment.id, at)


def test_more_is_kept_as_balance_and_shown(shop: Shop, at: datetime, monkeypatch: SAID) -> None:
    answers(monkeypatch, MORE)
    payment = charging.collect(shop.debt(), at)
    run_due(at)
    assert fresh(Payment, payment.id).kept_minor == 240
    assert balance("customer_balance") == -240
    assert session().scalars(select(Refund)).all() == []


class TestSentBack:
    """The tenant wants late money to go back."""

    @pytest.fixture(autouse=True)
    def _setting(self, shop: Shop, at: datetime) -> None:
        with transaction():
            tenant_settings.change_settings({"late_money": "refund"}, at)

    def late_payment(self, shop: Shop, at: datetime) -> Payment:
        """An attempt that was given up here, and took the money after another one had."""
        invoice_id = shop.debt("tok_delayed")
        late = charging.collect(invoice_id, at)
        with transaction():
            payments.record(late.id, PaymentResult(PaymentStatus.CANCELED), at)
        shop.method(late.customer_id)
        assert charging.collect(invoice_id, at).status == "succeeded"
        shop.bank.settle(late.gateway_ref or "")
        charging.check(late.id, at)
        return fresh(Payment, late.id)

    def test_money_for_an_invoice_that_was_paid_otherwise_is_refunded_once(self, shop: Shop, at: datetime) -> None:
        late = self.late_payment(shop, at)
        assert (late.status, late.kept_minor) == ("succeeded", 2260)
        run_due(at)
        late_money.send_back(late.id, at)
        [refund] = session().scalars(select(Refund))
        assert (refund.payment_id, refund.status, refund.amount_minor) == (late.id, "succeeded", 2260)
        assert balance("customer_balance") == 0
        assert_books_balance()

    def test_what_was_spent_meanwhile_stays_spent(self, shop: Shop, at: datetime) -> None:
        late = self.late_payment(shop, at)
        with transaction():
            balances.add(late.customer_id, Money(-2000, "CAD"), at, reason="spent")
        run_due(at)
        [refund] = session().scalars(select(Refund))
        assert (refund.amount_minor, balance("customer_balance")) == (260, 0)
        assert_books_balance()

    def test_the_setting_is_one_of_two(self, shop: Shop, at: datetime) -> None:
        with pytest.raises(Exception, match="balance or refund"), transaction():
            tenant_settings.change_settings({"late_money": "keep"}, at)
        session().rollback()
        assert session().get_one(Tenant, current_tenant_id()).setting("late_money") == "refund"
