"""Dunning lived through in simulated time: reminders, retries, the final action, and what ends it all."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.db import transaction
from app.models import Invoice, Subscription
from app.queries.due import next_instant
from app.services import (
    charging,
    customers,
    due_payments,
    dunning,
    invoices,
    notices,
    payment_methods,
    renewals,
    subscription_details,
    subscription_status,
    subscriptions,
)
from app.services.tenant_settings import change_settings
from tests.services.line import Script, says
from tests.services.test_payments import UNDER_WAY
from tests.shop import (
    Shop,
    assert_books_agree,
    fresh,
    invoices_of,
    mails,
    payments_of,
    status,
)

DAY = timedelta(days=1)
LONG_ENOUGH = 21 * DAY


def live_until(end: datetime) -> None:
    """Take every dunning step and attempt at its own instant, up to `end`. Periods do not turn."""
    last = None
    while (due := next_instant(end)) and due != last:
        while dunning.take_due(due) + due_payments.collect_due(due):
            pass
        last = due


def tried_on(invoice_id: str, at: datetime) -> list[int]:
    """On which days after `at` the invoice was charged."""
    return [(payment.started_at - at).days for payment in payments_of(invoice_id)]


def reminded_on(at: datetime) -> list[int]:
    return [(mail.due_at - at).days for mail in mails("reminder")]


def sold(shop: Shop, token: str | None, **options: Any) -> tuple[str, str, str]:
    """Customer, subscription and its first invoice."""
    customer_id = shop.buyer(token)
    subscription_id = shop.sell(customer_id, **options)
    return customer_id, subscription_id, invoices_of(subscription_id)[0].id


def running(shop: Shop, token: str | None) -> tuple[str, str, str]:
    """The same, begun and paid for before: a first payment would wait for its payer."""
    customer_id, subscription_id, invoice_id = sold(shop, token)
    with transaction():
        subscription_status.activate(fresh(Subscription, subscription_id), shop.at)
    return customer_id, subscription_id, invoice_id


class TestSchedule:
    def test_a_soft_decline_is_tried_on_days_1_3_5_7_and_then_the_subscription_ends(
        self, shop: Shop, at: datetime
    ) -> None:
        _, subscription_id, invoice_id = sold(shop, "tok_soft_decline")
        live_until(at + LONG_ENOUGH)
        assert tried_on(invoice_id, at) == [0, 1, 3, 5, 7]
        assert reminded_on(at) == [1, 3, 7]
        assert (status(subscription_id), fresh(Invoice, invoice_id).status) == ("canceled", "open")
        assert fresh(Subscription, subscription_id).ended_at == at + 7 * DAY
        assert_books_agree(shop.bank)

    @pytest.mark.parametrize("token", ["tok_hard_decline", "tok_expired", "tok_auth"])
    def test_a_hard_decline_is_not_tried_again(self, shop: Shop, at: datetime, token: str) -> None:
        _, subscription_id, invoice_id = running(shop, token)
        live_until(at + LONG_ENOUGH)
        assert tried_on(invoice_id, at) == [0]
        assert (status(subscription_id), fresh(Subscription, subscription_id).ended_at) == ("canceled", at + 7 * DAY)

    def test_without_any_method_it_is_reminded_of_and_ends_alike(self, shop: Shop, at: datetime) -> None:
        _, subscription_id, invoice_id = running(shop, None)
        live_until(at + LONG_ENOUGH)
        assert (tried_on(invoice_id, at), reminded_on(at)) == ([], [1, 3, 7])
        assert status(subscription_id) == "canceled"

    def test_one_who_pays_by_hand_is_reminded_before_and_after_the_due_date(self, shop: Shop, at: datetime) -> None:
        _, subscription_id, invoice_id = sold(shop, None, collection="manual")
        live_until(at + 14 * DAY)
        assert status(subscription_id) == "active"
        live_until(at + 30 * DAY)
        assert reminded_on(at) == [14 - 3, 14 + 1, 14 + 3, 14 + 7]
        assert tried_on(invoice_id, at) == []
        assert status(subscription_id) == "canceled"

    def test_its_own_schedule_holds_for_each_tenant(self, shop: Shop, at: datetime) -> None:
        with transaction():
            change_settings({"retry_days": [2, 9], "remind_after_days": [4]}, at)
        _, subscription_id, invoice_id = sold(shop, "tok_soft_decline")
        live_until(at + LONG_ENOUGH)
        assert (tried_on(invoice_id, at), reminded_on(at)) == ([0, 2, 9], [4])
        assert fresh(Subscription, subscription_id).ended_at == at + 9 * DAY

    @pytest.mark.parametrize(
        ("action", "ends_as"), [("cancel", "canceled"), ("unpaid", "unpaid"), ("keep_past_due", "past_due")]
    )
    def test_the_final_action_is_the_tenants_choice(self, shop: Shop, at: datetime, action: str, ends_as: str) -> None:
        with transaction():
            change_settings({"final_action": action}, at)
        _, subscription_id, invoice_id = sold(shop, "tok_soft_decline")
        live_until(at + LONG_ENOUGH)
        assert status(subscription_id) == ends_as
        invoice = fresh(Invoice, invoice_id)
        assert (invoice.collect_at, invoice.dunning_at) == (None, None)

    def test_a_late_job_sends_one_reminder_and_tries_once(self, shop: Shop, at: datetime) -> None:
        """Nobody is chased for our outage: a week's silence does not end in a pile of mails."""
        _, _, invoice_id = sold(shop, "tok_soft_decline")
        due_payments.collect_due(at)
        late = at + 6 * DAY
        for _ in range(5):
            dunning.take_due(late)
            due_payments.collect_due(late)
        assert (tried_on(invoice_id, at), reminded_on(at)) == ([0, 6], [6])


