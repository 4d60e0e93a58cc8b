"""The comparison of our books with the gateways': one run for each account and day, and every difference it found."""

from datetime import datetime

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.money import Money
from app.models.base import TenantRow, belongs_to, instant, key, minor, reference
from app.models.payments import GatewayAccount


class Reconciliation(TenantRow):
    """One comparison over [since, until), UTC. `state` is due, done, or dead (laid aside for a person)."""

    __tablename__ = "reconciliations"
    __table_args__ = (
        belongs_to("gateway_account_id", "gateway_accounts"),
        Index("reconciliations_once", "gateway_account_id", "since", "until", "tenant_id", unique=True),
        Index("reconciliations_due", "due_at", postgresql_where=text("state = 'due'")),
    )

    id: Mapped[str] = key("rec")
    gateway_account_id: Mapped[str] = reference("gac")
    since: Mapped[datetime] = instant()
    until: Mapped[datetime] = instant()
    state: Mapped[str] = mapped_column(String(8), default="due", server_default="due")
    due_at: Mapped[datetime] = instant()
    leased_until: Mapped[datetime | None] = instant()
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None]
    listed: Mapped[int | None]
    compared_at: Mapped[datetime | None] = instant()

    gateway_account: Mapped[GatewayAccount] = relationship(viewonly=True)


class Difference(TenantRow):
    """Something that the gateway and we do not say alike; `kind` is one of `domain.differences.KINDS`.

    `reference` is the gateway's, or our id for what the gateway does not know; `subject_id` our row, if there is one.
    `state` is open, resolved (they agree now) or dismissed (by a person).
    """

    __tablename__ = "differences"
    __table_args__ = (
        belongs_to("gateway_account_id", "gateway_accounts"),
        Index("differences_once", "gateway_account_id", "kind", "reference", "tenant_id", unique=True),
        Index("differences_open", "gateway_account_id", "at", "tenant_id", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[str] = key("dif")
    gateway_account_id: Mapped[str] = reference("gac")
    kind: Mapped[str] = mapped_column(String(32))
    reference: Mapped[str] = mapped_column(String(255))
    subject_id: Mapped[str | None] = mapped_column(String(64))
    theirs_minor: Mapped[int | None] = minor()
    theirs_currency: Mapped[str | None] = mapped_column(String(3))
    ours_minor: Mapped[int | None] = minor()
    ours_currency: Mapped[str | None] = mapped_column(String(3))
    detail: Mapped[str] = mapped_column(default="", server_default="")
    at: Mapped[datetime] = instant()
    state: Mapped[str] = mapped_column(String(10), default="open", server_default="open")
    seen_at: Mapped[datetime] = instant()
    ended_at: Mapped[datetime | None] = instant()

    gateway_account: Mapped[GatewayAccount] = relationship(viewonly=True)

    @property
    def theirs(self) -> Money | None:
        return Money(self.theirs_minor or 0, self.theirs_currency) if self.theirs_currency else None

    @property
    def ours(self) -> Money | None:
        return Money(self.ours_minor or 0, self.ours_currency) if self.ours_currency else None
