"""Plans on the wire."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from app import models
from app.api.schemas.base import UNSET, Listing, Request
from app.api.schemas.charges import Charge, NewCharges, Price
from app.api.schemas.values import Code, Currency, Metadata, Number, PlanId, ProductId, Text, Utc
from app.domain.currencies import exponent
from app.domain.errors import InvalidInput
from app.domain.money import Money
from app.domain.pricing import Standard

Interval = Literal["day", "week", "month", "year"]
Proration = Literal["second", "day", "none", "full", "next_period"]
Whole = Annotated[int, Field(ge=0, le=10_000)]


class PlanBasics(Request):
    """What a plan costs, and how often."""

    name: Text = UNSET
    currency: Currency = UNSET
    amount: Number = UNSET
    price: Price = UNSET
    interval: Interval = UNSET
    interval_count: Annotated[int, Field(ge=1, le=3660)] = UNSET
    trial_days: Whole = UNSET
    tax_behavior: Literal["exclusive", "inclusive"] = UNSET
    charges: NewCharges = UNSET
    metadata: Metadata = UNSET

    def given(self) -> dict[str, Any]:
        values = super().given()
        return {**values, "charges": [charge.kept() for charge in self.charges]} if "charges" in values else values

    def priced(self, currency: str) -> dict[str, Any]:
        """What was given, with `amount` as the price it is short for. Raises InvalidInput for both or a bad amount."""
        values = self.given()
        if "amount" not in values:
            return values
        if "price" in values:
            raise InvalidInput("Give amount or price, not both.", code="ambiguous_price", field="amount")
        amount = Money.parse(values.pop("amount"), currency)
        if amount.minor < 0:
            raise InvalidInput("A plan does not cost less than nothing.", code="negative", field="amount")
        return {**values, "price": {"model": "standard", "unit_amount": str(amount.amount)}}


class PlanChanges(PlanBasics):
    """What of a plan can change. Another price, charge, rhythm or rule makes a new version: what is sold keeps its own.

    `proration_upgrade` and `proration_downgrade` say how a change to something dearer or cheaper is paid unless the
    change itself does; `proration_counted` how shorter first and last periods are counted.
    """

    bill: Literal["in_advance", "in_arrears"] = UNSET
    first_period: Literal["prorate", "full", "free"] = UNSET
    proration_upgrade: Proration = UNSET
    proration_downgrade: Proration = UNSET
    proration_counted: Literal["second", "day"] = UNSET


class NewPlan(PlanChanges):
    """A plan to add to a product: an `amount` for each unit and period, or a `price` of any model."""

    product: ProductId
    name: Text
    code: Code = UNSET
    currency: Currency
    interval: Interval


class Plan(BaseModel):
    """A price and a rhythm. `amount` is set when a unit has one price whatever the quantity."""

    id: PlanId
    product: ProductId
    code: str
    version: int
    name: str
    currency: str
    amount: str | None
    price: dict[str, Any]
    interval: str
    interval_count: int
    trial_days: int
    tax_behavior: str
    bill: str
    first_period: str
    proration_upgrade: str
    proration_downgrade: str
    proration_counted: str
    charges: list[Charge]
    metadata: dict[str, str]
    created_at: Utc
    archived_at: Utc | None

    @classmethod
    def of(cls, row: models.Plan) -> Self:
        return cls(
            id=row.id,
            product=row.product_id,
            code=row.code,
            version=row.version,
            name=row.name,
            currency=row.currency,
            amount=_amount(row),
            price=row.price,
            interval=row.interval,
            interval_count=row.interval_count,
            trial_days=row.trial_days,
            tax_behavior=row.tax_behavior,
            bill=row.bill,
            first_period=row.first_period,
            proration_upgrade=row.proration_upgrade,
            proration_downgrade=row.proration_downgrade,
            proration_counted=row.proration_counted,
            charges=[Charge.of(charge) for charge in row.charges],
            metadata=row.details,
            created_at=row.created_at,
            archived_at=row.archived_at,
        )


class PlanListing(Listing):
    """Which plans."""

    q: str | None = Field(None, max_length=255, description="Part of the name or code.")
    product: str | None = Field(None, max_length=64)
    code: str | None = Field(None, max_length=64)
    currency: str | None = Field(None, max_length=3)
    interval: Interval | None = None
    archived: bool = Field(False, description="Also those that are not sold any more, and older versions.")


def _amount(row: models.Plan) -> str | None:
    """The plain price of a unit, with at least the decimals of its currency."""
    price = row.pricing
    if not isinstance(price, Standard) or price.free_units or price.minimum_amount or price.maximum_amount:
        return None
    places = max(exponent(row.currency), -int(price.unit_amount.normalize().as_tuple().exponent))
    return f"{price.unit_amount:.{places}f}"
