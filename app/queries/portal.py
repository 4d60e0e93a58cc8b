"""What a customer sees of themselves: what they bought, what they were invoiced, how they pay."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.orm import joinedload

from app.db import session
from app.domain.money import Money
from app.models import GatewayAccount, Invoice, Payment, PaymentMethod, Refund, Subscription, User
from app.queries.dues import overdue as late_and_open
from app.queries.filters import Listed, matching, newest

ENDED = ("canceled", "expired")
ISSUED = ("open", "paid", "void", "uncollectible")
OWED = ("open", "uncollectible")
PAGE = 20


@dataclass(frozen=True, slots=True)
class Totals:
    """What a customer was invoiced in one currency, and what of it should have been paid by now."""

    invoiced: Money
    overdue: Money


def can_sign_in(customer_id: str) -> bool:
    """Whether anybody may sign in to the portal for this customer."""
    query = select(User.id).where(User.customer_id == customer_id, User.disabled_at.is_(None))
    return session().scalar(query.limit(1)) is not None


def subscriptions_of(customer_id: str) -> Sequence[Subscription]:
    """All subscriptions with their plans: the running ones first, then the newest."""
    query = select(Subscription).options(joinedload(Subscription.plan)).where(Subscription.customer_id == customer_id)
    order = (Subscription.status.in_(ENDED), Subscription.id.desc())
    return session().scalars(query.order_by(*order)).unique().all()


def totals_of(customer_id: str, at: datetime) -> Sequence[Totals]:
    """What was invoiced and what is overdue at `at`, one entry for each currency; withdrawn invoices do not count."""
    overdue = case((_late(at), Invoice.due_minor), else_=0)
    query = (
        select(Invoice.currency, func.sum(Invoice.total_minor), func.sum(overdue))
        .where(Invoice.customer_id == customer_id, Invoice.status.in_((*OWED, "paid")))
        .group_by(Invoice.currency)
        .order_by(Invoice.currency)
    )
    rows = session().execute(query)
    return [Totals(Money(int(total), currency), Money(int(late), currency)) for currency, total, late in rows]


def invoices_of(
    customer_id: str,
    statuses: Collection[str] = ISSUED,
    *,
    text: str | None = None,
    late_at: datetime | None = None,
    subscription_id: str | None = None,
    cursor: str | None = None,
    limit: int = PAGE,
) -> Listed[Invoice]:
    """A page of invoices in these statuses, the newest first: those with `text` in the number, those that should have
    been paid by `late_at`, those of one subscription."""
    query = select(Invoice).where(Invoice.customer_id == customer_id, Invoice.status.in_(statuses))
    query = matching(query, text, Invoice.number)
    if late_at:
        query = query.where(_late(late_at))
    if subscription_id:
        query = query.where(Invoice.subscription_id == subscription_id)
    return newest(query, Invoice, cursor, limit)


def overdue_invoices(customer_id: str, at: datetime) -> Sequence[Invoice]:
    """What should have been paid by `at`, the oldest first."""
    query = select(Invoice).where(Invoice.customer_id == customer_id, _late(at))
    return session().scalars(query.order_by(Invoice.due_at, Invoice.id)).all()


def methods_of(customer_id: str) -> Sequence[PaymentMethod]:
    """The payment methods that are still there, the default one first."""
    query = select(PaymentMethod).where(PaymentMethod.customer_id == customer_id, PaymentMethod.removed_at.is_(None))
    return session().scalars(query.order_by(PaymentMethod.is_default.desc(), PaymentMethod.id)).all()


def payments_of(invoice_id: str) -> Sequence[Payment]:
    """Every attempt to pay an invoice, the newest first."""
    query = select(Payment).options(joinedload(Payment.payment_method)).where(Payment.invoice_id == invoice_id)
    return session().scalars(query.order_by(Payment.id.desc())).all()


def refunds_of(payment_ids: Collection[str]) -> Sequence[Refund]:
    """Money sent back for these payments, the newest first."""
    query = select(Refund).where(Refund.payment_id.in_(payment_ids)).order_by(Refund.id.desc())
    return session().scalars(query).all()


def open_accounts() -> Sequence[GatewayAccount]:
    """The gateway accounts that take something new, the oldest first."""
    query = select(GatewayAccount).where(GatewayAccount.disabled_at.is_(None))
    return session().scalars(query.order_by(GatewayAccount.id)).all()


def _late(at: datetime) -> ColumnElement[bool]:
    """What should have been paid by `at`. What was written off is still owed."""
    return or_(late_and_open(at), Invoice.status == "uncollectible")
