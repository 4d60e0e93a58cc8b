"""Telling customers, once, that a payment method expires that they are charged with."""

from datetime import datetime

from sqlalchemy import exists, select

from app.db import session, transaction
from app.domain.card_expiry import next_look
from app.models import Customer, PaymentMethod, Subscription
from app.queries import due
from app.queries.base import get
from app.queries.portal import can_sign_in
from app.services import mails
from app.services.batches import each
from app.services.contracts import ENDED
from app.services.events import emit
from app.services.formats import method_name

BATCH = 200


def plan(row: PaymentMethod, at: datetime) -> None:
    """Note when the owner of a new method, or of one with another expiry, has to be told that it ends."""
    row.warned_at, row.warn_at = None, _next_look(row, at)


def warn_due(at: datetime) -> int:
    """Warn about every method of the tenant in scope for which it is time; gives how many were looked at."""
    query = select(PaymentMethod.id).where(due.rows("expiries", at)).order_by(PaymentMethod.warn_at).limit(BATCH)
    return each(session().scalars(query).all(), lambda row: _look(row, at), lambda row: _put_off(row, at))


def _look(method_id: str, at: datetime) -> None:
    with transaction():
        row = get(PaymentMethod, method_id, lock=True)
        if row.warn_at is None or row.warn_at > at or row.removed_at:
            return
        if row.is_default or _bills_something(row):
            row.warn_at, row.warned_at = None, at
            _warn(row, at)
        else:
            row.warn_at = _next_look(row, at)


def _warn(row: PaymentMethod, at: datetime) -> None:
    customer = get(Customer, row.customer_id)
    if customer.deleted_at:
        return
    ends = f"{row.exp_month:02d}/{row.exp_year}"
    context = {
        "name": customer.name,
        "method": method_name(row),
        "ends": ends,
        "in_portal": can_sign_in(customer.id),
    }
    mails.queue(
        "method_expiring", customer.email, at, dedupe=f"{row.id}:{ends}", context=context, customer_id=customer.id
    )
    emit("payment_method.expiring", row.id, at, customer_id=customer.id, ends=ends)


def _bills_something(row: PaymentMethod) -> bool:
    running = exists().where(
        Subscription.tenant_id == row.tenant_id,
        Subscription.payment_method_id == row.id,
        Subscription.collection == "automatic",
        Subscription.status.not_in(ENDED),
    )
    return bool(session().scalar(select(running)))


def _next_look(row: PaymentMethod, at: datetime) -> datetime | None:
    if row.exp_month is None or row.exp_year is None:
        return None
    return next_look(row.exp_month, row.exp_year, get(Customer, row.customer_id).timezone, at)


def _put_off(method_id: str, at: datetime) -> None:
    row = get(PaymentMethod, method_id, lock=True)
    row.warn_at = _next_look(row, at)
