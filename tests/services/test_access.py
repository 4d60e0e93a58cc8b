"""Has this customer paid, may they use it? The answer, why, until when, and how soon it changes."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import current_tenant_id, session, transaction
from app.domain.errors import NotFound
from app.extensions import redis_client
from app.gateways.errors import OutcomeUnknown
from app.gateways.types import PaymentResult, PaymentStatus
from app.jobs import sweeps
from app.jobs.subscribers import SUBSCRIBERS
from app.models import Subscription
from app.services import access, charging, customers, due_payments, dunning, subscriptions
from app.services.tenant_settings import change_settings
from app.settings import cache
from tests.services.line import Script, says
from tests.shop import Shop, invoices_of, payments_of

DAY = timedelta(days=1)
Story = Callable[[Shop, datetime], str]


def nothing(shop: Shop, at: datetime) -> str:
    return shop.customer()


def trial(shop: Shop, at: datetime) -> str:
    customer_id = shop.buyer()
    shop.sell(customer_id, shop.plan(trial_days=14))
    return customer_id


def free_of_charge(shop: Shop, at: datetime) -> str:
    customer_id = shop.customer()
    shop.sell(customer_id, shop.plan("0"))
    return customer_id


def not_tried_yet(shop: Shop, at: datetime) -> str:
    customer_id = shop.buyer()
    shop.sell(customer_id)
    return customer_id


def charged_with(token: str) -> Story:
    def story(shop: Shop, at: datetime) -> str:
        customer_id = shop.buyer(token)
        shop.sell(customer_id)
        due_payments.collect_due(at)
        return customer_id

    return story


def by_hand(shop: Shop, at: datetime) -> str:
    customer_id = shop.customer()
    shop.sell(customer_id, collection="manual")
    return customer_id


def canceled(shop: Shop, at: datetime) -> str:
    customer_id = charged_with("tok_ok")(shop, at)
    with transaction():
        subscriptions.cancel(_only(customer_id), at, at_period_end=False)
    return customer_id


def ends_with_its_period(shop: Shop, at: datetime) -> str:
    customer_id = charged_with("tok_ok")(shop, at)
    with transaction():
        subscriptions.cancel(_only(customer_id), at, at_period_end=True)
    return customer_id


def one_of_two(shop: Shop, at: datetime) -> str:
    customer_id = canceled(shop, at)
    shop.sell(customer_id)
    due_payments.collect_due(at)
    return customer_id


def _only(customer_id: str) -> str:
    return session().scalars(select(Subscription.id).where(Subscription.customer_id == customer_id)).one()


# access, reason, whether all that is due is paid
ANSWERS: dict[str, tuple[Story, tuple[str, str, bool]]] = {
    "nothing bought": (nothing, ("blocked", "no_subscription", True)),
    "a trial": (trial, ("active", "trial", True)),
    "a plan that costs nothing": (free_of_charge, ("active", "paid", True)),
    "not charged yet": (not_tried_yet, ("blocked", "first_payment_missing", False)),
    "paid": (charged_with("tok_ok"), ("active", "paid", True)),
    "declined at once": (charged_with("tok_soft_decline"), ("blocked", "past_due", False)),
    "a debit that settles": (charged_with("tok_delayed"), ("unknown", "payment_settling", False)),
    "charged, no answer": (charged_with("tok_charged_no_answer"), ("unknown", "payment_settling", False)),
    "pays by hand, not due yet": (by_hand, ("active", "paid", True)),
    "canceled": (canceled, ("blocked", "canceled", True)),
    "canceled with its period": (ends_with_its_period, ("active", "paid", True)),
    "one of two canceled": (one_of_two, ("active", "paid", True)),
}


@pytest.mark.parametrize(("story", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_the_answer_follows_from_the_story(
    shop: Shop, at: datetime, story: Story, expected: tuple[str, str, bool]
) -> None:
    answer = access.of(story(shop, at), at)
    assert (answer["access"], answer["reason"], answer["paid"]) == expected


def test_past_due_after_having_paid_there_is_grace_and_then_none(shop: Shop, at: datetime) -> None:
    """Overdue on 29 January after 14 days net, reminded on the 30th, and past due from then for 7 days."""
    customer_id = by_hand(shop, at)
    reminded = at + 15 * DAY
    dunning.take_due(reminded)
    cache().flushdb()
    during, after = access.of(customer_id, reminded), access.of(customer_id, reminded + 7 * DAY)
    assert (during["access"], during["reason"]) == ("active", "grace")
    assert datetime.fromisoformat(during["valid_until"]) == reminded + 7 * DAY
    assert (after["access"], after["reason"]) == ("blocked", "past_due")
    assert (during["paid"], during["evidence"]["payment"]) == (False, None)


def test_the_grace_is_the_tenants_choice(shop: Shop, at: datetime) -> None:
    with transaction():
        change_settings({"grace_days": 0}, at)
    customer_id = by_hand(shop, at)
    dunning.take_due(at + 15 * DAY)
    assert access.of(customer_id, at + 15 * DAY)["access"] == "blocked"


def test_it_is_asked_by_our_id_or_by_theirs(shop: Shop, at: datetime) -> None:
    customer_id = shop.customer(external_id="crm/7 ü")
    assert access.of("crm/7 ü", at) == access.of(customer_id, at)
    for stranger in ("crm-8", "", "cus_01h2xcejqtf2nbrexx3vqjhp41", "%"):
        with pytest.raises(NotFound):
            access.of(stranger, at)


class TestMemory:
    def test_an_answer_is_remembered_until_something_happens(self, shop: Shop, at: datetime) -> None:
        customer_id = not_tried_yet(shop, at)
        assert access.of(customer_id, at)["access"] == "blocked"
        due_payments.collect_due(at)
        assert access.of(customer_id, at)["access"] == "blocked"
        sweeps.relay(at)
        sweeps.run_tasks(at)
        assert access.of(customer_id, at)["access"] == "active"

    @pytest.mark.parametrize(
        "event", ["subscription.past_due", "subscription.unpaid", "subscription.activated", "payment.unknown"]
    )
    def test_it_is_forgotten_with_each_event_that_changes_it(self, shop: Shop, at: datetime, event: str) -> None:
        assert "refresh_access" in SUBSCRIBERS[event]

    def test_it_never_outlives_the_instant_until_which_it_holds(self, shop: Shop, at: datetime) -> None:
        customer_id = by_hand(shop, at)
        dunning.take_due(at + 15 * DAY)
        cache().flushdb()
        access.of(customer_id, at + 15 * DAY)
        assert access.of(customer_id, at + 22 * DAY)["access"] == "blocked"

    def test_it_is_forgotten_under_both_ids(self, shop: Shop, at: datetime) -> None:
        customer_id = shop.customer(external_id="crm-7")
        for name in (customer_id, "crm-7"):
            access.of(name, at)
        access.forget(customer_id)
        assert cache().keys("access:*") == []

    def test_tenants_do_not_share_it(self, shop: Shop, at: datetime) -> None:
        access.of(shop.customer(external_id="crm-7"), at)
        [name] = cache().keys("access:*")
        assert current_tenant_id() in name.decode()


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def away(self, app: Flask, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on Redis does not answer."""
        monkeypatch.setitem(app.extensions, "redis", redis_client("redis://127.0.0.1:1"))

    def test_it_is_computed_each_time(self, shop: Shop, at: datetime) -> None:
        customer_id = not_tried_yet(shop, at)
        assert access.of(customer_id, at)["access"] == "blocked"
        due_payments.collect_due(at)
        assert access.of(customer_id, at)["access"] == "active"

    def test_forgetting_is_no_task_to_be_tried_for_hours(self, shop: Shop, at: datetime) -> None:
        """Answers end by themselves within a minute."""
        access.forget(shop.customer())


def test_money_on_its_way_for_one_who_is_past_due_is_not_called_blocked(
    shop: Shop, at: datetime, script: Script
) -> None:
    customer_id = shop.buyer()
    invoice_id = invoices_of(shop.sell(customer_id))[0].id
    script["create_payment"] = says(PaymentResult(PaymentStatus.FAILED, "ref-1"))
    charging.collect(invoice_id, at)
    script["create_payment"] = says(OutcomeUnknown("no answer"))
    charging.collect(invoice_id, at)
    assert len(payments_of(invoice_id)) == 2
    assert access.of(customer_id, at)["reason"] == "payment_settling"


def test_a_forgotten_customer_has_no_access(shop: Shop, at: datetime) -> None:
    customer_id = canceled(shop, at)
    with transaction():
        customers.forget(customer_id, at)
    assert access.of(customer_id, at)["access"] == "blocked"
