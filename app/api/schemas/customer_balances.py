"""What customers have in their favour, on the wire."""

from typing import Self

from pydantic import BaseModel, Field

from app import models
from app.api.schemas.base import Request
from app.api.schemas.subscriptions import Reason
from app.api.schemas.values import Currency, CustomerId, Major, Number, Utc, major


class BalanceAdjustment(Request):
    """Credit to give to a customer, or, below zero, to take back."""

    amount: Number
    currency: Currency | None = Field(None, description="If given, it must be the customer's.")
    reason: Reason = ""


class BalanceMove(BaseModel):
    """A change of a balance: above zero in the customer's favour. `fact` says why, `source` what caused it."""

    fact: str
    source: str
    amount: Major
    balance: Major = Field(description="After the move.")
    at: Utc

    @classmethod
    def of(cls, row: models.BalanceMove) -> Self:
        return cls(
            fact=row.fact,
            source=row.source_id,
            amount=major(row.amount_minor, row.currency),
            balance=major(row.balance_minor, row.currency),
            at=row.at,
        )


class CustomerBalance(BaseModel):
    """What a customer has in their favour, spent on their next invoices; below zero they owe it."""

    customer: CustomerId
    currency: str
    balance: Major

    @classmethod
    def of(cls, row: models.Customer) -> Self:
        return cls(customer=row.id, currency=row.currency, balance=major(row.balance_minor, row.currency))
