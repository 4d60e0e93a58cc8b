"""What is known of payments that are about to be charged, and what waits for a person."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import joinedload

from app.db import session
from app.domain.fraud import WINDOW
from app.models import FraudEntry, FraudReview, FraudRule, Payment
from app.queries.base import DEFAULT_LIMIT
from app.queries.filters import Filters, Listed, equal, newest


def attempts(at: datetime, same: ColumnElement[bool]) -> int:
    """How many attempts of payers there were in the hour before `at`, counted up to it."""
    query = select(func.count()).where(Payment.started_at > at - WINDOW, Payment.off_session.is_(False), same)
    return session().scalar(query) or 0


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
