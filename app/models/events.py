"""The outbox, the work that follows from it, and what was done by whom."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Json, TenantRow, belongs_to, instant, json_object, key, reference


class Event(TenantRow):
    """A fact, written in the transaction that made it true. The relay numbers it (`seq`, gapless) and passes it on."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("tenant_id", "seq"),
        Index("events_to_relay", "id", postgresql_where=text("seq IS NULL")),
        Index("events_by_subject", "subject_id", "tenant_id"),
        Index("events_by_customer", "customer_id", "id", "tenant_id"),
    )

    id: Mapped[str] = key("evt")
    seq: Mapped[int | None] = mapped_column(BigInteger)
    type: Mapped[str] = mapped_column(String(48))
    subject_id: Mapped[str] = mapped_column(String(64))
    customer_id: Mapped[str | None] = reference("cus")
    payload: Mapped[Json] = json_object()
    at: Mapped[datetime] = instant()
    request_id: Mapped[str | None] = mapped_column(String(64))


class Task(TenantRow):
    """Work that an event asks for. The row is the queue; a job only says that it is time to look."""

    __tablename__ = "tasks"
    __table_args__ = (
        belongs_to("event_id", "events"),
        UniqueConstraint("event_id", "name", "tenant_id"),
        Index("tasks_due", "due_at", postgresql_where=text("state = 'due'")),
    )

    id: Mapped[str] = key("tsk")
    event_id: Mapped[str] = reference("evt")
    name: Mapped[str] = mapped_column(String(48))
    subject_id: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(8), default="due")
    due_at: Mapped[datetime] = instant()
    leased_until: Mapped[datetime | None] = instant()
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    request_id: Mapped[str | None] = mapped_column(String(64))


class AuditEntry(TenantRow):
    """Who did what, from where. Only ever added to."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("audit_log_by_subject", "subject_id", "tenant_id"),)

    id: Mapped[str] = key("aud")
    at: Mapped[datetime] = instant()
    actor_kind: Mapped[str] = mapped_column(String(12))
    actor_id: Mapped[str | None] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(48))
    subject_id: Mapped[str | None] = mapped_column(String(64))
    changes: Mapped[Json] = json_object()
    ip: Mapped[str | None] = mapped_column(INET)
    request_id: Mapped[str | None] = mapped_column(String(64))


class StatusChange(TenantRow):
    """One move of a status, so that each row remembers where it was."""

    __tablename__ = "status_changes"
    __table_args__ = (Index("status_changes_by_subject", "subject_id", "tenant_id"),)

    id: Mapped[str] = key("stc")
    subject_id: Mapped[str] = mapped_column(String(64))
    old: Mapped[str] = mapped_column(String(16))
    new: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = instant()
    reason: Mapped[str | None]
