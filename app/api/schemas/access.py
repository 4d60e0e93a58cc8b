"""The answer to “has this customer paid, may they use it?”"""

from typing import Literal

from pydantic import BaseModel

from app.api.schemas.values import CustomerId, SubscriptionId, Utc


class AccessSubscription(BaseModel):
    """One of the customer's subscriptions."""

    id: SubscriptionId
    status: str
    paid_until: Utc


class Evidence(BaseModel):
    """What the answer rests on: the oldest unpaid invoice, or the last payment and what it paid."""

    invoice: str | None
    payment: str | None


class Access(BaseModel):
    """Whether to let a customer in, why, and until when that holds if nothing happens."""

    customer: CustomerId
    external_id: str | None
    access: Literal["active", "blocked", "unknown"]
    paid: bool
    reason: str
    subscriptions: list[AccessSubscription]
    valid_until: Utc | None
    evidence: Evidence
