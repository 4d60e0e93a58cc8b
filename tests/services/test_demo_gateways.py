"""The demo seller's accounts at simulated gateways: connected, tried, and told where webhooks go, however often."""

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from app.config import Settings
from app.db import session, tenant_scope
from app.domain.tax_tables.canada import RATES
from app.models import GatewayAccount
from app.services import connections, demo, demo_gateways, gateway_accounts, tenants
from simulators import SIMULATORS
from tests.simulated import simulated


@pytest.mark.parametrize("gateway", SIMULATORS)
def test_each_gets_one_account_that_works_and_sends_webhooks_to_it(
    app: Flask, at: datetime, settings: Settings, gateway: str
) -> None:
    with app.app_context(), simulated(gateway) as simulator:
        tenant_id = tenants.create(demo.TENANT, RATES, at)
        for _ in range(2):
            titles = demo_gateways.connect({gateway: simulator.url, "unknown": "http://127.0.0.1:1"}, at)
        with tenant_scope(tenant_id):
            [account] = session().scalars(select(GatewayAccount))
            assert (account.gateway, account.mode, connections.fault_of(account.id)) == (gateway, "test", None)
            assert account.name == f"{gateway_accounts.connect(account).title}, simulated"
            assert titles == [account.name.partition(",")[0]]
            if simulator.post.route:
                assert simulator.post.route.url == f"{settings.base_url}/webhooks/{gateway}/{account.webhook_key}"


def test_without_a_demo_seller_nothing_is_connected(app: Flask, at: datetime) -> None:
    with app.app_context():
        assert demo_gateways.connect({"stripe": "http://127.0.0.1:1"}, at) is None
