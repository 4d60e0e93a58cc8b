"""Has this customer paid, may they use it? Answered from one remembered row, forgotten whenever something changes."""

import json
from datetime import datetime, timedelta
from typing import Any, cast

from redis import RedisError
from sqlalchemy import select

from app.db import current_tenant_id, session
from app.domain.access import verdict
from app.domain.errors import NotFound
from app.logs import logger
from app.models import Event, Tenant
from app.queries import access as query
from app.queries.test_clocks import present_of
from app.settings import cache

REMEMBERED_SECONDS = 60

log = logger(__name__)


def of(reference: str, at: datetime) -> dict[str, Any]:
    """The answer for a customer, by our id or by external id. Raises NotFound.

    Remembered for a minute at most, and never beyond the instant until which it holds. Without Redis it is computed, as
    for customers on a test clock: a minute of theirs may be over at any time.
    """
    name = f"access:{current_tenant_id()}:{reference}"
    try:
        remembered = cast("bytes | None", cache().get(name))
        if remembered:
            return _still(json.loads(remembered), at) or _compute_and_keep(name, reference, at)
        return _compute_and_keep(name, reference, at)
    except RedisError:
        log.warning("access answered without its cache")
        return _compute(reference, at)


def forget_subject(subject_id: str, _at: datetime) -> None:
    """Forget the answers about the customer whom the event about this row concerns."""
    customer_id = session().scalar(
        select(Event.customer_id).where(Event.subject_id == subject_id, Event.customer_id.is_not(None)).limit(1)
    )
    if customer_id:
        forget(customer_id)


def forget(customer_id: str) -> None:
    """Forget what is remembered about a customer, under both of their ids. Without Redis it ends by itself."""
    customer = query.customer_by_any_id(customer_id)
    references = [customer_id, customer.external_id if customer else None]
    names = [f"access:{current_tenant_id()}:{reference}" for reference in references if reference]
    try:
        cache().delete(*names)
    except RedisError:
        log.warning("access answers end by themselves", customer=customer_id, seconds=REMEMBERED_SECONDS)


def _compute_and_keep(name: str, reference: str, at: datetime) -> dict[str, Any]:
    answer = _compute(reference, at)
    if present_of(answer["customer"], at) != at:
        return answer
    cache().set(name, json.dumps(answer), ex=REMEMBERED_SECONDS)
    return answer


def _still(answer: dict[str, Any], at: datetime) -> dict[str, Any] | None:
    until = answer["valid_until"]
    return answer if until is None or at < datetime.fromisoformat(until) else None


def _compute(reference: str, at: datetime) -> dict[str, Any]:
    customer = query.customer_by_any_id(reference)
    if customer is None:
        raise NotFound(f"There is no customer “{reference}”.", field="customer")
    at = present_of(customer.id, at)
    grace = timedelta(days=session().get_one(Tenant, current_tenant_id()).setting("grace_days"))
    standings = query.standings(customer.id)
    found = verdict(standings, grace=grace, at=at)
    unpaid, payment = query.oldest_unpaid(customer.id, at), query.latest_payment(customer.id)
    return {
        "customer": customer.id,
        "external_id": customer.external_id,
        "access": found.access,
        "paid": unpaid is None,
        "reason": found.reason,
        "subscriptions": [
            {"id": s.subscription_id, "status": s.status, "paid_until": s.paid_until.isoformat()} for s in standings
        ],
        "valid_until": found.valid_until.isoformat() if found.valid_until else None,
        "evidence": {
            "invoice": unpaid.id if unpaid else payment.invoice_id if payment else None,
            "payment": payment.id if payment else None,
        },
    }
