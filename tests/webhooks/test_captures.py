"""Money that is reserved first: taken or given up when somebody says so, once, whatever happens on the way."""

from datetime import datetime, timedelta
from typing import Literal

import pytest
from sqlalchemy import func, select, update

from app import clock
from app.db import session, transaction
from app.domain.errors import Conflict, InvalidInput
from app.domain.money import Money
from app.gateways import REGISTRY, gateway_class
from app.gateways.base import Capability
from app.models import JournalEntry, Payment
from app.services import attesting, charging, due_payments, refunds, reservations
from app.services.ways import Hosted
from simulators.faults import Fault, FaultKind
from tests.api.conftest import Api, key_of
from tests.shop import assert_books_balance, let_check_fall_due
from tests.together import together
from tests.webhooks.counter import Counter

HOLDING = [name for name in REGISTRY if Capability.CAPTURE in gateway_class(name).capabilities]
AT_EACH = pytest.mark.parametrize("counter", HOLDING, indirect=True)
OF_BOTH_SORTS = pytest.mark.parametrize("counter", ["stripe", "adyen"], indirect=True)  # done at once, or told later
VERBS = {"capture": charging.capture, "void": charging.void}
OTHER = {"capture": charging.void, "void": charging.capture}
ENDS = {"capture": "succeeded", "void": "canceled"}
STATUS = {"capture": "paid", "void": "open"}


def reserved(counter: Counter) -> Payment:
    """A payment that is authorized, and whose webhooks have come."""
    invoice_id = counter.owe()
    with counter.inside():
        payment = charging.collect(invoice_id, counter.at, manual_capture=True)
    assert payment.status == "authorized"
    counter.deliver_all()
    counter.work()
    assert counter.payment(payment.id).status == "authorized"
    return payment


def posted(counter: Counter) -> int:
    with counter.inside():
        assert_books_balance()
        return session().scalar(select(func.count()).where(JournalEntry.fact == "payment_succeeded")) or 0


def asked(counter: Counter) -> None:
    """The job that asks about open attempts."""
    with counter.inside():
        let_check_fall_due()
        due_payments.check_due(counter.at)


def checked(counter: Counter) -> None:
    """The job, and whatever webhooks tell besides."""
    asked(counter)
    counter.deliver_all()
    counter.work()


def ended(counter: Counter, payment: Payment, verb: str) -> None:
    """It ended as was decided: here, at the gateway and in the books."""
    row = counter.payment(payment.id)
    assert (row.status, row.decided) == (ENDS[verb], None)
    assert counter.invoice(payment.invoice_id).status == STATUS[verb]
    assert counter.invoice(payment.invoice_id).first_failed_at is None
    assert len(counter.world.simulator.taken()) == posted(counter) == (verb == "capture")


@AT_EACH
@pytest.mark.parametrize("verb", VERBS)
def test_what_is_reserved_is_taken_or_given_up_when_somebody_says_so(counter: Counter, verb: str) -> None:
    payment = reserved(counter)
    row = counter.payment(payment.id)
    assert row.capture_before == counter.at + gateway_class(counter.world.gateway).holds_for
    assert (posted(counter), counter.invoice(payment.invoice_id).status) == (0, "open")
    with counter.inside():
        VERBS[verb](payment.id, counter.at)
    counter.deliver_all()
    counter.work()
    ended(counter, payment, verb)
    with counter.inside():
        assert VERBS[verb](payment.id, counter.at).status == ENDS[verb]
        with pytest.raises(Conflict, match="nothing is reserved"):
            OTHER[verb](payment.id, counter.at)
    ended(counter, payment, verb)


