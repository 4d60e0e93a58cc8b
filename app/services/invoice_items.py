"""One-off charges that wait for the customer's next invoice, and how they get onto it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from app.db import session
from app.domain.errors import Conflict
from app.domain.exact import parse_exact
from app.ids import to_uuid
from app.models import InvoiceItem
from app.queries.base import get
from app.services import one_off
from app.services.billable import billable_customer, billable_subscription
from app.services.bulk import change_rows
from app.services.history import audit
from app.services.invoice_rows import Bill
from app.services.one_off import OneOff


def add(customer_id: str, line: OneOff, at: datetime, *, subscription_id: str | None = None) -> InvoiceItem:
    """Note a charge for the next invoice of the subscription, or of the customer when none is named.

    Raises InvalidInput, naming the field, and Conflict when that subscription has ended: no invoice would come.
    """
    customer = billable_customer(customer_id)
    if subscription_id:
        billable_subscription(subscription_id, customer_id)
    one_off.check(line, customer.currency)
    row = InvoiceItem(
        customer_id=customer_id,
        subscription_id=subscription_id,
        description=line.description,
        quantity=parse_exact(line.quantity, "quantity"),
        unit_amount=parse_exact(line.unit_amount, "unit_amount"),
        tax_category=line.tax_category,
        inclusive=line.inclusive,
        created_at=at,
    )
    session().add(row)
    session().flush()
    audit("invoice_item.create", row.id, at, customer=customer_id)
    return row


def remove(item_id: str, at: datetime) -> None:
    """Take back a charge that still waits. Raises Conflict once it stands on an invoice."""
    row = get(InvoiceItem, item_id, lock=True)
    if row.invoice_id:
        raise Conflict("This item stands on an invoice already: write a credit note.", code="item_invoiced")
    session().delete(row)
    audit("invoice_item.delete", item_id, at, customer=row.customer_id)


def any_waiting(customer_id: str) -> bool:
    """Whether something waits for this customer's next invoice."""
    query = select(InvoiceItem.id).where(InvoiceItem.customer_id == customer_id, InvoiceItem.invoice_id.is_(None))
    return session().scalar(query.limit(1)) is not None


def by_bill(bills: Sequence[Bill], items: Iterable[InvoiceItem]) -> dict[int, list[InvoiceItem]]:
    """Which of the items that wait goes onto which of these bills, by its place: one of a customer onto the first of
    their bills, one of a subscription onto that subscription's."""
    takers = _takers(bills)
    found: dict[int, list[InvoiceItem]] = {}
    for item in items:
        place = takers.get(item.subscription_id or item.customer_id)
        if place is not None:
            found.setdefault(place, []).append(item)
    return found


def mark_invoiced(invoice_ids: Mapping[str, str]) -> None:
    """Note on which invoice each item stands now (by ids), with one statement."""
    rows = [(to_uuid("ivi", item), to_uuid("inv", invoice)) for item, invoice in invoice_ids.items()]
    change_rows(InvoiceItem, ("id", "invoice_id"), rows)


def as_one_off(item: InvoiceItem) -> OneOff:
    """The line that an item becomes."""
    return OneOff(item.description, item.unit_amount, item.quantity, item.tax_category, item.inclusive)


def _takers(bills: Sequence[Bill]) -> dict[str, int]:
    """The place of the bill that takes the items of each customer and of each subscription."""
    takers: dict[str, int] = {}
    for place, bill in enumerate(bills):
        if not bill.closed:
            takers.setdefault(bill.customer.id, place)
            if bill.subscription:
                takers.setdefault(bill.subscription.id, place)
    return takers
