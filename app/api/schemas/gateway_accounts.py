"""Gateway accounts on the wire. Their credentials never are."""

from typing import Literal

from app.api.schemas.base import Answer
from app.api.schemas.values import GatewayAccountId, Utc


class GatewayAccount(Answer):
    """An account at a gateway that money can be collected through."""

    id: GatewayAccountId
    name: str
    gateway: str
    mode: Literal["test", "live"]
    created_at: Utc
    disabled_at: Utc | None
