"""Disputes: a payer's bank wants money back, and says until when it listens."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.money import Money
from app.models.base import HasStatus, TenantRow, belongs_to, instant, key, known_status, minor, reference
from app.models.customers import Customer
from app.models.payments import GatewayAccount, Payment


class Dispute(HasStatus, TenantRow):
    """One dispute over a payment, as the gateway last told it: `asked_at` is when it was asked.

    Evidence is taken until `respond_by`.
    """

    __tablename__ = "disputes"
    __table_args__ = (
        belongs_to("payment_id", "payments"),
        belongs_to("customer_id", "customers"),
        belongs_to("gateway_account_id", "gateway_accounts"),
        known_status("dispute"),
        Index("disputes_once", "gateway_account_id", "gateway_ref", "tenant_id", unique=True),
        Index("disputes_by_payment", "payment_id", "tenant_id"),
        Index("disputes_by_customer", "customer_id", "tenant_id"),
        CheckConstraint("amount_minor > 0", name="disputes_positive"),
    )
    noun = "dispute"

    id: Mapped[str] = key("dsp")
    payment_id: Mapped[str] = reference("pay")
    customer_id: Mapped[str] = reference("cus")
    gateway_account_id: Mapped[str] = reference("gac")
    gateway_ref: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(16))
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int] = minor()
    reason: Mapped[str]
    opened_at: Mapped[datetime] = instant()
    respond_by: Mapped[datetime | None] = instant()
    asked_at: Mapped[datetime] = instant()

    payment: Mapped[Payment] = relationship(viewonly=True)
    customer: Mapped[Customer] = relationship(viewonly=True)
    gateway_account: Mapped[GatewayAccount] = relationship(viewonly=True)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
