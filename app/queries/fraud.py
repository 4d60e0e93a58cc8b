"""What is known of payments that are about to be charged, and what waits for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, String, bindparam, func, or_, select
from sqlalchemy.orm import joinedload

from app.db import session
from app.domain.fraud import WINDOW, Rule, Verdict
from app.ids import as_id
from app.models import Customer, FraudEntry, FraudReview, FraudRule, Payment, PaymentMethod
from app.queries.base import DEFAULT_LIMIT
from app.queries.filters import Filters, Listed, equal, newest, same


@dataclass(frozen=True, slots=True)
class Case:
    """What a payment that is about to be charged is recognised by; None for what is not there."""

    invoice_id: str
    customer_id: str
    email: str
    country: str | None
    ip: str | None = None
    method_id: str | None = None
    card: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What we have on a case. `review` is how the newest review of the invoice stands, `listed` whether the lists allow
    what they have of it, `findings` what the gateway thought of the newest payment with the method that it checked."""

    review: str | None
    listed: Sequence[bool]
    findings: Mapping[str, Any]
    rules: Sequence[Rule]


def known(case: Case) -> Known:
    """What we have on a case, by one statement."""
    row = session().connection().execute(_KNOWN, asdict(case)).one()
    rules = [Rule(signal, Verdict(verdict), at_least) for signal, verdict, at_least in row.rules or ()]
    return Known(row.review, row.listed or (), row.findings or {}, rules)


def counts(case: Case, at: datetime) -> dict[str, Any]:
    """How many attempts of payers there were in the hour before `at`, counted up to it, by `Facts`' names; and how many
    customers have the card now. By one statement."""
    given = {name: value or _NOTHING.get(name) for name, value in asdict(case).items()}
    return dict(session().connection().execute(_COUNTS, {**given, "since": at - WINDOW}).mappings().one())


def _listed(kind: str) -> ColumnElement[bool]:
    return (FraudEntry.kind == kind) & (FraudEntry.value == func.lower(bindparam(kind, type_=String)))


def _attempts(whose: ColumnElement[bool]) -> ScalarSelect[int]:
    recent = (Payment.started_at > bindparam("since")) & Payment.off_session.is_(False)
    return select(func.count()).select_from(Payment).where(recent, whose).scalar_subquery()


# What is not there equals nothing; but a null in its place would have the server plan the statement anew each time.
_NOTHING = {"method_id": as_id("pm", UUID(int=0)), "card": "", "ip": ""}
# Put together once: they are asked before every charge.
_CARD, _METHOD = PaymentMethod.fingerprint == bindparam("card"), Payment.payment_method_id == bindparam("method_id")
_KNOWN = select(
    select(FraudReview.status)
    .where(FraudReview.invoice_id == bindparam("invoice_id"))
    .order_by(FraudReview.id.desc())
    .limit(1)
    .scalar_subquery()
    .label("review"),
    select(func.array_agg(FraudEntry.allow))
    .where(or_(*map(_listed, ("email", "country", "ip", "card"))))
    .scalar_subquery()
    .label("listed"),
    select(Payment.findings)
    .where(_METHOD, Payment.findings != {})
    .order_by(Payment.id.desc())
    .limit(1)
    .scalar_subquery()
    .label("findings"),
    select(func.jsonb_agg(func.jsonb_build_array(FraudRule.signal, FraudRule.verdict, FraudRule.at_least)))
    .scalar_subquery()
    .label("rules"),
)
_COUNTS = select(
    _attempts(Payment.customer_id == bindparam("customer_id")).label("customer_attempts"),
    _attempts(_METHOD).label("method_attempts"),
    _attempts(Payment.payment_method_id.in_(select(PaymentMethod.id).where(_CARD))).label("card_attempts"),
    select(func.count(PaymentMethod.customer_id.distinct()))
    .where(_CARD, PaymentMethod.removed_at.is_(None))
    .scalar_subquery()
    .label("card_customers"),
    _attempts(Payment.ip == bindparam("ip")).label("ip_attempts"),
)


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
