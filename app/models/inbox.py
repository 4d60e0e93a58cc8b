"""The inbox: notices that gateways sent, each kept once, sealed, and worked on until it is done or laid aside."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import TenantRow, belongs_to, instant, key, reference
from app.models.payments import GatewayAccount


class InboxNotice(TenantRow):
    """One notice of a webhook. `dedupe` is the gateway's own mark of it, or a hash of a long one.

    The webhook as it came is sealed like credentials are. `subject_id` is the row that the notice turned out to be
    about. `state` is due, done, dead (laid aside for a person) or dismissed (by one).
    """

    __tablename__ = "inbox_notices"
    __table_args__ = (
        belongs_to("gateway_account_id", "gateway_accounts"),
        Index("inbox_notices_once", "gateway_account_id", "dedupe", "tenant_id", unique=True),
        Index("inbox_notices_due", "due_at", postgresql_where=text("state = 'due'")),
        Index("inbox_notices_dead", "id", "tenant_id", postgresql_where=text("state = 'dead'")),
    )

    id: Mapped[str] = key("ntc")
    gateway_account_id: Mapped[str] = reference("gac")
    dedupe: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(8))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(10), default="due", server_default="due")
    due_at: Mapped[datetime] = instant()
    leased_until: Mapped[datetime | None] = instant()
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None]
    subject_id: Mapped[str | None] = mapped_column(String(64))
    received_at: Mapped[datetime] = instant()
    worked_at: Mapped[datetime | None] = instant()
    request_id: Mapped[str | None] = mapped_column(String(64))

    gateway_account: Mapped[GatewayAccount] = relationship(viewonly=True)
