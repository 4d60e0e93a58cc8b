"""Attempts to collect: the open one of an invoice, and those that came to nothing."""

from sqlalchemy import func, select

from app.db import session
from app.models import Invoice, Payment, Refund
from app.models.payments import NOT_EXECUTED, OPEN_STATUSES


def open_payment(invoice_id: str) -> Payment | None:
    """The attempt on this invoice that may still take money; there is at most one."""
    return session().scalar(select(Payment).where(Payment.invoice_id == invoice_id, Payment.status.in_(OPEN_STATUSES)))


def times_not_executed(invoice: Invoice) -> int:
    """How many attempts on an invoice have not reached the payer's bank since it last said no."""
    query = select(func.count()).where(Payment.invoice_id == invoice.id, Payment.decline_code.in_(NOT_EXECUTED))
    if invoice.tried_at:
        query = query.where(Payment.started_at > invoice.tried_at)
    return session().scalar(query) or 0


def is_overdue(model: type[Payment] | type[Refund], row_id: str) -> bool:
    """Whether the time for an answer is over, by the database's clock; what is settled waits for none."""
    return bool(session().scalar(select(model.check_at <= func.now()).where(model.id == row_id)))
