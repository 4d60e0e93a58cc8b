"""The further charges of a plan on the wire."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from app import models
from app.api.schemas.base import Request
from app.api.schemas.values import ChargeId, MeterId, Text
from app.services.charges import MOST

Price = Annotated[dict[str, Any], Field(description="The price of a quantity, by model: see docs/api.md.")]
Kind = Annotated[
    Literal["recurring", "usage"],
    Field(description="Recurring: times the seats, each period. Usage: what a meter measured, at the period's end."),
]


class NewCharge(Request):
    """What a plan asks for besides its own price."""

    name: Text
    kind: Kind
    price: Price
    meter: MeterId | None = Field(None, description="What measures the usage; needed for that, and only then.")

    def kept(self) -> dict[str, Any]:
        """The charge as the service takes it."""
        return {"name": self.name, "kind": self.kind, "price": self.price, "meter_id": self.meter}


NewCharges = Annotated[list[NewCharge], Field(max_length=MOST)]


class Charge(BaseModel):
    """What a plan asks for besides its own price."""

    id: ChargeId
    name: str
    kind: str
    price: dict[str, Any]
    meter: str | None

    @classmethod
    def of(cls, row: models.Charge) -> Self:
        return cls(id=row.id, name=row.name, kind=row.kind, price=row.price, meter=row.meter_id)
