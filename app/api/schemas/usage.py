"""Usage on the wire: events coming in, what became of them, and what they sum up to."""

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app import models
from app.api.schemas.base import Listing, Request
from app.api.schemas.values import ChargeId, CustomerId, Instant, Major, SubscriptionId, Utc
from app.domain.derivation import Derivation
from app.domain.exact import plain
from app.domain.lines import money_text
from app.services.usage import Used
from app.services.usage_events import MAX_BATCH, NewEvent

LONGEST_VALUE = 500


def _property(value: Any) -> Any:
    if isinstance(value, float):
        message = 'A JSON number with decimals cannot hold a quantity exactly: give a string such as "9.99".'
        raise PydanticCustomError("float_refused", message)
    if not isinstance(value, str | int | None):
        raise PydanticCustomError("invalid_type", "Give a string, a whole number, true, false or null.")
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        raise PydanticCustomError(
            "string_too_long", "Give at most {max_length} characters.", {"max_length": LONGEST_VALUE}
        )
    return value


TransactionId = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Property = Annotated[
    Any,
    AfterValidator(_property),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": LONGEST_VALUE},
                {"type": "integer"},
                {"type": "boolean"},
                {"type": "null"},
            ]
        }
    ),
]
Properties = Annotated[
    dict[Annotated[str, StringConstraints(min_length=1, max_length=100)], Property], Field(max_length=50)
]


class NewUsageEvent(Request):
    """Something a customer used. Sent again under the same `transaction_id`, it is counted once."""

    transaction_id: TransactionId = Field(description="Your own id of the event, unique among all of yours.")
    customer: Reference = Field(description="Our id, or your external id.")
    meter: Reference = Field(description="The meter's code.")
    at: Instant
    properties: Properties = Field(
        default_factory=dict, description="What the meter measures among them: decimals as strings."
    )


class NewUsageEvents(Request):
    """Up to 1000 events, all of them or none. One event may also be sent by itself, without `events` round it."""

    events: Annotated[list[NewUsageEvent], Field(min_length=1, max_length=MAX_BATCH)]

    _alone: bool = PrivateAttr(False)

    @model_validator(mode="wrap")
    @classmethod
    def _one_or_many(cls, given: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(given, dict) or "events" in given:
            return read(given)
        found = cls.model_construct(events=[NewUsageEvent.model_validate(given)])
        found._alone = True
        return found

    def new_events(self) -> list[NewEvent]:
        """The events as the intake takes them."""
        return [
            NewEvent(one.transaction_id, one.customer, one.meter, one.at, one.properties, self._path(i))
            for i, one in enumerate(self.events)
        ]

    def _path(self, position: int) -> str:
        return "" if self._alone else f"events.{position}"


class RecordedUsage(BaseModel):
    """What became of a batch: events that are new, and events that were there already."""

    taken: int
    duplicates: int


class UsageEvent(BaseModel):
    """Something a customer used."""

    transaction_id: str
    customer: CustomerId
    meter: str
    at: Utc
    properties: dict[str, Property]
    received_at: Utc

    @classmethod
    def of(cls, row: models.UsageEvent) -> Self:
        return cls.model_construct(
            transaction_id=row.transaction_id,
            customer=row.customer_id,
            meter=row.meter.code,
            at=row.at,
            properties=row.properties,
            received_at=row.created_at,
        )


class UsageListing(Listing):
    """Which events. Those of one customer come meter by meter, the latest first; without a customer they come in the
    order of their transaction ids."""

    customer: str | None = Field(None, max_length=255, description="Our id, or your external id.")
    meter: str | None = Field(None, max_length=64, description="A meter's code; needs a customer.")
    transaction_id: str | None = Field(None, max_length=255)
    since: Instant | None = Field(None, description="From this instant on; needs a customer.")
    before: Instant | None = Field(None, description="Up to this instant, not included; needs a customer.")


class ChargeUsage(BaseModel):
    """What was used of a charge, and what that costs before discount and tax if nothing is added to it."""

    charge: ChargeId
    name: str
    meter: str
    quantity: str
    amount: Major
    derivation: Derivation

    @classmethod
    def of(cls, used: Used) -> Self:
        priced, charge = used.priced(), used.use.charge
        return cls(
            charge=charge.id,
            name=charge.name,
            meter=used.use.meter.code,
            quantity=plain(used.quantity),
            amount=money_text(priced.amount),
            derivation=priced.derivation,
        )


class SubscriptionUsage(BaseModel):
    """The usage of the current period, [period_start, period_end), so far."""

    subscription: SubscriptionId
    currency: str
    period_start: Utc
    period_end: Utc
    charges: list[ChargeUsage]
