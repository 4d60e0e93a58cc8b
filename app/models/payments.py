"""Gateway accounts, attempts to collect, and refunds."""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.crypto import random_secret
from app.domain.errors import Conflict
from app.domain.money import Money
from app.domain.outside_payments import OUTSIDE_METHODS
from app.models.base import (
    HasStatus,
    Json,
    TenantRow,
    asked_once,
    belongs_to,
    instant,
    json_object,
    key,
    known_status,
    known_words,
    minor,
    reference,
    requested_by,
)
from app.models.customers import Customer, PaymentMethod
from app.models.invoices import Invoice


class GatewayAccount(TenantRow):
    """A tenant's account at a gateway. Its credentials are sealed with AES-256-GCM; `key_id` says with which key.

    `webhook_key` is the part of the account's webhook address that nobody guesses; `webhook_senders` are the networks
    that webhooks may come from, all of them when there are none. `failures` in a row and `paused_until` are its breaker
    (services/breakers.py).
    """

    __tablename__ = "gateway_accounts"
    __table_args__ = (UniqueConstraint("name", "tenant_id"), UniqueConstraint("webhook_key"))

    id: Mapped[str] = key("gac")
    name: Mapped[str]
    gateway: Mapped[str] = mapped_column(String(16))
    mode: Mapped[str] = mapped_column(String(8), default="test")
    credentials: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(String(32))
    webhook_key: Mapped[str] = mapped_column(String(64), default=random_secret)
    webhook_senders: Mapped[list[str]] = mapped_column(ARRAY(String(43)), default=list, server_default="{}")
    disabled_at: Mapped[datetime | None] = instant()
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    paused_until: Mapped[datetime | None] = instant()


OPEN_STATUSES = ("sending", "requires_action", "pending", "authorized", "unknown")
OPEN_PAYMENT = f"status IN {OPEN_STATUSES!r}"
NOT_EXECUTED = ("gateway_unavailable", "gateway_refused")  # codes of attempts that the payer's bank never saw


