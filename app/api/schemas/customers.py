"""Customers on the wire."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from app import models
from app.api.schemas.base import UNSET, Listing, Request
from app.api.schemas.values import Country, Currency, CustomerId, Metadata, TestClockId, Text, Timezone, Utc

Kind = Literal["consumer", "business"]
Email = Annotated[str, StringConstraints(max_length=254), Field(examples=["pay@example.com"])]
LocaleName = Annotated[str, StringConstraints(min_length=2, max_length=16), Field(examples=["fr_CA"])]
Line = Annotated[str, StringConstraints(max_length=255)]
Region = Annotated[str, StringConstraints(max_length=8), Field(description="ISO 3166-2, without the country: ON.")]


class Address(Request):
    """Where a customer is, for invoices and for taxes."""

    line1: Line | None = None
    line2: Line | None = None
    city: Line | None = None
    region: Region | None = None
    postal_code: Annotated[str, StringConstraints(max_length=16)] | None = None
    country: Country | None = None


class TaxId(Request):
    """A tax number of a customer."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=32), Field(examples=["eu_vat"])]
    value: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    status: Literal["valid", "invalid", "unverified"] = "unverified"


class Exemption(Request):
    """Why a customer pays no tax, and in which regions (none given: everywhere)."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=40), Field(examples=["resale"])]
    regions: Annotated[list[Region], Field(max_length=100)] = Field(default_factory=list)


def _none_for_false(value: Any) -> Any:
    return None if value is False else value


TaxIds = Annotated[list[TaxId], Field(max_length=20)]
Exempt = Annotated[Exemption | None, BeforeValidator(_none_for_false), Field(description="Null or false: not exempt.")]


class CustomerChanges(Request):
    """What of a customer can change; what is left out stays. An address or metadata given replaces the old one."""

    name: Text = UNSET
    email: Email = UNSET
    external_id: Text | None = None
    kind: Kind = UNSET
    timezone: Timezone = UNSET
    locale: LocaleName = UNSET
    address: Address = UNSET
    tax_ids: TaxIds = UNSET
    exempt: Exempt = None
    metadata: Metadata = UNSET

    def given(self) -> dict[str, Any]:
        values = super().given()
        return {**values, "exempt": values["exempt"] or {}} if "exempt" in values else values


class NewCustomer(CustomerChanges):
    """A customer to add. Currency, time zone and locale are yours unless given."""

    name: Text
    email: Email
    currency: Currency = UNSET
    test_clock: TestClockId | None = None

    def given(self) -> dict[str, Any]:
        names = {"test_clock": "test_clock_id"}
        return {names.get(name, name): value for name, value in super().given().items()}


class Customer(BaseModel):
    """Someone who buys. `deleted_at` says when they were anonymised."""

    id: CustomerId
    name: str
    email: str
    external_id: str | None
    kind: str
    currency: str
    timezone: str
    locale: str
    address: Address
    tax_ids: list[TaxId]
    exempt: Exemption | None
    test_clock: TestClockId | None
    metadata: dict[str, str]
    created_at: Utc
    deleted_at: Utc | None

    @classmethod
    def of(cls, row: models.Customer) -> Self:
        return cls(
            id=row.id,
            name=row.name,
            email=row.email,
            external_id=row.external_id,
            kind=row.kind,
            currency=row.currency,
            timezone=row.timezone,
            locale=row.locale,
            address=Address.model_construct(**row.address),
            tax_ids=[TaxId.model_construct(**tax_id) for tax_id in row.tax_ids],
            exempt=Exemption.model_construct(**row.exempt) if row.exempt else None,
            test_clock=row.test_clock_id,
            metadata=row.details,
            created_at=row.created_at,
            deleted_at=row.deleted_at,
        )


class CustomerListing(Listing):
    """Which customers."""

    q: str | None = Field(None, max_length=255, description="Part of the name, e-mail address or external id.")
    email: str | None = Field(None, max_length=254)
    external_id: str | None = Field(None, max_length=255)
    currency: str | None = Field(None, max_length=3)
    country: str | None = Field(None, max_length=2)
