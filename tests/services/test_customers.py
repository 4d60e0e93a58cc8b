"""Customers: refused with a field when something is wrong, and forgotten so that nothing says who they were."""

from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import String, cast, select

from app.db import current_tenant_id, session, transaction
from app.domain.errors import BillingError, Conflict
from app.models import Customer, Event, Mail, PaymentMethod, User
from app.services import catalog, customers, due_payments, notices, subscriptions, users
from tests.shop import Shop, fresh, invoices_of
from tests.together import refusals, together

GIVEN: dict[str, Any] = {"name": "Foxglove Farm", "email": "farm@foxglove.example"}

WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no name": ({"name": " "}, "name", "missing"),
    "no address to write to": ({"email": "nobody"}, "email", "invalid_email"),
    "no such currency": ({"currency": "XTS"}, "currency", "unknown_currency"),
    "no such zone": ({"timezone": "Nowhere/Land"}, "timezone", "unknown_timezone"),
    "no such kind": ({"kind": "friend"}, "kind", "invalid_kind"),
}


@pytest.mark.parametrize(("values", "field", "code"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused_by_field_and_nothing_is_written(
    in_tenant: str, at: datetime, values: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(BillingError) as refusal, transaction():
        customers.create({**GIVEN, **values}, at)
    assert (refusal.value.field, refusal.value.code) == (field, code)
    assert session().scalars(select(Customer)).all() == []
    assert session().scalars(select(Event)).all() == []


def test_what_is_left_out_comes_from_the_tenant(in_tenant: str, at: datetime) -> None:
    with transaction():
        row = customers.create({**GIVEN, "currency": None}, at)
    assert (row.currency, row.timezone, row.locale) == ("CAD", "America/Toronto", "en_CA")


def test_an_external_id_is_taken_once_even_at_the_same_moment(app: Flask, in_tenant: str, at: datetime) -> None:
    def add() -> str:
        with transaction():
            return customers.create({**GIVEN, "external_id": "crm-1"}, at).id

    refused = refusals(together(app, in_tenant, *[add] * 4))
    assert len(refused) == 3
    assert set(refused) <= {"external_id_taken", "added_already"}


def test_a_product_code_is_taken_once_even_at_the_same_moment(app: Flask, in_tenant: str, at: datetime) -> None:
    def add() -> str:
        with transaction():
            return catalog.create_product({"code": "notes", "name": "Notes"}, at).id

    refused = refusals(together(app, in_tenant, *[add] * 4))
    assert len(refused) == 3
    assert set(refused) <= {"code_taken", "added_already"}


def test_the_currency_stays(in_tenant: str, at: datetime) -> None:
    with transaction():
        row = customers.create(GIVEN, at)
    with pytest.raises(BillingError, match="cannot be changed"), transaction():
        customers.update(row.id, {"currency": "USD"}, at)


class TestForgetting:
    def test_nothing_but_their_invoices_says_who_they_were(self, shop: Shop, at: datetime) -> None:
        customer_id = shop.buyer(name="Fiona Foxglove", external_id="crm-7")
        with transaction():
            users.create("farm@foxglove.example", "Fiona Foxglove", "customer", at, customer_id=customer_id)
        subscription_id = shop.sell(customer_id)
        due_payments.collect_due(at)
        notices.invoice_paid(invoices_of(subscription_id)[0].id, at)
        with transaction():
            subscriptions.cancel(subscription_id, at, at_period_end=False)
        with transaction():
            customers.forget(customer_id, at)
        for model in (Customer, User, Mail, Event):
            for row in session().scalars(select(model).execution_options(populate_existing=True)):
                kept = str({name: value for name, value in vars(row).items() if not name.startswith("_")})
                assert "foxglove" not in kept.lower()
                assert "crm-7" not in kept
        assert invoices_of(subscription_id)[0].buyer["name"] == "Fiona Foxglove"

    def test_their_people_are_let_in_no_more_and_nothing_is_charged(self, shop: Shop, at: datetime) -> None:
        customer_id = shop.buyer()
        with transaction():
            user_id = users.create("f@foxglove.example", "F", "customer", at, customer_id=customer_id).id
        with transaction():
            customers.forget(customer_id, at)
        assert fresh(User, user_id).disabled_at == at
        methods = session().scalars(select(PaymentMethod).execution_options(populate_existing=True))
        assert [method.removed_at for method in methods] == [at]

    def test_mail_that_waits_is_not_sent_to_them(self, shop: Shop, at: datetime) -> None:
        customer_id = shop.buyer()
        subscription_id = shop.sell(customer_id)
        notices.invoice_paid(invoices_of(subscription_id)[0].id, at)
        with transaction():
            subscriptions.cancel(subscription_id, at, at_period_end=False)
        with transaction():
            customers.forget(customer_id, at)
        states = session().execute(select(Mail.state, cast(Mail.context, String))).all()
        assert states == [("failed", "{}")]

    def test_an_address_they_shared_with_another_customer_still_gets_that_ones_mail(
        self, shop: Shop, at: datetime
    ) -> None:
        leaving, staying = shop.customer(), shop.buyer()
        notices.invoice_paid(invoices_of(shop.sell(staying))[0].id, at)
        with transaction():
            customers.forget(leaving, at)
        assert session().scalars(select(Mail.state)).all() == ["queued"]

    def test_not_while_they_are_subscribed(self, shop: Shop, at: datetime) -> None:
        customer_id = shop.buyer()
        shop.sell(customer_id)
        with pytest.raises(Conflict, match="Cancel"), transaction():
            customers.forget(customer_id, at)

    def test_the_forgotten_are_sold_nothing_and_not_changed(self, shop: Shop, at: datetime) -> None:
        customer_id = shop.customer()
        with transaction():
            customers.forget(customer_id, at)
        with pytest.raises(Conflict):
            shop.sell(customer_id)
        with pytest.raises(Conflict), transaction():
            customers.update(customer_id, {"name": "Back again"}, at)
        assert current_tenant_id()
