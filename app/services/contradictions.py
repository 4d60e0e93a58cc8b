"""What a gateway says otherwise than a person who looked: its word is booked, and somebody is told of it."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from app.db import current_tenant_id, session
from app.ids import new_id
from app.models import Difference, Payment, Refund

ENDED = ("succeeded", "failed", "canceled")


def compare(row: Payment | Refund, says: str, at: datetime) -> None:
    """The gateway's word about something that a person has spoken for: another one than theirs is a difference."""
    ended = "succeeded" if says == "succeeded" else "failed"
    if row.attested is None or row.status not in ENDED or says not in ENDED or ended == row.attested:
        return
    note(row, f"{row.noun}_attested", f"Somebody saw that it {row.attested}; the gateway says that it {ended}.", at)
    row.attested = None


def note(row: Payment | Refund, kind: str, detail: str, at: datetime) -> None:
    """Write a difference down, once, to be looked at (`domain.differences.UNLISTED`)."""
    payment = row if isinstance(row, Payment) else row.payment
    values = {
        "tenant_id": current_tenant_id(),
        "id": new_id("dif"),
        "gateway_account_id": payment.gateway_account_id,
        "kind": kind,
        "reference": row.id,
        "subject_id": payment.id,
        "ours_minor": row.amount_minor,
        "ours_currency": row.currency,
        "detail": detail,
        "at": at,
        "seen_at": at,
        "created_at": at,
    }
    session().execute(insert(Difference).on_conflict_do_nothing(), [values])