@pytest.mark.parametrize(
    ("counter", "verb", "fault"),
    [
        *((name, "capture", FaultKind.DROP_AFTER) for name in HOLDING),
        ("stripe", "capture", FaultKind.DROP_BEFORE),
        ("adyen", "void", FaultKind.DROP_BEFORE),
    ],
    indirect=["counter"],
)
def test_one_without_an_answer_is_asked_for_again_and_done_once(counter: Counter, verb: str, fault: FaultKind) -> None:
    payment = reserved(counter)
    counter.world.simulator.faults.add(Fault(fault))
    with counter.inside():
        VERBS[verb](payment.id, counter.at)
    row = counter.payment(payment.id)
    assert (row.status, row.decided) == ("authorized", verb)
    with counter.inside(), pytest.raises(Conflict, match="something else"):
        OTHER[verb](payment.id, counter.at)
    checked(counter)
    ended(counter, payment, verb)


@pytest.mark.parametrize(("counter", "verb"), [("stripe", "capture"), ("adyen", "void")], indirect=["counter"])
def test_what_somebody_decided_who_was_killed_then_is_done(counter: Counter, verb: Literal["capture", "void"]) -> None:
    payment = reserved(counter)
    with counter.inside(), transaction():
        reservations.decide(payment.id, verb, counter.at)
    checked(counter)
    ended(counter, payment, verb)


@OF_BOTH_SORTS
def test_a_reservation_whose_answer_was_lost_is_found_reserved(counter: Counter) -> None:
    invoice_id = counter.owe()
    counter.world.strike(FaultKind.DROP_AFTER)
    with counter.inside():
        payment = charging.collect(invoice_id, counter.at, manual_capture=True)
    assert payment.status == "unknown"
    checked(counter)
    assert (counter.payment(payment.id).status, posted(counter)) == ("authorized", 0)


@pytest.mark.parametrize(
    ("counter", "fault"),
    [("stripe", None), ("paypal", None), ("adyen", None), ("paypal", FaultKind.DROP_AFTER)],
    indirect=["counter"],
)
def test_a_part_is_captured_and_the_rest_stays_due(counter: Counter, fault: FaultKind | None) -> None:
    payment, part = reserved(counter), Money(1500, "CAD")
    if fault:
        counter.world.simulator.faults.add(Fault(fault))
    with counter.inside():
        for wrong in (Money(0, "CAD"), Money(2261, "CAD"), Money(1500, "USD")):
            with pytest.raises(InvalidInput, match=r"at most the 22\.60 CAD"):
                charging.capture(payment.id, counter.at, part=wrong)
        charging.capture(payment.id, counter.at, part=part)
        if fault:
            with pytest.raises(Conflict, match="something else"):
                charging.capture(payment.id, counter.at)
    checked(counter)
    row = counter.payment(payment.id)
    assert (row.status, row.received_minor, row.amount_minor, row.decided) == ("succeeded", 1500, 1500, None)
    invoice = counter.invoice(payment.invoice_id)
    assert (invoice.status, invoice.paid_minor, invoice.due_minor) == ("open", 1500, 760)
    assert ([taken.units for taken in counter.world.simulator.taken()], posted(counter)) == ([1500], 1)
    with counter.inside(), pytest.raises(Conflict):
        refunds.refund(payment.id, Money(1501, "CAD"), counter.at)


@pytest.mark.parametrize("counter", ["square"], indirect=True)
def test_where_all_has_to_be_taken_no_part_is(counter: Counter) -> None:
    payment = reserved(counter)
    with counter.inside():
        with pytest.raises(Conflict, match="captures all") as refusal:
            charging.capture(payment.id, counter.at, part=Money(1500, "CAD"))
        assert refusal.value.code == "part_not_captured"
        charging.capture(payment.id, counter.at, part=Money(2260, "CAD"))
    ended(counter, payment, "capture")


def test_one_that_surely_was_not_done_is_decided_anew(counter: Counter) -> None:
    payment = reserved(counter)
    counter.world.simulator.faults.add(Fault(FaultKind.RATE_LIMIT))
    with counter.inside():
        row = charging.capture(payment.id, counter.at)
        assert (row.status, row.decided, "no more requests" in (row.message or "")) == ("authorized", None, True)
        charging.void(payment.id, counter.at)
    ended(counter, payment, "void")


