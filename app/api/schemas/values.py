"""Values on the wire: amounts, instants, ids, metadata. None of them is ever a float."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Any

from babel import Locale
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from app.domain.currencies import exponent
from app.domain.errors import InvalidInput
from app.domain.money import Money, parse_decimal
from app.domain.taxes import CATEGORIES, check_category
from app.domain.zones import zone
from app.ids import is_id

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
# CLDR also knows groupings, pseudo-locales and the unknown.
_COUNTRIES = {code for code in Locale("en").territories if len(str(code)) == 2} - set("EU EZ QO UN XA XB ZZ".split())
_DECIMAL_PATTERN = r"^-?\d+(\.\d+)?$"


def _decimal(value: Any) -> Decimal:
    if isinstance(value, float):
        message = 'A JSON number with decimals cannot hold a cent exactly: give a string such as "9.99".'
        raise PydanticCustomError("float_refused", message)
    try:
        return parse_decimal(value, "This")
    except InvalidInput as refusal:
        raise _as_fault(refusal) from None


def _instant(value: Any) -> datetime:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        message = "Give an instant with its offset, such as 2026-01-31T00:00:00Z or 2026-01-31T00:00:00-05:00."
        raise PydanticCustomError("invalid_instant", message)
    try:
        at = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("invalid_instant", "There is no such day or time.") from None
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise PydanticCustomError("out_of_range", f"Give an instant of the years {_FIRST_YEAR} to {_LAST_YEAR}.")
    return at


def _in_utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class IdOf:
    """A TypeID of one kind."""

    prefix: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, *_: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"}

    def _check(self, text: str) -> str:
        if not is_id(self.prefix, text):
            raise PydanticCustomError("invalid_id", "Give an id that begins with {prefix}_.", {"prefix": self.prefix})
        return text


def obeys(rule: Callable[[str], object]) -> AfterValidator:
    """A text that a rule of the domain accepts; its refusal becomes the field's."""

    def check(text: str) -> str:
        try:
            rule(text)
        except InvalidInput as refusal:
            raise _as_fault(refusal) from None
        return text

    return AfterValidator(check)


def _as_fault(refusal: InvalidInput) -> PydanticCustomError:
    code: Any = refusal.code  # any text may be an error's type, whatever pydantic's own types say
    return PydanticCustomError(code, "{sentence}", {"sentence": refusal.message})


def _check_country(code: str) -> None:
    if code not in _COUNTRIES:
        raise InvalidInput("Give an ISO 3166 code of two letters, such as CA or GB.", code="unknown_country")


def _check_ip(text: str) -> None:
    try:
        ip_address(text)
    except ValueError:
        raise InvalidInput("Give an IP address, such as 203.0.113.7.", code="invalid_ip") from None


ChargeId = Annotated[str, IdOf("chg")]
CouponId = Annotated[str, IdOf("cpn")]
CreditNoteId = Annotated[str, IdOf("crn")]
CustomerId = Annotated[str, IdOf("cus")]
GatewayAccountId = Annotated[str, IdOf("gac")]
InvoiceId = Annotated[str, IdOf("inv")]
InvoiceItemId = Annotated[str, IdOf("ivi")]
InvoiceLineId = Annotated[str, IdOf("ivl")]
MeterId = Annotated[str, IdOf("mtr")]
PaymentId = Annotated[str, IdOf("pay")]
PaymentMethodId = Annotated[str, IdOf("pm")]
PlanId = Annotated[str, IdOf("pln")]
ProductId = Annotated[str, IdOf("prd")]
RedemptionId = Annotated[str, IdOf("rdm")]
RefundId = Annotated[str, IdOf("ref")]
SubscriptionId = Annotated[str, IdOf("sub")]
TestClockId = Annotated[str, IdOf("clk")]
UsageAlertId = Annotated[str, IdOf("ual")]

Number = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": _DECIMAL_PATTERN}, {"type": "integer"}],
            "description": "A decimal as a string, or a whole number. Never a number with decimals.",
            "examples": ["99.99"],
        }
    ),
]
"""A decimal of a request."""

Major = Annotated[str, WithJsonSchema({"type": "string", "pattern": _DECIMAL_PATTERN, "examples": ["99.99"]})]
"""An amount of an answer: major units, with the decimals of the currency that stands beside it."""

Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-01-31T00:00:00Z"]}),
]
"""An instant of a request, with its offset."""

Utc = Annotated[datetime, PlainSerializer(_in_utc), WithJsonSchema({"type": "string", "format": "date-time"})]
"""An instant of an answer, in UTC."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
LongText = Annotated[str, StringConstraints(max_length=2000)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
IpAddress = Annotated[str, obeys(_check_ip), Field(examples=["203.0.113.7"])]
Country = Annotated[str, obeys(_check_country), Field(examples=["CA"])]
Currency = Annotated[str, obeys(exponent), Field(examples=["CAD"], description="ISO 4217.")]
TaxCategory = Annotated[str, obeys(check_category), Field(examples=list(CATEGORIES))]
Timezone = Annotated[str, obeys(zone), Field(examples=["America/Toronto"], description="IANA name.")]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=100)],
        Annotated[str, StringConstraints(max_length=500)],
    ],
    Field(max_length=50, description="Your own notes: at most 50 keys, 500 characters each."),
]


def major(minor: int, currency: str) -> str:
    """`major(1299, "CAD") == "12.99"`."""
    return f"{Money(minor, currency).amount:f}"
