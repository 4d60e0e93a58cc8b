"""The addresses of the API, one file a noun. Importing a file adds its views to the blueprint."""

from app.api.resources import (
    access,
    customers,
    gateway_accounts,
    invoices,
    meters,
    payment_methods,
    payments,
    plans,
    previews,
    products,
    subscription_usage,
    subscriptions,
    usage_alerts,
    usage_events,
)

__all__ = [
    "access",
    "customers",
    "gateway_accounts",
    "invoices",
    "meters",
    "payment_methods",
    "payments",
    "plans",
    "previews",
    "products",
    "subscription_usage",
    "subscriptions",
    "usage_alerts",
    "usage_events",
]
