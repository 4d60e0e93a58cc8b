"""Sweeps: they look into every tenant, and one tenant's trouble is no other's."""

from datetime import UTC, datetime

import pytest
from flask import Flask

from app.db import tenant_scope, transaction
from app.gateways.sandbox_bank import SandboxBank
from app.jobs import schedule, sweeps
from app.models import Tenant
from app.services import tenants
from tests.conftest import RATES, SELLER
from tests.shop import Shop, assert_books_agree, invoices_of, open_shop, payments_of, status

FEBRUARY = datetime(2026, 2, 15, 12, 0, tzinfo=UTC)


@pytest.fixture
def shops(app: Flask, at: datetime, bank: SandboxBank) -> list[tuple[str, str]]:
    """Three tenants, each with a subscription; the second one's settings are broken."""
    made = []
    with app.app_context():
        for slug in ("one", "two", "three"):
            tenant_id = tenants.create({**SELLER, "slug": slug}, RATES, at)
            with tenant_scope(tenant_id):
                shop: Shop = open_shop(at, bank)
                made.append((tenant_id, shop.sell(shop.buyer(), collection="manual")))
        with tenant_scope(made[1][0]), transaction() as session:
            session.get_one(Tenant, made[1][0]).settings = {"retry_days": "never"}
    return made


def test_a_tenant_that_cannot_be_billed_does_not_hold_up_the_others(app: Flask, shops: list[tuple[str, str]]) -> None:
    with app.app_context():
        sweeps.renew(FEBRUARY)
        billed = []
        for tenant_id, subscription_id in shops:
            with tenant_scope(tenant_id):
                billed.append(len(invoices_of(subscription_id)))
    assert billed == [2, 1, 2]


def test_all_that_is_due_is_done_until_nothing_is_left(app: Flask, shop: Shop, at: datetime) -> None:
    subscription_id = shop.sell(shop.buyer())
    assert schedule.run_due(at) > 0
    assert schedule.run_due(at) == 0
    schedule.run_due(FEBRUARY)
    assert [invoice.status for invoice in invoices_of(subscription_id)] == ["paid", "paid"]
    assert [len(payments_of(invoice.id)) for invoice in invoices_of(subscription_id)] == [1, 1]
    assert status(subscription_id) == "active"
    assert_books_agree(shop.bank)
