"""What both previews are asked: who would buy, under which tax numbers, with which discounts, at which price."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import CoreSchema, core_schema

from app.api.schemas.base import UNSET, Request
from app.api.schemas.customers import Address, Exempt, Kind, Region, TaxIds
from app.api.schemas.values import Country, Number
from app.api.wording import named
from app.domain.discounts import Discount, parse_discount
from app.domain.errors import InvalidInput
from app.domain.pricing import Price, parse_price
from app.domain.taxes import Exemption, Registration, TaxId, TaxLocation, TaxStatus
from app.services.previews import NOWHERE, Buyer

MAX_TIERS = 100

Scheme = Literal[
    "gst_hst",
    "gst",
    "hst",
    "qst",
    "qst_specified",
    "pst",
    "rst",
    "vat",
    "oss",
    "oss_union",
    "oss_non_union",
    "sales_tax",
]
TaxBehavior = Literal["exclusive", "inclusive"]
Rounding = Annotated[
    Literal["invoice", "line"], Field(description="Whether a tax is rounded once for the invoice, or line by line.")
]


@dataclass(frozen=True, slots=True)
class OrText:
    """The model of a union with str, whose faults are named by their own path: those of a plain union are not."""

    def __get_pydantic_core_schema__(self, union: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        model = next(option for option in get_args(union) if option is not str)
        return core_schema.no_info_wrap_validator_function(self._check, handler.generate_schema(model))

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(schema["schema"])]}

    @staticmethod
    def _check(value: Any, as_model: ValidatorFunctionWrapHandler) -> Any:
        return value if isinstance(value, str) else as_model(value)


class InlineAddress(Address):
    """Where somebody would buy. The country is required: without one there would silently be no tax."""

    country: Country


class InlineCustomer(Request):
    """A customer who is not stored, as far as taxes ask. Without an address there is no tax."""

    address: InlineAddress | None = None
    kind: Kind = "business"
    tax_ids: TaxIds = Field(default_factory=list)
    exempt: Exempt = None

    def buyer(self) -> Buyer:
        where = self.address
        place = TaxLocation(where.country, where.region, where.postal_code or "") if where else NOWHERE
        tax_ids = tuple(TaxId(given.type, given.value, given.status) for given in self.tax_ids)
        exemption = Exemption(self.exempt.reason, tuple(self.exempt.regions)) if self.exempt else None
        return Buyer(place, TaxStatus(self.kind, tax_ids, exemption))


def _or_union(country: Any, as_country: ValidatorFunctionWrapHandler) -> Any:
    """One OSS number serves the whole of the EU, so its place may be given as that."""
    return country if country == "EU" else as_country(country)


class TaxNumber(Request):
    """A registration to charge taxes under. OSS numbers are of `EU`, or of the member state that gave them."""

    country: Annotated[Country, WrapValidator(_or_union)]
    region: Region | None = None
    scheme: Scheme
    number: Annotated[str, StringConstraints(max_length=40)] = ""

    def registration(self) -> Registration:
        return Registration(self.country, self.region, self.scheme, self.number)


class DiscountToApply(Request):
    """Either a percent off each line, or an amount off all of them together."""

    percent: Number = UNSET
    amount: Number = UNSET


CustomerChoice = Annotated[
    str | InlineCustomer, OrText(), Field(description="A stored customer by id or external id, or one given here.")
]


TaxNumbers = Annotated[
    list[TaxNumber], Field(max_length=100, description="In place of your own, to see what would be if you had these.")
]


class Preview(Request):
    """What both previews may say about taxes and discounts."""

    customer: CustomerChoice | None = None
    registrations: TaxNumbers | None = None
    tax_rounding: Rounding = "invoice"
    discounts: Annotated[list[DiscountToApply], Field(max_length=20, description="Applied in this order.")] = Field(
        default_factory=list
    )

    @property
    def tax_numbers(self) -> list[Registration] | None:
        """The registrations that are given, even if there are none of them; None: not given."""
        return None if self.registrations is None else [given.registration() for given in self.registrations]

    @property
    def place_field(self) -> str:
        """Where the request says where the customer is."""
        return "customer.address.region" if isinstance(self.customer, InlineCustomer) else "customer"

    def discounts_in(self, currency: str) -> tuple[Discount, ...]:
        """The discounts, amounts being in `currency`. Raises InvalidInput, naming the field."""
        return tuple(_discount(given, currency, f"discounts.{i}") for i, given in enumerate(self.discounts))


def bounded_price(shape: Mapping[str, Any], field: str) -> Price:
    """A price out of its JSON shape, of at most 100 tiers. Raises InvalidInput, naming the field below `field`."""
    tiers = shape.get("tiers")
    if isinstance(tiers, list) and len(tiers) > MAX_TIERS:
        raise InvalidInput(f"Give at most {MAX_TIERS} tiers.", code="too_many", field=f"{field}.tiers")
    return parse_price(shape, field)


def _discount(given: DiscountToApply, currency: str, field: str) -> Discount:
    with named({"percent": f"{field}.percent", "amount": f"{field}.amount"}):
        return parse_discount(given.given(), currency, field)
