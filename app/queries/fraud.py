"""What is known of payments that are about to be charged, and what waits for a person."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import joinedload

from app.db import session
from app.domain.fraud import WINDOW
from app.models import Customer, FraudEntry, FraudReview, FraudRule, Payment, PaymentMethod
from app.queries.base import DEFAULT_LIMIT
from app.queries.filters import Filters, Listed, equal, newest, same


def attempts(at: datetime, same: ColumnElement[bool]) -> int:
    """How many attempts of payers there were in the hour before `at`, counted up to it."""
    query = select(func.count()).where(Payment.started_at > at - WINDOW, Payment.off_session.is_(False), same)
    return session().scalar(query) or 0


def methods_of_card(fingerprint: str) -> Select[Any]:
    """Ids of the methods with the same card behind them, whoever's they are and were."""
    return select(PaymentMethod.id).where(PaymentMethod.fingerprint == fingerprint)


def customers_with(fingerprint: str) -> int:
    """How many customers have a card now."""
    has = select(func.count(PaymentMethod.customer_id.distinct()))
    query = has.where(PaymentMethod.fingerprint == fingerprint, PaymentMethod.removed_at.is_(None))
    return session().scalar(query) or 0


def others_with(customer_id: str) -> Sequence[tuple[str, Customer]]:
    """Who else has, or had, a card of this customer's: its fingerprint, and the other customer."""
    own = select(PaymentMethod.fingerprint).where(
        PaymentMethod.customer_id == customer_id,
        PaymentMethod.fingerprint.is_not(None),
        PaymentMethod.removed_at.is_(None),
    )
    query = (
        select(PaymentMethod.fingerprint, Customer)
        .join(Customer, same(PaymentMethod.customer_id, Customer))
        .where(PaymentMethod.fingerprint.in_(own), PaymentMethod.customer_id != customer_id)
        .order_by(Customer.id)
        .distinct()
        .limit(20)
    )
    return [(str(row[0]), row[1]) for row in session().execute(query)]


def newest_findings(method_id: str) -> dict[str, object]:
    """What the gateway thought of the newest payment with a method that it checked."""
    query = select(Payment.findings).where(Payment.payment_method_id == method_id, Payment.findings != {})
    return session().scalar(query.order_by(Payment.id.desc()).limit(1)) or {}


def entries_for(named: Collection[tuple[str, str]]) -> Sequence[FraudEntry]:
    """What the lists have about these (kind, value)."""
    about = [(FraudEntry.kind == kind) & (FraudEntry.value == value.lower()) for kind, value in named]
    return session().scalars(select(FraudEntry).where(or_(*about))).all() if about else []


def rules() -> Sequence[FraudRule]:
    """The seller's own rules."""
    return session().scalars(select(FraudRule).order_by(FraudRule.id)).all()


def entries() -> Sequence[FraudEntry]:
    """Both lists."""
    return session().scalars(select(FraudEntry).order_by(FraudEntry.kind, FraudEntry.value)).all()


def review_of(invoice_id: str) -> FraudReview | None:
    """The newest review of an invoice's payments."""
    query = select(FraudReview).where(FraudReview.invoice_id == invoice_id).order_by(FraudReview.id.desc())
    return session().scalars(query.limit(1)).first()


def reviews(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[FraudReview]:
    """Payments that were held, the newest first; by `status`."""
    query = equal(select(FraudReview), filters, status=FraudReview.status)
    return newest(query, FraudReview, cursor, limit, joinedload(FraudReview.customer), joinedload(FraudReview.invoice))
