"""Pages of the staff, a file for each noun."""

from app.web.admin import (
    api_keys,
    audit,
    customer_people,
    customers,
    exports,
    filters,
    gateway_accounts,
    home,
    invoices,
    ledger,
    mails,
    one_off,
    payment_methods,
    payments,
    plans,
    products,
    sales,
    search,
    subscriptions,
    tasks,
    taxes,
    users,
    webhooks,
    workspace,
)
from app.web.admin.blueprint import pages

__all__ = ["filters", "home", "pages"]

NOUNS = (
    customers,
    customer_people,
    payment_methods,
    products,
    plans,
    subscriptions,
    sales,
    invoices,
    one_off,
    payments,
    ledger,
    exports,
    users,
    api_keys,
    gateway_accounts,
    taxes,
    workspace,
    mails,
    webhooks,
    tasks,
    audit,
    search,
)
for noun in NOUNS:
    pages.register_blueprint(noun.pages)
