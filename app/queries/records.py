"""The lists of the engine room: who did what, mails, work that events ask for, tax tables."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select, or_, select

from app.db import session
from app.models import AuditEntry, Mail, Task, TaxRate, TaxRegistration
from app.queries.base import DEFAULT_LIMIT
from app.queries.filters import Filters, Listed, between, equal, matching, newest, one_of


def audit_entries(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[AuditEntry]:
    """The audit log by `q` (action, id of what it is about, request id), `actor` and `kind`, `since`, `before`."""
    query = matching(
        select(AuditEntry), filters.get("q"), AuditEntry.action, AuditEntry.subject_id, AuditEntry.request_id
    )
    query = equal(query, filters, kind=AuditEntry.actor_kind, actor=AuditEntry.actor_id)
    return newest(between(query, filters, AuditEntry.at), AuditEntry, cursor, limit)


def mails(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Mail]:
    """Mails by `q` (address), `state`, `template`."""
    query = matching(select(Mail), filters.get("q"), Mail.to, Mail.dedupe, own=("eml", Mail))
    query = equal(one_of(query, filters.get("state"), Mail.state), filters, template=Mail.template)
    return newest(query, Mail, cursor, limit)


def tasks(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Task]:
    """Work by `q` (name, id of what it is about) and `state`."""
    query = matching(select(Task), filters.get("q"), Task.name, Task.subject_id, own=("tsk", Task))
    return newest(one_of(query, filters.get("state"), Task.state), Task, cursor, limit)


def tax_rates(filters: Filters, on: date, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[TaxRate]:
    """Tax rates by `q` (name), `country`; those in force on a day, or all with `past`."""
    query: Select[Any] = matching(select(TaxRate), filters.get("q"), TaxRate.name, TaxRate.region)
    query = equal(query, filters, country=TaxRate.country)
    if not filters.get("past"):
        query = query.where(TaxRate.valid_from <= on, or_(TaxRate.valid_to.is_(None), TaxRate.valid_to > on))
    return newest(query, TaxRate, cursor, limit)


def tax_countries() -> Sequence[str]:
    """The countries that there are rates for."""
    return session().scalars(select(TaxRate.country).distinct().order_by(TaxRate.country)).all()


def tax_registrations() -> Sequence[TaxRegistration]:
    """The tenant's tax numbers, by place."""
    order = (TaxRegistration.country, TaxRegistration.region, TaxRegistration.scheme)
    return session().scalars(select(TaxRegistration).order_by(*order)).all()
