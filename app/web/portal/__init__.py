"""Pages of a customer: their own things and no others."""

from app.web.portal import billing_details, home, invoices, pauses, payment_methods, subscription_changes, subscriptions
from app.web.portal.blueprint import pages

__all__ = ["home", "pages"]

for part in (subscriptions, subscription_changes, pauses, invoices, payment_methods, billing_details):
    pages.register_blueprint(part.pages)
