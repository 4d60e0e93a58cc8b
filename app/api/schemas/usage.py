"""Usage on the wire: events coming in, what became of them, and what they sum up to."""

from datetime import UTC, datetime
from typing import Annotated, Any, NotRequired, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    StringConstraints,
    TypeAdapter,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from app import models
from app.api.schemas.base import Listing, Request
from app.api.schemas.values import ChargeId, CustomerId, Instant, Major, SubscriptionId, Utc
from app.domain.derivation import Derivation
from app.domain.exact import plain
from app.domain.lines import money_text
from app.services.usage import Used
from app.services.usage_events import MAX_BATCH, NewEvent, NewEvents

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
PropertyName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_FEW = Field(max_length=50)
Properties = Annotated[dict[PropertyName, Property], _FEW]
# Among the instants that `Instant` takes: years of four digits, wherever on earth they begin.
_PLAIN_INSTANT = "^2[01]dd-dd-ddTdd:dd:dd([.]d{1,6})?(Z|[+-]dd:dd)$".replace("d", "[0-9]")


class NewUsageEvent(Request):
    """Something a customer used. Sent again under the same `transaction_id`, it is counted once."""

    transaction_id: TransactionId = Field(description="Your own id of the event, unique among all of yours.")
    customer: Reference = Field(description="Our id, or your external id.")
    meter: Reference = Field(description="The meter's code.")
    at: Instant = Field(description="When it was used: up to two years ago, or five minutes ahead.")
    properties: Properties = Field(
        default_factory=dict, description="What the meter measures among them: decimals as strings."
    )

    def as_taken(self) -> NewEvent:
        """The event as the intake takes it."""
        return NewEvent(self.transaction_id, self.customer, self.meter, self.at, self.properties)


_PlainText = Annotated[str, StringConstraints(max_length=LONGEST_VALUE)]


class _PlainEvent(TypedDict):
    """An event as nearly all are written. `NewUsageEvent` takes all of these, and here no Python looks at a value."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    transaction_id: TransactionId
    customer: Reference
    meter: Reference
    at: Annotated[str, StringConstraints(pattern=_PLAIN_INSTANT)]
    properties: NotRequired[Annotated[dict[PropertyName, _PlainText | int | bool | None], _FEW]]


_BATCH = Field(min_length=1, max_length=MAX_BATCH)
_PLAIN_BATCH = TypeAdapter(Annotated[list[_PlainEvent], _BATCH])


def _as_taken(given: Any, read: ValidatorFunctionWrapHandler) -> NewEvents:
    """Events as the intake takes them: read at once when all are plain, and else one by one, which tells of faults."""
    try:
        plain = _PLAIN_BATCH.validate_python(given)
        ats = [datetime.fromisoformat(one["at"]).astimezone(UTC) for one in plain]
    except ValueError:
        return NewEvents.of(one.as_taken() for one in read(given))
    return NewEvents(
        [one["transaction_id"] for one in plain],
        [one["customer"] for one in plain],
        [one["meter"] for one in plain],
        ats,
        [one.get("properties", {}) for one in plain],
    )


class NewUsageEvents(Request):
    """Up to 1000 events, all of them or none. One event may also be sent by itself, without `events` round it."""

    events: Annotated[list[NewUsageEvent], _BATCH, WrapValidator(_as_taken)]

    _alone: bool = PrivateAttr(False)

    @model_validator(mode="wrap")
    @classmethod
    def _one_or_many(cls, given: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(given, dict) or "events" in given:
            return read(given)
        one = NewUsageEvent.model_validate(given).as_taken()
        found = cls.model_construct(events=NewEvents.of([one]))
        found._alone = True
        return found

    @property
    def taken(self) -> NewEvents:
        """The events as the intake takes them."""
        return cast(NewEvents, self.events)

    @property
    def path(self) -> str:
        """Where the list of events stands in the request; nothing for one by itself."""
        return "" if self._alone else "events"


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
