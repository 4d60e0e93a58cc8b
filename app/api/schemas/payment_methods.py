"""Payment methods and gateway accounts on the wire."""

from pydantic import Field

from app.api.schemas.base import Answer, Listing, Request
from app.api.schemas.payments import GatewayName, Token
from app.api.schemas.values import CustomerId, GatewayAccountId, PaymentMethodId, Utc


class NewPaymentMethod(Request):
    """A gateway's token to keep for later charges. Never a card number."""

    customer: CustomerId
    token: Token
    payment_gateway: GatewayName | None = Field(None, description="Whose token it is; the only one unless given.")
    default: bool = True


class PaymentMethod(Answer):
    """A means to pay with, by what the payer recognises it by."""

    id: PaymentMethodId
    customer: CustomerId = Field(validation_alias="customer_id")
    gateway_account: GatewayAccountId = Field(validation_alias="gateway_account_id")
    kind: str
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    is_default: bool
    created_at: Utc
    removed_at: Utc | None


class PaymentMethodListing(Listing):
    """Whose payment methods."""

    customer: str | None = Field(None, max_length=64)