class TestWhatEndsIt:
    def test_a_new_default_method_is_tried_at_once_and_puts_things_in_order(self, shop: Shop, at: datetime) -> None:
        customer_id, subscription_id, invoice_id = sold(shop, "tok_hard_decline")
        live_until(at + 2 * DAY)
        shop.method(customer_id, "tok_ok", at + 2 * DAY)
        live_until(at + LONG_ENOUGH)
        assert tried_on(invoice_id, at) == [0, 2]
        subscription = fresh(Subscription, subscription_id)
        assert (subscription.status, subscription.past_due_at) == ("active", None)
        assert_books_agree(shop.bank)

    def test_a_new_method_of_the_subscription_is_tried_at_once(self, shop: Shop, at: datetime) -> None:
        customer_id = shop.buyer("tok_hard_decline")
        bad = payment_methods.for_charging(customer_id, None)
        assert bad is not None
        good = shop.method(customer_id, "tok_ok")
        subscription_id = shop.sell(customer_id, payment_method_id=bad.id)
        invoice_id = invoices_of(subscription_id)[0].id
        live_until(at + DAY)
        with transaction():
            subscription_details.change(subscription_id, {"payment_method": good}, at + DAY)
        live_until(at + 2 * DAY)
        assert (tried_on(invoice_id, at), status(subscription_id)) == ([0, 1], "active")

    def test_a_new_default_leaves_alone_what_is_paid_with_a_method_of_its_own(self, shop: Shop, at: datetime) -> None:
        customer_id = shop.buyer("tok_hard_decline")
        own = payment_methods.for_charging(customer_id, None)
        assert own is not None
        subscription_id = shop.sell(customer_id, payment_method_id=own.id)
        invoice_id = invoices_of(subscription_id)[0].id
        live_until(at + DAY)
        shop.method(customer_id, "tok_ok", at + DAY)
        live_until(at + 3 * DAY)
        assert tried_on(invoice_id, at) == [0]

    def test_removing_the_bad_method_tries_the_one_that_is_left(self, shop: Shop, at: datetime) -> None:
        customer_id = shop.customer()
        bad = shop.method(customer_id, "tok_hard_decline")
        good = payment_methods.add(customer_id, shop.account_id, "tok_ok", at, default=False).id
        invoice_id = invoices_of(shop.sell(customer_id))[0].id
        live_until(at + DAY)
        with transaction():
            payment_methods.remove(bad, at + DAY)
        live_until(at + 2 * DAY)
        assert [payment.payment_method_id for payment in payments_of(invoice_id)] == [bad, good]
        assert fresh(Invoice, invoice_id).status == "paid"

    def test_paying_by_hand_stops_it(self, shop: Shop, at: datetime) -> None:
        customer_id, subscription_id, invoice_id = sold(shop, "tok_soft_decline")
        live_until(at + 3 * DAY)
        other = payment_methods.add(customer_id, shop.account_id, "tok_ok", at, default=False)
        charging.collect(invoice_id, at + 4 * DAY, method_id=other.id, off_session=False)
        live_until(at + LONG_ENOUGH)
        assert tried_on(invoice_id, at) == [0, 1, 3, 4]
        assert reminded_on(at) == [1, 3]
        assert status(subscription_id) == "active"

    def test_taking_the_invoice_back_stops_it_and_forgives(self, shop: Shop, at: datetime) -> None:
        _, subscription_id, invoice_id = sold(shop, "tok_soft_decline")
        live_until(at + DAY)
        with transaction():
            invoices.void(invoice_id, at + 2 * DAY)
        live_until(at + LONG_ENOUGH)
        assert tried_on(invoice_id, at) == [0, 1]
        assert status(subscription_id) == "active"

    def test_a_canceled_subscriptions_debt_is_not_pursued_whatever_happens(self, shop: Shop, at: datetime) -> None:
        customer_id, subscription_id, invoice_id = sold(shop, "tok_soft_decline")
        due_payments.collect_due(at)
        with transaction():
            subscriptions.cancel(subscription_id, at + DAY, at_period_end=False)
        charging.collect(invoice_id, at + 2 * DAY, off_session=False)
        shop.method(customer_id, "tok_ok", at + 3 * DAY)
        live_until(at + LONG_ENOUGH)
        assert tried_on(invoice_id, at) == [0, 2]
        assert reminded_on(at) == []

    def test_one_paid_debt_of_two_leaves_it_past_due(self, shop: Shop, at: datetime) -> None:
        with transaction():
            change_settings({"final_action": "keep_past_due"}, at)
        customer_id, subscription_id, first = sold(shop, "tok_hard_decline")
        live_until(at + 2 * DAY)
        february = fresh(Subscription, subscription_id).current_period_end
        renewals.renew_due(february)
        live_until(february)
        second = invoices_of(subscription_id)[1].id
        good = payment_methods.add(customer_id, shop.account_id, "tok_ok", at, default=False).id
        charging.collect(first, february, method_id=good)
        assert status(subscription_id) == "past_due"
        charging.collect(second, february, method_id=good)
        assert status(subscription_id) == "active"