@OF_BOTH_SORTS
def test_of_many_who_decide_at_once_the_first_is_right(counter: Counter) -> None:
    payment = reserved(counter)
    verbs = [charging.capture, charging.void] * 2
    together(counter.app, counter.tenant_id, *[lambda verb=verb: verb(payment.id, counter.at) for verb in verbs])
    counter.deliver_all()
    counter.work()
    checked(counter)
    ended(counter, payment, "capture" if counter.payment(payment.id).status == "succeeded" else "void")


@pytest.mark.parametrize("counter", ["adyen"], indirect=True)
@pytest.mark.parametrize(("verb", "seen"), [("capture", True), ("void", False)])
def test_somebody_looks_where_the_webhook_that_tells_never_came(counter: Counter, verb: str, seen: bool) -> None:
    payment = reserved(counter)
    with counter.inside():
        assert VERBS[verb](payment.id, counter.at).status == "pending"
    letter = counter.letters.pop()
    checked(counter)
    assert counter.payment(payment.id).status == "pending"
    with counter.inside():
        attesting.attest_payment(payment.id, counter.at, made=seen, note="Its dashboard")
    assert counter.payment(payment.id).status == ("succeeded" if seen else "canceled")
    assert posted(counter) == seen
    counter.deliver(letter)
    counter.work()
    assert posted(counter) == (verb == "capture"), "what the gateway says counts in the end"


def let_days_pass(counter: Counter, days: int) -> None:
    with counter.inside(), transaction() as current:
        passed = timedelta(days=days)
        moved = {"capture_before": Payment.capture_before - passed, "started_at": Payment.started_at - passed}
        current.execute(update(Payment).values(moved))


@pytest.mark.parametrize("counter", ["adyen"], indirect=True)
@pytest.mark.parametrize(("decided", "ends"), [("", "canceled"), ("void", "canceled"), ("capture", "pending")])
def test_a_reservation_of_which_nobody_tells_is_over_with_its_time(counter: Counter, decided: str, ends: str) -> None:
    payment = reserved(counter)
    if decided:
        with counter.inside():
            VERBS[decided](payment.id, counter.at)
    for days, status in ((0, "pending" if decided else "authorized"), (29, "pending")):
        let_days_pass(counter, days)
        asked(counter)
        assert counter.payment(payment.id).status == status
    let_days_pass(counter, 1)
    asked(counter)
    counter.letters.clear()
    assert counter.payment(payment.id).status == ends
    counter.world.simulator.actions()["expire"](ref=payment.gateway_ref)
    checked(counter)
    assert {notice.state for notice in counter.notices()} == {"done"}
    assert (counter.payment(payment.id).status, posted(counter)) == (ends, 0)


@pytest.mark.parametrize("counter", ["adyen"], indirect=True)
def test_what_expires_after_a_part_was_captured_is_the_rest(counter: Counter) -> None:
    payment = reserved(counter)
    with counter.inside():
        charging.capture(payment.id, counter.at, part=Money(1500, "CAD"))
    checked(counter)
    counter.world.simulator.actions()["expire"](ref=payment.gateway_ref)
    checked(counter)
    assert {notice.state for notice in counter.notices()} == {"done"}
    assert (counter.payment(payment.id).status, posted(counter)) == ("succeeded", 1)


@pytest.mark.parametrize("counter", ["adyen"], indirect=True)
def test_what_is_reserved_on_a_link_is_given_up_before_a_webhook_names_it(counter: Counter) -> None:
    invoice_id, page = counter.owe(), Hosted(counter.account_id)
    with counter.inside():
        payment = charging.collect(invoice_id, counter.at, hosted=page, off_session=False, manual_capture=True)
    counter.approve(payment)
    counter.letters.clear()
    with counter.inside():
        charging.resume(payment.id, {}, counter.at)
        assert charging.void(payment.id, counter.at).status == "pending"
    checked(counter)
    ended(counter, payment, "void")


