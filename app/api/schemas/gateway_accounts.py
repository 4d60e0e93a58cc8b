"""Gateway accounts on the wire. Their credentials never are."""

from typing import Literal, Self

from pydantic import BaseModel, Field

from app.api.schemas.base import Answer
from app.api.schemas.values import GatewayAccountId, Utc
from app.gateways import gateway_class
from app.gateways.base import Capability


class Reserving(BaseModel):
    """Of which payments a gateway reserves the money, to be captured later (`"capture": "manual"`)."""

    kept_methods: bool
    page: bool = Field(description="Those on the gateway's own page.")
    form: bool = Field(description="Those in the gateway's form on your page.")
    part: bool = Field(description="Less than all can be captured, once.")
    days: int = Field(description="For how long.")

    @classmethod
    def at(cls, gateway: str) -> Self | None:
        """What the gateway of that name declares; None where it takes money at once."""
        adapter = gateway_class(gateway)
        can = adapter.capabilities
        if Capability.CAPTURE not in can:
            return None
        return cls(
            kept_methods=Capability.SAVE_METHOD in can,
            page=Capability.HOSTED in can and adapter.holds_pages,
            form=Capability.FORM in can,
            part=Capability.PARTIAL_CAPTURE in can,
            days=adapter.holds_for.days,
        )


class GatewayAccount(Answer):
    """An account at a gateway that money can be collected through."""

    id: GatewayAccountId
    name: str
    gateway: str
    mode: Literal["test", "live"]
    created_at: Utc
    disabled_at: Utc | None
    reserving: Reserving | None = None

    @classmethod
    def of(cls, row: object) -> Self:
        """The account, and what its gateway declares."""
        shown = super().of(row)
        shown.reserving = Reserving.at(shown.gateway)
        return shown
