"""Attempts to collect: the open one of an invoice, and those that came to nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import bindparam, func, select

from app.db import session, transaction_time
from app.models import Customer, GatewayAccount, Invoice, Payment, PaymentMethod, Subscription
from app.models.payments import NOT_EXECUTED, OPEN_STATUSES
from app.queries.base import among, get
from app.queries.due import IN_DOUBT, RULES
from app.queries.filters import same


def open_payment(invoice_id: str) -> Payment | None:
    """The attempt on this invoice that may still take money; there is at most one."""
    return session().scalar(select(Payment).where(Payment.invoice_id == invoice_id, Payment.status.in_(OPEN_STATUSES)))


_OPEN = select(Payment.id).where(Payment.invoice_id == bindparam("invoice_id"), among(Payment.status, OPEN_STATUSES))


def has_open_payment(invoice_id: str) -> bool:
    """Whether an attempt on this invoice may still take money."""
    return session().connection().scalar(_OPEN, {"invoice_id": invoice_id}) is not None


@dataclass(frozen=True, slots=True)
class Chargeable:
    """A method and its account. `unasked`: charged without being named, as the subscription's own or the default."""

    method: PaymentMethod
    account: GatewayAccount
    unasked: bool


_OWN = select(Subscription.payment_method_id).where(Subscription.id == bindparam("subscription_id")).scalar_subquery()
_CHARGEABLE = (
    select(PaymentMethod, GatewayAccount, _OWN)
    .join(GatewayAccount, same(PaymentMethod.gateway_account_id, GatewayAccount))
    .where(PaymentMethod.customer_id == bindparam("customer_id"), PaymentMethod.removed_at.is_(None))
    .order_by(PaymentMethod.is_default.desc(), PaymentMethod.id)
    .execution_options(populate_existing=True)
)


def chargeable(invoice: Invoice) -> Sequence[Chargeable]:
    """What an invoice can be charged to, as it is at this moment: the subscription's own method first, then the
    customer's default, then the others."""
    words = {"customer_id": invoice.customer_id, "subscription_id": invoice.subscription_id}
    found = sorted(session().execute(_CHARGEABLE, words), key=lambda row: row[0].id != row[2])
    return [Chargeable(method, account, method.is_default or method.id == own) for method, account, own in found]


def times_not_executed(invoice: Invoice) -> int:
    """How many attempts on an invoice have not reached the payer's bank since it last said no."""
    query = select(func.count()).where(Payment.invoice_id == invoice.id, Payment.decline_code.in_(NOT_EXECUTED))
    if invoice.tried_at:
        query = query.where(Payment.started_at > invoice.tried_at)
    return session().scalar(query) or 0


def is_overdue(kind: Literal["checks", "refund_checks"], row_id: str, at: datetime) -> bool:
    """Whether the time for an answer is over when it is `at` for the customer; what is settled waits for none."""
    rule = RULES[kind]
    query = select(rule.due(at)).where(rule.model.id == row_id)  # type: ignore[attr-defined]
    return bool(session().execute(query).scalar())


def asked_from(customer_id: str, status: str, at: datetime) -> datetime:
    """From when the time is counted after which a gateway is asked again about something in this status: `at` for a
    customer on a test clock, if the gateway has told us of it; else the database's clock, and real time, decide."""
    if status in IN_DOUBT:
        return transaction_time()
    return at if get(Customer, customer_id).test_clock_id else transaction_time()