class Payment(HasStatus, TenantRow):
    """One attempt to collect an invoice. Its id is our idempotency key, kept before anything is sent.

    `received_minor` is what came in, which may differ from what was asked for; `kept_minor` is what of it came late or
    beyond what was owed, and became the customer's balance. The gateway's fee is in `fee_currency`, which is null until
    the gateway has told it.
    `choice` is which of the gateway's ways the payer chose, `number` the one that makes its address; `by_form` says
    that they were shown its form on our page. `attested` is how it ended by the word of somebody who looked at the
    gateway, as long as the gateway itself has not said otherwise. With `manual_capture` money is reserved, until
    `capture_before`, and taken when somebody says so. `decided` is what was asked of the gateway then (`capture` or
    `void`), as long as that has no answer; `capture_minor` how much of it is captured, all of it if null.

    Money that came in outside of any gateway has no account, and an `outside_method` instead: it was there at
    `received_at`, and is recorded as it is known.
    """

    __tablename__ = "payments"
    __table_args__ = (
        belongs_to("invoice_id", "invoices"),
        belongs_to("customer_id", "customers"),
        belongs_to("gateway_account_id", "gateway_accounts"),
        belongs_to("payment_method_id", "payment_methods"),
        known_status("payment"),
        known_words("payments", "outside_method", OUTSIDE_METHODS),
        CheckConstraint(
            "num_nonnulls(gateway_account_id, outside_method) = 1", name="payments_through_a_gateway_or_outside"
        ),
        Index("payments_by_invoice", "invoice_id", "tenant_id"),
        Index("payments_by_ip", "ip", "tenant_id", postgresql_where=text("ip IS NOT NULL")),
        Index("payments_by_customer", "customer_id", "tenant_id"),
        Index("payments_by_gateway_ref", "gateway_account_id", "gateway_ref", "tenant_id"),
        Index("payments_one_open", "tenant_id", "invoice_id", unique=True, postgresql_where=text(OPEN_PAYMENT)),
        Index("payments_to_check", "tenant_id", "check_at", postgresql_where=text("check_at IS NOT NULL")),
        Index("payments_number", "gateway_account_id", "number", "tenant_id", unique=True),
        asked_once("payments"),
        CheckConstraint("amount_minor > 0 AND refunded_minor BETWEEN 0 AND amount_minor", name="payments_refund_bound"),
    )
    noun = "payment"

    id: Mapped[str] = key("pay")
    invoice_id: Mapped[str] = reference("inv")
    customer_id: Mapped[str] = reference("cus")
    gateway_account_id: Mapped[str | None] = reference("gac")
    payment_method_id: Mapped[str | None] = reference("pm")
    requested_by: Mapped[str | None] = requested_by()
    status: Mapped[str] = mapped_column(String(16))
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int] = minor()
    refunded_minor: Mapped[int] = minor(default=0)
    received_minor: Mapped[int | None] = minor()
    kept_minor: Mapped[int] = minor(default=0, server_default="0")
    fee_minor: Mapped[int] = minor(default=0, server_default="0")
    fee_currency: Mapped[str | None] = mapped_column(String(3))
    outside_method: Mapped[str | None] = mapped_column(String(16))
    outside_reference: Mapped[str] = mapped_column(default="", server_default="")
    received_at: Mapped[datetime | None] = instant()
    off_session: Mapped[bool] = mapped_column(default=True)
    phone: Mapped[str | None] = mapped_column(String(15))
    keep_method: Mapped[bool] = mapped_column(default=False, server_default="false")
    return_url: Mapped[str | None]
    ip: Mapped[str | None] = mapped_column(String(45))
    challenge: Mapped[bool] = mapped_column(default=False, server_default="false")
    manual_capture: Mapped[bool] = mapped_column(default=False, server_default="false")
    capture_before: Mapped[datetime | None] = instant()
    decided: Mapped[str | None] = mapped_column(String(8))
    capture_minor: Mapped[int | None] = minor()
    findings: Mapped[Json] = json_object()
    choice: Mapped[str] = mapped_column(String(32), default="", server_default="")
    by_form: Mapped[bool] = mapped_column(default=False, server_default="false")
    number: Mapped[int | None] = mapped_column(BigInteger)
    gateway_ref: Mapped[str | None] = mapped_column(String(255))
    decline_code: Mapped[str | None] = mapped_column(String(40))
    decline_hard: Mapped[bool | None]
    message: Mapped[str | None]
    attested: Mapped[str | None] = mapped_column(String(16))
    next_action: Mapped[Json] = json_object()
    check_at: Mapped[datetime | None] = instant()
    checks: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = instant()
    settled_at: Mapped[datetime | None] = instant()

    invoice: Mapped[Invoice] = relationship(viewonly=True)
    customer: Mapped[Customer] = relationship(viewonly=True)
    gateway_account: Mapped[GatewayAccount | None] = relationship(viewonly=True)
    payment_method: Mapped[PaymentMethod | None] = relationship(viewonly=True)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def account(self) -> GatewayAccount:
        """Where it is tried. Raises Conflict (`no_gateway`) for money that came in outside of any gateway."""
        if self.gateway_account is None:
            raise Conflict("This money came in outside of any gateway: there is none to be asked.", code="no_gateway")
        return self.gateway_account

    @property
    def is_outside(self) -> bool:
        """Whether the money came in outside of any gateway."""
        return self.outside_method is not None

    @property
    def captured(self) -> Money:
        """What is taken of it, if that is what somebody decided or will decide: a part, or all."""
        return Money(self.amount_minor if self.capture_minor is None else self.capture_minor, self.currency)

    @property
    def is_unsent(self) -> bool:
        """Whether it waits for what a form on our page gives us, so that its gateway has not heard of it yet."""
        return self.by_form and self.status == "requires_action" and not self.gateway_ref


class Refund(HasStatus, TenantRow):
    """Money on its way back to the payer, for a credit note or as a gift. Claimed, sent and recorded like a payment.

    `attested`: as a payment's.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        belongs_to("payment_id", "payments"),
        belongs_to("credit_note_id", "credit_notes"),
        known_status("refund"),
        Index("refunds_by_payment", "payment_id", "tenant_id"),
        Index("refunds_by_note", "credit_note_id", "tenant_id", postgresql_where=text("credit_note_id IS NOT NULL")),
        Index("refunds_to_check", "tenant_id", "check_at", postgresql_where=text("check_at IS NOT NULL")),
        asked_once("refunds"),
        CheckConstraint("amount_minor > 0", name="refunds_positive"),
    )
    noun = "refund"

    id: Mapped[str] = key("ref")
    payment_id: Mapped[str] = reference("pay")
    credit_note_id: Mapped[str | None] = reference("crn")
    requested_by: Mapped[str | None] = requested_by()
    status: Mapped[str] = mapped_column(String(16))
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int] = minor()
    reason: Mapped[str] = mapped_column(default="")
    gateway_ref: Mapped[str | None] = mapped_column(String(255))
    message: Mapped[str | None]
    attested: Mapped[str | None] = mapped_column(String(16))
    next_step: Mapped[Json] = json_object()
    check_at: Mapped[datetime | None] = instant()
    checks: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = instant()
    settled_at: Mapped[datetime | None] = instant()

    payment: Mapped[Payment] = relationship(viewonly=True)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