class TestMoneyOnItsWay:
    def test_nobody_is_reminded_or_canceled_while_a_debit_settles(
        self, shop: Shop, at: datetime, script: Script
    ) -> None:
        script["create_payment"] = says(UNDER_WAY)
        _, subscription_id, invoice_id = sold(shop, None, collection="manual")
        customer_id = fresh(Invoice, invoice_id).customer_id
        shop.method(customer_id, "tok_debit")
        charging.collect(invoice_id, at + 10 * DAY, off_session=False)
        live_until(at + 40 * DAY)
        assert (mails("reminder"), status(subscription_id)) == ([], "active")

    def test_a_decline_before_the_due_date_is_no_reason_to_fall_behind(self, shop: Shop, at: datetime) -> None:
        _, subscription_id, invoice_id = sold(shop, "tok_soft_decline", collection="manual")
        charging.collect(invoice_id, at + DAY, off_session=False)
        assert status(subscription_id) == "active"
        live_until(at + 13 * DAY)
        assert reminded_on(at) == [11]

    def test_one_who_paid_for_a_year_after_a_trial_keeps_the_grace(self, shop: Shop, at: datetime) -> None:
        subscription_id = shop.sell(shop.buyer(), shop.plan(trial_days=14))
        renewals.renew_due(at + 14 * DAY)
        due_payments.collect_due(at + 14 * DAY)
        assert fresh(Subscription, subscription_id).activated_at == at + 14 * DAY


class TestMails:
    def test_the_mail_about_a_failure_says_when_it_is_tried_again(self, shop: Shop, at: datetime) -> None:
        _, _, invoice_id = sold(shop, "tok_soft_decline")
        due_payments.collect_due(at)
        notices.payment_failed(payments_of(invoice_id)[0].id, at)
        assert mails("payment_failed")[0].context["retry_on"] == "January 16, 2026"

    def test_after_a_hard_decline_it_promises_nothing(self, shop: Shop, at: datetime) -> None:
        _, _, invoice_id = sold(shop, "tok_hard_decline")
        due_payments.collect_due(at)
        notices.payment_failed(payments_of(invoice_id)[0].id, at)
        assert mails("payment_failed")[0].context["retry_on"] is None

    def test_the_forgotten_get_no_reminders(self, shop: Shop, at: datetime) -> None:
        customer_id, subscription_id, _ = sold(shop, None, collection="manual")
        with transaction():
            subscriptions.cancel(subscription_id, at, at_period_end=False)
        with transaction():
            invoices.create(customer_id, [invoices.OneOff("Advice", "100")], at)
        with transaction():
            customers.forget(customer_id, at)
        live_until(at + 40 * DAY)
        assert mails("reminder") == []


class TestBrokenOnes:
    def test_one_invoice_that_cannot_be_dunned_does_not_hold_up_the_others(self, shop: Shop, at: datetime) -> None:
        _, _, broken = sold(shop, None, collection="manual")
        sold(shop, None, collection="manual")
        with transaction():
            invoice = fresh(Invoice, broken)
            invoice.buyer = {**invoice.buyer, "timezone": "Nowhere/Land"}
        when = at + 11 * DAY
        assert dunning.take_due(when) == 1
        assert len(mails("reminder")) == 1
        assert fresh(Invoice, broken).dunning_at == when + DAY
