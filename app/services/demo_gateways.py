"""The demo seller's accounts at simulated gateways, so that every gateway can be clicked through offline."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import requests
from sqlalchemy import select

from app.db import all_tenants, session, tenant_scope, transaction
from app.gateways import REGISTRY, gateway_class
from app.gateways.base import Capability
from app.logs import logger
from app.models import GatewayAccount, Tenant
from app.queries.base import get
from app.services import connections, gateway_accounts
from app.services.demo import SLUG
from app.settings import current_settings

SECONDS = 10
WEBHOOK_URL = "webhook_url"  # what some gateways sign, and what their adapters therefore have to be told

log = logger(__name__)


def connect(addresses: Mapping[str, str], at: datetime) -> list[str] | None:
    """Connect a test account of each gateway, given as name → address of its simulator; gives their titles.

    Done again, the accounts that are there get the credentials of now. The simulators are told where webhooks go. None
    without a demo seller. Opens its own transactions.
    """
    tenant_id = _demo_seller()
    if tenant_id is None:
        return None
    with tenant_scope(tenant_id):
        return [_connect(name, address, at) for name, address in addresses.items() if name in REGISTRY]


def _connect(gateway: str, address: str, at: datetime) -> str:
    adapter = gateway_class(gateway)
    name = f"{adapter.title}, simulated"
    known = session().scalar(select(GatewayAccount.id).where(GatewayAccount.name == name))
    credentials = dict(_asked("GET", f"{address}/_control/account"))
    signs_address = any(field.name == WEBHOOK_URL for field in adapter.credentials)
    if signs_address:
        credentials[WEBHOOK_URL] = current_settings().base_url  # until the account is there, and with it the right one
    with transaction():
        account_id = known or gateway_accounts.create(name, gateway, credentials, at).id
    account = get(GatewayAccount, account_id)
    webhooks = gateway_accounts.webhook_address(account)
    if signs_address:
        credentials[WEBHOOK_URL] = webhooks
    with transaction():
        gateway_accounts.replace_credentials(account_id, credentials, at)
    if fault := connections.fault_of(account_id):
        log.error("a simulated gateway does not let us in", gateway=gateway, fault=fault)
    if Capability.WEBHOOKS in adapter.capabilities:
        _asked("PUT", f"{address}/_control/webhooks", {"url": webhooks})
    return adapter.title


def _asked(method: str, url: str, wish: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    answer = requests.request(method, url, json=wish, timeout=SECONDS)
    answer.raise_for_status()
    told: Mapping[str, Any] = answer.json()
    return told


def _demo_seller() -> str | None:
    with all_tenants():
        return session().scalar(select(Tenant.id).where(Tenant.slug == SLUG))
