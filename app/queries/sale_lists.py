"""Lists of what is given and taken besides invoices: coupons and their redemptions, waiting items, credit notes."""

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.models import Coupon, CreditNote, Customer, Invoice, InvoiceItem, Redemption
from app.queries.base import DEFAULT_LIMIT
from app.queries.filters import Filters, Listed, between, equal, flagged, matching, newest, reference, same


def coupons(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Coupon]:
    """Coupons by `q` (name, code), `code`; archived ones only with `archived`."""
    query = matching(select(Coupon), filters.get("q"), Coupon.name, Coupon.code, own=("cpn", Coupon))
    if not filters.get("archived"):
        query = query.where(Coupon.archived_at.is_(None))
    return newest(equal(query, filters, code=Coupon.code), Coupon, cursor, limit)


def redemptions(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Redemption]:
    """Redemptions by `coupon`, `customer`, `subscription`; taken back ones only with `ended`."""
    query = reference(select(Redemption), filters, "coupon", "cpn", Redemption.coupon_id)
    query = reference(query, filters, "customer", "cus", Redemption.customer_id)
    query = reference(query, filters, "subscription", "sub", Redemption.subscription_id)
    if not filters.get("ended"):
        query = query.where(Redemption.ended_at.is_(None))
    return newest(query, Redemption, cursor, limit, joinedload(Redemption.customer))


def invoice_items(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[InvoiceItem]:
    """Items by `customer`, `subscription`; those that still wait alone with `waiting`."""
    query = reference(select(InvoiceItem), filters, "customer", "cus", InvoiceItem.customer_id)
    query = reference(query, filters, "subscription", "sub", InvoiceItem.subscription_id)
    query = flagged(query, filters, waiting=InvoiceItem.invoice_id.is_(None))
    return newest(query, InvoiceItem, cursor, limit, joinedload(InvoiceItem.customer))


def credit_notes(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[CreditNote]:
    """Credit notes by `q` (number, customer), `invoice`, `customer`, `currency`, and by the instant of issue, `since`
    and `before`."""
    query = select(CreditNote).join(Customer, same(CreditNote.customer_id, Customer))
    query = matching(query, filters.get("q"), CreditNote.number, Customer.name, Customer.email, own=("crn", CreditNote))
    query = reference(query, filters, "invoice", "inv", CreditNote.invoice_id)
    query = reference(query, filters, "customer", "cus", CreditNote.customer_id)
    query = between(equal(query, filters, currency=CreditNote.currency), filters, CreditNote.issued_at)
    along = (joinedload(CreditNote.customer), joinedload(CreditNote.invoice).joinedload(Invoice.customer))
    return newest(query, CreditNote, cursor, limit, *along)
