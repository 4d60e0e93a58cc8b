"""What leaves the house on paper and by mail."""

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Json, TenantRow, belongs_to, instant, json_object, key, reference


class Document(TenantRow):
    """A file made once and kept: the PDF of an invoice or a credit note, whose id is `subject_id`."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("subject_id", "kind", "tenant_id"),)

    id: Mapped[str] = key("doc")
    subject_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    filename: Mapped[str]
    path: Mapped[str]
    content_type: Mapped[str] = mapped_column(String(80))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))


class Mail(TenantRow):
    """A message to send, to a customer or to staff. Billing never waits for it; `dedupe` keeps the same news from being
    sent twice."""

    __tablename__ = "mails"
    __table_args__ = (
        belongs_to("customer_id", "customers"),
        UniqueConstraint("dedupe", "tenant_id"),
        Index("mails_to_send", "due_at", postgresql_where=text("state = 'queued'")),
    )

    id: Mapped[str] = key("eml")
    customer_id: Mapped[str | None] = reference("cus")
    to: Mapped[str] = mapped_column(String(254))
    template: Mapped[str] = mapped_column(String(40))
    context: Mapped[Json] = json_object()
    dedupe: Mapped[str] = mapped_column(String(160))
    state: Mapped[str] = mapped_column(String(8), default="queued")
    due_at: Mapped[datetime] = instant()
    leased_until: Mapped[datetime | None] = instant()
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None] = instant()
