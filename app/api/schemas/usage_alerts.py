"""Alerts on usage on the wire."""

from typing import Annotated, Self

from pydantic import BaseModel, Field

from app import models
from app.api.schemas.base import Listing, Request
from app.api.schemas.values import CustomerId, MeterId, Number, UsageAlertId, Utc
from app.domain.exact import plain
from app.services.usage_alerts import MOST_LEVELS


class NewUsageAlert(Request):
    """Levels of a meter to be told of, once in each billing period: the event `usage.level_reached`."""

    meter: MeterId
    customer: CustomerId | None = Field(None, description="Whose usage; anybody's unless given.")
    levels: Annotated[list[Number], Field(min_length=1, max_length=MOST_LEVELS, examples=[["800", "1000"]])]


class UsageAlert(BaseModel):
    """Levels of a meter that are told of."""

    id: UsageAlertId
    meter: MeterId
    customer: str | None
    levels: list[str]
    created_at: Utc

    @classmethod
    def of(cls, row: models.UsageAlert) -> Self:
        return cls(
            id=row.id,
            meter=row.meter_id,
            customer=row.customer_id,
            levels=[plain(level) for level in row.levels],
            created_at=row.created_at,
        )


class UsageAlertListing(Listing):
    """Which alerts."""

    meter: str | None = Field(None, max_length=64)
    customer: str | None = Field(None, max_length=64)
