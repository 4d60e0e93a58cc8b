"""What falls due by itself between us and gateways: invoices to be collected, attempts to be asked about."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.db import session, transaction
from app.domain.errors import Conflict
from app.logs import logger
from app.models import Invoice, Payment
from app.queries import due
from app.queries.base import get
from app.services import charging, collection, open_checks
from app.services.batches import each
from app.services.locks import lock_debt

BATCH = 200
# Why there was nothing to charge, when the customer can do something about it; any other reason is none of theirs.
NOTHING_TO_CHARGE = ("no_payment_method", "gateway_account_disabled", "payment_refused")
SETTLED_OTHERWISE = ("not_payable", "payment_in_progress", "not_due", "payment_under_review")

log = logger(__name__)


def collect_due(at: datetime) -> int:
    """Collect every invoice of the tenant in scope that is due at `at`, oldest first; gives how many were tried."""
    query = select(Invoice.id).where(due.rows("collections", at)).order_by(Invoice.collect_at).limit(BATCH)
    return each(session().scalars(query).all(), lambda row: _collect(row, at), lambda row: _put_off(row, at))


def collect_if_due(invoice_id: str, at: datetime) -> None:
    """Collect an invoice that has just been issued, if it is still waiting for it."""
    invoice = get(Invoice, invoice_id)
    if invoice.status == "open" and invoice.collect_at and invoice.collect_at <= at:
        _collect(invoice_id, at)


def check_due(at: datetime) -> int:
    """Ask about every attempt whose answer is overdue, oldest first; gives how many."""
    query = select(Payment).where(due.rows("checks", at)).order_by(Payment.check_at).limit(BATCH)
    along = (Payment.invoice, Payment.customer, Payment.gateway_account, Payment.payment_method)
    query = query.options(*(joinedload(part) for part in along)).execution_options(populate_existing=True)
    return open_checks.ask(session().scalars(query).all(), at)


def _collect(invoice_id: str, at: datetime) -> None:
    """Collect; without anything to charge, that is a failure like any other, with reminders and an end."""
    try:
        charging.collect(invoice_id, at, only_if_due=True)
    except Conflict as conflict:
        log.info("invoice not collected", invoice=invoice_id, code=conflict.code)
        with transaction():
            _after_conflict(invoice_id, conflict.code, at)


def _after_conflict(invoice_id: str, code: str, at: datetime) -> None:
    """What is settled otherwise is planned by whoever settles it. What is broken on our side is looked at again."""
    invoice = lock_debt(invoice_id)
    if invoice.collect_at is None or invoice.collect_at > at:
        return
    if code in NOTHING_TO_CHARGE:
        collection.declined(invoice, "no_payment_method", at)
    elif code in SETTLED_OTHERWISE:
        invoice.collect_at = None
    else:
        collection.put_off(invoice, at)


def _put_off(invoice_id: str, at: datetime) -> None:
    collection.put_off(lock_debt(invoice_id), at)
