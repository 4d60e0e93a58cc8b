"""How an invoice can be paid, on the wire."""

from pydantic import BaseModel

from app.api.schemas.gateway_accounts import Reserving
from app.api.schemas.payment_methods import PaymentMethod
from app.api.schemas.values import GatewayAccountId


class PaymentChoice(BaseModel):
    """One of the ways within a gateway account, such as a coin."""

    name: str
    title: str


class HostedOption(BaseModel):
    """A gateway account with which the payer can finish the payment."""

    gateway_account: GatewayAccountId
    gateway: str
    title: str
    needs_phone: bool
    keeps_method: bool
    has_form: bool
    choices: list[PaymentChoice]
    reserving: Reserving | None


class KeptOption(PaymentMethod):
    """A kept method."""

    can_reserve: bool = False


class PaymentOptions(BaseModel):
    """How an invoice can be paid now. The hosted page at `payment_url` offers the same."""

    payment_url: str | None
    payment_methods: list[KeptOption]
    hosted: list[HostedOption]
