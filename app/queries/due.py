"""Which tenants have something due: what sweeps ask before they enter a tenant's scope."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select

from app.db import all_tenants, session
from app.models import (
    CreditNote,
    Event,
    IdempotencyKey,
    InboxNotice,
    Invoice,
    Mail,
    Payment,
    Refund,
    Subscription,
    Task,
    UsageCheck,
)
from app.models.api_keys import IDEMPOTENCY_KEPT
from app.models.base import TenantRow

Due = tuple[type[TenantRow], ColumnElement[bool]]


def _rules(at: datetime) -> Mapping[str, Due]:
    """What counts as due, by kind of work. Leases run on the server's clock, everything else on `at`."""
    return {
        "events": (Event, Event.seq.is_(None)),
        "tasks": (Task, (Task.state == "due") & (Task.due_at <= at)),
        "notices": (InboxNotice, (InboxNotice.state == "due") & (InboxNotice.due_at <= at)),
        "renewals": (Subscription, Subscription.next_billing_at <= at),
        "drafts": (Invoice, Invoice.finalize_at <= at),
        "credit_note_refunds": (CreditNote, CreditNote.refund_at <= at),
        "collections": (Invoice, Invoice.collect_at <= at),
        "dunning": (Invoice, Invoice.dunning_at <= at),
        "checks": (Payment, Payment.check_at <= func.now()),
        "refund_checks": (Refund, Refund.check_at <= func.now()),
        "usage_checks": (UsageCheck, UsageCheck.created_at <= at),
        "old_keys": (IdempotencyKey, IdempotencyKey.created_at < at - IDEMPOTENCY_KEPT),
        "mails": (
            Mail,
            (Mail.state == "queued")
            & (Mail.due_at <= at)
            & or_(Mail.leased_until.is_(None), Mail.leased_until < func.now()),
        ),
    }


def tenants_with(kind: str, at: datetime) -> list[str]:
    """Ids of the tenants that have work of this kind due at `at`."""
    model, condition = _rules(at)[kind]
    with all_tenants():
        return list(session().scalars(select(model.tenant_id).where(condition).distinct()))


def next_instant(until: datetime) -> datetime | None:
    """The earliest instant up to `until` (inclusive) at which something of the tenant in scope falls due by itself."""
    columns = (
        Subscription.next_billing_at,
        Invoice.finalize_at,
        Invoice.collect_at,
        Invoice.dunning_at,
        CreditNote.refund_at,
    )
    found = [session().scalar(select(func.min(column)).where(column <= until)) for column in columns]
    return min((instant for instant in found if instant), default=None)
