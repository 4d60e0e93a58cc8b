"""Whom a webhook's address belongs to: the account, its adapter, and who may knock."""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from time import monotonic

from app.db import all_tenants, tenant_scope
from app.gateways.base import Capability, Gateway
from app.queries import inbox
from app.services import gateway_accounts

# How long an address is believed without asking the database. What is refused meanwhile is looked up afresh.
REMEMBERED_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Door:
    """Where one account's webhooks come in. Networks: none means from anywhere."""

    gateway: str
    webhook_key: str
    tenant_id: str
    account_id: str
    adapter: Gateway
    networks: tuple[IPv4Network | IPv6Network, ...]

    def lets_in(self, sender: str | None) -> bool:
        """Whether the account takes webhooks from this address."""
        if not self.networks:
            return True
        address = ip_address(sender or "::")
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.networks)


def find(gateway: str, webhook_key: str) -> Door | None:
    """The account with this address; None when there is none, or its gateway sends no webhooks."""
    return _remembered(gateway, webhook_key, int(monotonic() / REMEMBERED_SECONDS))


def look_up(gateway: str, webhook_key: str) -> Door | None:
    """Likewise, as it stands in the database now."""
    with all_tenants():
        account = inbox.account_at(gateway, webhook_key)
    if account is None:
        return None
    with tenant_scope(account.tenant_id):
        adapter = gateway_accounts.connect(account)
    if Capability.WEBHOOKS not in adapter.capabilities:
        return None
    networks = tuple(ip_network(text) for text in account.webhook_senders)
    return Door(gateway, webhook_key, account.tenant_id, account.id, adapter, networks)


@lru_cache(maxsize=1024)
def _remembered(gateway: str, webhook_key: str, _while: int) -> Door | None:
    return look_up(gateway, webhook_key)
