"""What a person saw at a gateway that cannot tell: booked once, through the one door, and overruled by the gateway."""

from datetime import datetime

import pytest
from sqlalchemy import select

from app.db import session, transaction
from app.domain.errors import BillingError
from app.domain.money import Money
from app.gateways.errors import OutcomeUnknown
from app.gateways.types import PaymentResult, PaymentStatus, RefundResult, RefundStatus
from app.models import AuditEntry, Difference, Invoice, Payment, Refund
from app.queries import reconciliation
from app.services import attesting, charging, payments, refunds
from tests.services.line import Script, ScriptedGateway, says
from tests.shop import Shop, assert_books_balance, balance, fresh

TAKEN = PaymentResult(PaymentStatus.SUCCEEDED, "ref-1", Money(22_60, "CAD"))
REFUSED = PaymentResult(PaymentStatus.FAILED, "ref-1")
SENT_BACK = RefundResult(RefundStatus.SUCCEEDED, "back-1")
UNDER_WAY = RefundResult(RefundStatus.PENDING, "back-1")
BOUNCED = RefundResult(RefundStatus.FAILED, "back-1", "Not approved.")
SILENCE = OutcomeUnknown("This gateway does not tell.")
TEN = Money(10_00, "CAD")


def refund_in_doubt(shop: Shop, at: datetime, script: Script, answer: object = SILENCE) -> Refund:
    """A refund of 10.00 out of 22.60, of which the gateway says nothing more."""
    script["create_payment"], script["refund"], script["fetch_refund"] = says(TAKEN), says(answer), says(SILENCE)
    return refunds.refund(charging.collect(shop.debt(), at).id, TEN, at)


def payment_in_doubt(shop: Shop, at: datetime, script: Script) -> Payment:
    script["create_payment"], script["fetch_payment"] = says(SILENCE), says(SILENCE)
    return charging.collect(shop.debt(), at)


def differences() -> list[tuple[str, str]]:
    return [(row.kind, row.state) for row in session().scalars(select(Difference))]


@pytest.mark.parametrize(("made", "status", "held"), [(True, "succeeded", 10_00), (False, "failed", 0)])
def test_what_somebody_saw_of_a_refund_is_booked_once(
    shop: Shop, at: datetime, script: Script, made: bool, status: str, held: int
) -> None:
    row = refund_in_doubt(shop, at, script)
    for _ in ("said", "said again"):
        assert attesting.attest_refund(row.id, at, made=made, note="Dashboard, 9:15").status == status
    assert (fresh(Payment, row.payment_id).refunded_minor, balance("refunds")) == (held, held)
    with pytest.raises(BillingError) as refusal:
        attesting.attest_refund(row.id, at, made=not made, note="No, the other")
    assert refusal.value.code == "not_in_doubt"
    [entry] = session().scalars(select(AuditEntry).where(AuditEntry.action == "refund.attest")).all()
    assert entry.changes == {"made": made, "reason": "Dashboard, 9:15"}
    assert_books_balance()


@pytest.mark.parametrize(("made", "later", "held"), [(True, BOUNCED, 0), (False, SENT_BACK, 10_00)])
def test_a_gateway_that_says_otherwise_later_is_believed_and_it_is_shown(
    shop: Shop, at: datetime, script: Script, made: bool, later: RefundResult, held: int
) -> None:
    row = refund_in_doubt(shop, at, script)
    attesting.attest_refund(row.id, at, made=made, note="Dashboard")
    for _ in ("told", "told again"):
        refunds.heard(row.id, later, at)
    assert (fresh(Payment, row.payment_id).refunded_minor, balance("refunds")) == (held, held)
    assert differences() == [("refund_attested", "open")]
    account_id = fresh(Payment, row.payment_id).gateway_account_id
    assert reconciliation.open_between(account_id, at, at.replace(year=at.year + 1)) == []  # no list resolves it
    assert_books_balance()


