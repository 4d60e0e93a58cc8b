"""The first page: what they have, what it costs next, what is late."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Response

from app.permissions import Permission
from app.present import present
from app.queries import portal as query
from app.services import access
from app.services.upcoming import next_invoice
from app.web.auth_guard import requires
from app.web.portal.blueprint import pages
from app.web.portal.own import own_customer
from app.web.rendering import render

LATEST = 5

# Why the customer may or may not use what they bought, by the reason that access gives.
ACCESS: Mapping[str, str] = {
    "paid": "All is paid.",
    "trial": "Your trial is running.",
    "grace": "A payment is late. Pay it before this day to keep your access.",
    "payment_settling": "A payment is on its way; we wait for your bank.",
    "first_payment_missing": "The first payment is missing.",
    "past_due": "A payment is overdue.",
    "unpaid": "An invoice was not paid.",
    "paused": "Your subscription is paused.",
    "canceled": "Your subscription has ended.",
    "expired": "Your subscription has ended.",
    "no_subscription": "You have no subscription.",
}


@dataclass(frozen=True, slots=True)
class Access:
    """Whether they may use what they bought (active, blocked or unknown), until when, and why."""

    state: str
    until: datetime | None
    reason: str


@pages.get("/")
@requires(Permission.OWN)
def home() -> Response:
    """Plan, next bill, what is overdue, the latest invoices, and whether they may use it all."""
    customer = own_customer()
    at = present(customer.id)
    subscriptions = query.subscriptions_of(customer.id)
    running = [row for row in subscriptions if row.status not in query.ENDED]
    return render(
        "portal/home.html",
        running=[(row, next_invoice(row, customer, row.plan)) for row in running],
        ended=len(subscriptions) - len(running),
        overdue=query.overdue_invoices(customer.id, at),
        access=_access(customer.id, at),
        latest=query.invoices_of(customer.id, limit=LATEST).items,
        has_method=bool(query.methods_of(customer.id)),
    )


def _access(customer_id: str, at: datetime) -> Access:
    found = access.of(customer_id, at)
    until = found["valid_until"]
    return Access(found["access"], datetime.fromisoformat(until) if until else None, ACCESS[found["reason"]])
