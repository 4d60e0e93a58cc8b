"""Meters on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.api.schemas.base import UNSET, Answer, Listing, Request
from app.api.schemas.values import Code, Metadata, MeterId, Text, Utc
from app.domain.usage import LatePolicy

Aggregation = Literal["count", "sum", "max", "last", "unique", "weighted_sum"]
Policy = Annotated[
    LatePolicy,
    Field(
        description="What becomes of events whose period is invoiced already: they go on the next invoice, are"
        " corrected by a credit note and a new invoice, or are refused."
    ),
]


class MeterChanges(Request):
    """What of a meter can change. What it measures cannot: add another meter for that."""

    name: Text = UNSET
    late_policy: Policy = UNSET
    archived: bool = Field(UNSET, description="An archived meter takes no events.")
    metadata: Metadata = UNSET


class NewMeter(Request):
    """A meter to add. The code is made of the name unless given."""

    name: Text
    code: Code = UNSET
    aggregation: Aggregation
    property: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        UNSET, description="Which property of an event is measured. Count needs none, all others do."
    )
    late_policy: Policy = "next_invoice"
    metadata: Metadata = UNSET

    def given(self) -> dict[str, Any]:
        return {"property_name" if name == "property" else name: value for name, value in super().given().items()}


class Meter(Answer):
    """What is measured of usage events."""

    id: MeterId
    code: str
    name: str
    aggregation: Aggregation
    property: str | None = Field(validation_alias="property_name")
    late_policy: LatePolicy
    metadata: dict[str, str] = Field(validation_alias="details")
    created_at: Utc
    archived_at: Utc | None


class MeterListing(Listing):
    """Which meters."""

    q: str | None = Field(None, max_length=255, description="Part of the name or code.")
    code: str | None = Field(None, max_length=64)
    archived: bool = Field(False, description="Also those that measure no more.")