def test_a_gateway_that_agrees_later_changes_nothing(shop: Shop, at: datetime, script: Script) -> None:
    row = refund_in_doubt(shop, at, script)
    attesting.attest_refund(row.id, at, made=True, note="Dashboard")
    refunds.heard(row.id, SENT_BACK, at)
    assert (differences(), balance("refunds")) == ([], 10_00)


def test_a_refund_found_after_another_took_its_place_is_no_crash_but_a_difference(
    shop: Shop, at: datetime, script: Script
) -> None:
    row = refund_in_doubt(shop, at, script)
    attesting.attest_refund(row.id, at, made=False, note="Dashboard")
    script["refund"] = says(RefundResult(RefundStatus.SUCCEEDED, "back-2"))
    refunds.refund(row.payment_id, Money(22_60, "CAD"), at)
    refunds.heard(row.id, SENT_BACK, at)
    assert sorted(differences()) == [("refund_attested", "open"), ("refund_twice", "open")]
    assert (fresh(Refund, row.id).status, balance("refunds")) == ("failed", 22_60)


@pytest.mark.parametrize(("answer", "status"), [(SENT_BACK, "succeeded"), (BOUNCED, "failed")])
def test_what_the_gateway_says_by_now_counts_instead(
    shop: Shop, at: datetime, script: Script, answer: RefundResult, status: str
) -> None:
    row = refund_in_doubt(shop, at, script)
    script["fetch_refund"] = says(answer)
    made = answer is BOUNCED  # the person says the opposite
    assert attesting.attest_refund(row.id, at, made=made, note="Dashboard").status == status
    assert (fresh(Refund, row.id).attested, differences()) == (None, [])


def test_nobody_speaks_for_a_gateway_that_tells(
    shop: Shop, at: datetime, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = refund_in_doubt(shop, at, script, UNDER_WAY)
    for answer, made, code in ((UNDER_WAY, False, "gateway_tells"), (None, True, "gateway_disagrees")):
        script["fetch_refund"] = says(answer)
        with pytest.raises(BillingError) as refusal:
            attesting.attest_refund(row.id, at, made=made, note="Dashboard")
        assert (refusal.value.code, fresh(Refund, row.id).status) == (code, "pending")
    monkeypatch.setattr(ScriptedGateway, "tells_refunds", False)
    script["fetch_refund"] = says(UNDER_WAY)
    assert attesting.attest_refund(row.id, at, made=False, note="Turned down there").status == "failed"


@pytest.mark.parametrize("note", ["", "   ", "x" * 501])
def test_a_word_needs_a_note(shop: Shop, at: datetime, script: Script, note: str) -> None:
    row = refund_in_doubt(shop, at, script)
    with pytest.raises(BillingError) as refusal:
        attesting.attest_refund(row.id, at, made=True, note=note)
    assert (refusal.value.field, fresh(Refund, row.id).status) == ("note", "unknown")


def test_what_somebody_saw_of_a_payment_is_booked_once(shop: Shop, at: datetime, script: Script) -> None:
    payment = payment_in_doubt(shop, at, script)
    for _ in ("said", "said again"):
        assert attesting.attest_payment(payment.id, at, made=True, note="Dashboard").status == "succeeded"
    assert (fresh(Invoice, payment.invoice_id).status, balance("gateway_clearing")) == ("paid", 22_60)
    with transaction():
        payments.record(payment.id, REFUSED, at)
    assert (fresh(Invoice, payment.invoice_id).status, balance("gateway_clearing")) == ("open", 0)
    assert differences() == [("payment_attested", "open")]


def test_a_payment_that_was_not_taken_can_be_tried_again_and_late_money_is_credit(
    shop: Shop, at: datetime, script: Script
) -> None:
    payment = payment_in_doubt(shop, at, script)
    assert attesting.attest_payment(payment.id, at, made=False, note="Nothing there").status == "failed"
    script["create_payment"] = says(TAKEN)
    assert charging.collect(payment.invoice_id, at).status == "succeeded"
    charging.heard(payment.id, TAKEN, at)
    assert (balance("gateway_clearing"), balance("customer_balance")) == (45_20, -22_60)
    assert differences() == [("payment_attested", "open")]
    assert_books_balance()
