"""Who may do what: one table of roles for people, one of scopes for API keys."""

from enum import StrEnum


class Permission(StrEnum):
    """What a page or an API operation needs."""

    VIEW = "view"  # see everything of the tenant
    SELL = "sell"  # customers, products, plans, subscriptions, invoices
    COLLECT = "collect"  # payments, refunds, voids
    ADMINISTER = "administer"  # users, keys, gateway accounts, settings
    OWN = "own"  # see and pay one's own things, as a customer


_VIEWER = frozenset({Permission.VIEW})
_BILLER = _VIEWER | {Permission.SELL, Permission.COLLECT}

ROLES: dict[str, frozenset[Permission]] = {
    "owner": _BILLER | {Permission.ADMINISTER},
    "billing_admin": _BILLER,
    "billing_viewer": _VIEWER,
    "customer": frozenset({Permission.OWN}),
}

SCOPES: dict[str, frozenset[Permission]] = {
    "read": _VIEWER,
    "write": _BILLER,
    "admin": _BILLER | {Permission.ADMINISTER},
}


def granted(names: dict[str, frozenset[Permission]], held: list[str]) -> frozenset[Permission]:
    """All that the held roles or scopes allow; unknown ones allow nothing."""
    return frozenset().union(*(names.get(name, frozenset()) for name in held))
