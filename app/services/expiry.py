"""Subscriptions whose first payment never came: after the tenant's hours they expire, and owe nothing."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select

from app.db import current_tenant_id, session, transaction
from app.domain.errors import Conflict
from app.logs import logger
from app.models import Invoice, Payment, Subscription, Tenant
from app.models.payments import OPEN_STATUSES
from app.queries.filters import same
from app.services import invoices
from app.services.subscription_status import end

LOOK_AGAIN = timedelta(hours=1)

log = logger(__name__)


def expires_at(at: datetime) -> datetime:
    """When a subscription sold at `at` expires unless it is paid."""
    hours: int = session().get_one(Tenant, current_tenant_id()).setting("incomplete_hours")
    return at + timedelta(hours=hours)


def may_be_paid() -> ColumnElement[bool]:
    """Whether money may be on its way for a subscription, or nobody has tried or may try yet to collect it: a column
    for whoever selects subscriptions."""
    being_collected = and_(Invoice.status == "open", or_(Payment.id.is_not(None), Invoice.collect_at.is_not(None)))
    waits_for_review = and_(Invoice.status == "draft", Invoice.review_reason.is_not(None))
    attempts = and_(same(Payment.invoice_id, Invoice), Payment.status.in_(OPEN_STATUSES))
    return (
        select(Invoice.id)
        .outerjoin(Payment, attempts)
        .where(same(Invoice.subscription_id, Subscription), or_(being_collected, waits_for_review))
        .correlate(Subscription)
        .exists()
    )


def expire(rows: Iterable[Subscription], at: datetime, waiting: Collection[str]) -> None:
    """End these, but look again later at those that `may_be_paid`, whose ids are `waiting`.

    `open_invoices.stop_collecting` belongs to it.
    """
    for row in rows:
        if row.id in waiting:
            row.next_billing_at = at + LOOK_AGAIN
        else:
            end(row, at, "never paid", status="expired")


def forgive(subscription_id: str, at: datetime) -> None:
    """Take back what an expired subscription asked for, as far as nothing has come in for it."""
    query = select(Invoice.id).where(Invoice.subscription_id == subscription_id, Invoice.status == "open")
    for invoice_id in session().scalars(query).all():
        try:
            with transaction():
                invoices.void(invoice_id, at, reason="The first payment never came.")
        except Conflict as conflict:
            log.info("not taken back", invoice=invoice_id, code=conflict.code)