@OF_BOTH_SORTS
def test_what_nobody_captured_in_time_is_given_up(counter: Counter) -> None:
    payment = reserved(counter)
    checked(counter)
    assert counter.payment(payment.id).status == "authorized"
    with counter.inside(), transaction() as current:
        current.execute(update(Payment).values(capture_before=counter.at - timedelta(seconds=1)))
    checked(counter)
    ended(counter, payment, "void")


def test_the_reservation_of_an_invoice_that_is_paid_otherwise_is_given_up(counter: Counter) -> None:
    payment = reserved(counter)
    with counter.inside():
        charging.close_open_attempt(payment.invoice_id, counter.at)
    ended(counter, payment, "void")


@pytest.mark.parametrize("counter", ["square", "btcpay"], indirect=True)
def test_a_page_that_takes_money_at_once_is_no_reservation(counter: Counter) -> None:
    """Square's payment links, and every gateway that does not say that it can."""
    invoice_id, page = counter.owe(), Hosted(counter.account_id)
    with counter.inside(), pytest.raises(Conflict, match="takes money at once") as refusal:
        charging.collect(invoice_id, counter.at, hosted=page, off_session=False, manual_capture=True)
    assert refusal.value.code == "not_held"
    assert counter.world.simulator.taken() == []


@pytest.mark.parametrize("counter", ["stripe", "paypal", "adyen"], indirect=True)
def test_what_a_payer_approves_on_a_page_is_reserved_only(counter: Counter) -> None:
    invoice_id, page = counter.owe(), Hosted(counter.account_id)
    with counter.inside():
        payment = charging.collect(invoice_id, counter.at, hosted=page, off_session=False, manual_capture=True)
    answer = counter.approve(payment)
    with counter.inside():
        charging.resume(payment.id, answer, counter.at)
    counter.deliver_all()
    counter.work()
    assert (counter.payment(payment.id).status, posted(counter)) == ("authorized", 0)
    with counter.inside():
        charging.capture(payment.id, counter.at)
    counter.deliver_all()
    counter.work()
    ended(counter, payment, "capture")


def test_an_application_reserves_and_captures(counter: Counter) -> None:
    api = Api(counter.app, key_of(counter.app, counter.tenant_id, "read", "write"))
    wanted = {"invoice_id": counter.owe(), "capture": "manual"}
    [kept] = api.get(f"/v1/invoices/{wanted['invoice_id']}/payment-options")["payment_methods"]
    assert kept["can_reserve"]
    payment = api.post("/v1/payments", wanted, Idempotency_Key="order-1")
    assert (payment["status"], payment["capture"]) == ("authorized", "manual")
    assert datetime.fromisoformat(payment["capture_before"]) > clock.now() + timedelta(days=6)
    assert api.post("/v1/payments", wanted, Idempotency_Key="order-1") == payment
    assert api("POST", "/v1/payments", wanted).status_code == 409
    address = f"/v1/payments/{payment['id']}"
    assert api("POST", f"{address}/capture", {"amount": "22.61"}).status_code == 422
    captured = api.post(f"{address}/capture", {"amount": "22.60"}, expect=200)
    assert (captured["status"], api.get(address)["status"]) == ("succeeded", "succeeded")
    assert api.post(f"{address}/capture", expect=200)["status"] == "succeeded"
    assert api("POST", f"{address}/void").json["code"] == "not_authorized"
    assert api("POST", "/v1/payments/pay_01k0000000e00800000000000a/capture").status_code == 404
    reader = Api(counter.app, key_of(counter.app, counter.tenant_id, "read"))
    assert reader("POST", f"{address}/capture").status_code == 403
    assert posted(counter) == 1
