"""Payments and refunds on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, WithJsonSchema

from app import models
from app.api.schemas.base import Listing, Request, StatusesOf
from app.api.schemas.invoices import InvoicePayment
from app.api.schemas.next_actions import NextAction
from app.api.schemas.subscriptions import Reason
from app.api.schemas.values import (
    Currency,
    CustomerId,
    GatewayAccountId,
    Instant,
    InvoiceId,
    Major,
    Number,
    PaymentId,
    RefundId,
    Utc,
    major,
    obeys,
)
from app.domain import outside_payments as outside

Token = Annotated[str, StringConstraints(min_length=1, max_length=500)]
OutsideMethod = Annotated[
    str, obeys(outside.check_method), WithJsonSchema({"type": "string", "enum": list(outside.OUTSIDE_METHODS)})
]
OutsideReference = Annotated[str, StringConstraints(max_length=outside.LONGEST_REFERENCE)]
GatewayName = Annotated[str, StringConstraints(max_length=16), Field(examples=["sandbox"])]


class HostedPayment(Request):
    """What the payer has chosen out of the invoice's payment options. Nothing chosen: the first of them."""

    gateway_account: GatewayAccountId | None = None
    phone: Annotated[str, StringConstraints(max_length=30)] = Field("", description="Which phone is asked to pay.")
    choice: Annotated[str, StringConstraints(max_length=32)] = Field("", description="The name of one of the choices.")
    keep_method: bool = Field(False, description="Keep what they pay with as their method, where the gateway can.")
    by_form: bool = Field(False, description="Show the gateway's own form on your page: `client_token`.")


class ReceivedMoney(Request):
    """Money that came in outside of any gateway: nothing is charged, and the invoice is paid."""

    method: OutsideMethod
    reference: OutsideReference = ""
    at: Instant | None = Field(None, description="When it came, at most 180 days before the invoice. Now unless given.")

    def facts(self, at: datetime) -> outside.Received:
        return outside.Received(self.method, self.at or at, self.reference)


class NewPayment(InvoicePayment):
    """An invoice to pay: with a kept method, with a gateway's token (which is then kept as a method), or `hosted`; or
    one that was paid outside of any gateway, as `received` says."""

    invoice_id: InvoiceId
    token: Token | None = Field(None, description="What the gateway's own form gave you. Never a card number.")
    payment_gateway: GatewayName | None = Field(None, description="Whose token it is; the only one unless given.")
    hosted: HostedPayment | None = Field(None, description="The payer finishes it with the gateway: see `next_action`.")
    received: ReceivedMoney | None = Field(None, description="Nothing is charged: this is how the money came in.")


class Received(BaseModel):
    """How money came in outside of any gateway."""

    method: OutsideMethod
    reference: str
    at: Utc

    @classmethod
    def of(cls, row: models.Payment) -> Self | None:
        if row.outside_method is None:
            return None
        return cls.model_validate(
            {"method": row.outside_method, "reference": row.outside_reference, "at": row.received_at}
        )


class Payment(BaseModel):
    """One attempt to collect an invoice. While it is `requires_action` the payer has to follow `next_action`; while it
    is `authorized` it can be captured, until `capture_before`. Money that came in outside of any gateway has no gateway
    account, and `received` says how it came."""

    id: PaymentId
    invoice: InvoiceId
    customer: CustomerId
    gateway_account: GatewayAccountId | None
    payment_method: str | None
    received: Received | None
    status: str
    amount: Major
    amount_refunded: Major
    currency: str
    gateway_ref: str | None
    decline_code: str | None
    message: str | None
    next_action: NextAction | None
    capture: Literal["automatic", "manual"]
    capture_before: Utc | None
    started_at: Utc
    settled_at: Utc | None
    created_at: Utc

    @classmethod
    def of(cls, row: models.Payment) -> Self:
        return cls(
            id=row.id,
            invoice=row.invoice_id,
            customer=row.customer_id,
            gateway_account=row.gateway_account_id,
            payment_method=row.payment_method_id,
            received=Received.of(row),
            status=row.status,
            amount=major(row.amount_minor, row.currency),
            amount_refunded=major(row.refunded_minor, row.currency),
            currency=row.currency,
            gateway_ref=row.gateway_ref,
            decline_code=row.decline_code,
            message=row.message,
            next_action=row.next_action or None,  # type: ignore[arg-type]
            capture="manual" if row.manual_capture else "automatic",
            capture_before=row.capture_before,
            started_at=row.started_at,
            settled_at=row.settled_at,
            created_at=row.created_at,
        )


class PaymentListing(Listing):
    """Which payments."""

    q: str | None = Field(None, max_length=255, description="Part of the customer's name, or the gateway's reference.")
    status: Annotated[str, StatusesOf("payment")] | None = None
    customer: str | None = Field(None, max_length=64)
    invoice: str | None = Field(None, max_length=64)
    gateway: Annotated[GatewayName, Field(description="`outside`: of any.")] | None = None


class Reversal(Request):
    """Why money that was recorded did not come after all."""

    reason: Reason = ""


class Capture(Request):
    """How much to take of what is reserved: all of it unless an amount is given."""

    amount: Number | None = None
    currency: Currency | None = Field(None, description="If given, it must be the payment's.")


class NewRefund(Request):
    """Money to send back: all that is left of the payment unless an amount is given."""

    amount: Number | None = None
    currency: Currency | None = Field(None, description="If given, it must be the payment's.")
    reason: Reason = ""


class Refund(BaseModel):
    """Money on its way back to the payer. `next_step` is what somebody has to do before it goes."""

    id: RefundId
    payment: PaymentId
    status: str
    amount: Major
    currency: str
    reason: str
    gateway_ref: str | None
    message: str | None
    next_step: dict[str, Any] | None
    started_at: Utc
    settled_at: Utc | None

    @classmethod
    def of(cls, row: models.Refund) -> Self:
        return cls(
            id=row.id,
            payment=row.payment_id,
            status=row.status,
            amount=major(row.amount_minor, row.currency),
            currency=row.currency,
            reason=row.reason,
            gateway_ref=row.gateway_ref,
            message=row.message,
            next_step=row.next_step or None,
            started_at=row.started_at,
            settled_at=row.settled_at,
        )


class Attestation(Request):
    """What somebody saw at the gateway, for a payment or refund of which the gateway does not tell how it ended."""

    made: bool = Field(description="Whether the money moved: all of the amount, or nothing.")
    note: Annotated[str, StringConstraints(min_length=1, max_length=500)] = Field(
        description="What was seen, and where."
    )


class RefundListing(Listing):
    """Which refunds of a payment."""

    status: Annotated[str, StatusesOf("refund")] | None = None
