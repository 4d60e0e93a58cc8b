"""Tax rates by place and day, and the registrations a seller charges them under."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.exact import plain
from app.domain.tax_tables.places import EU

Categories = tuple[tuple[str, date | None], ...]
Ratio = tuple[int, int]

# Levied on final use only, by one region each, whose own registration they need. Other schemes are value-added taxes.
RETAIL_SCHEMES = frozenset({"pst", "sales_tax"})
_OSS = frozenset({"oss", "oss_union", "oss_non_union"})  # one registration for every member state of the EU
# The tax that a registration allows to charge, where the two go by different names.
_COVERS = {"gst": "gst_hst", "hst": "gst_hst", "rst": "pst", "qst_specified": "qst"} | dict.fromkeys(_OSS, "vat")


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A rate of one tax in one place, in force on the days [valid_from, valid_to).

    `percent` is of the price, or of the price with the taxes before it when `compound`. `categories` lists what the tax
    is levied on, each with the first day (None: from the beginning); an empty list means on everything. `postal_codes`
    is a regular expression for a part of the country that has a rate of its own. `ratio` is the percent as a fraction;
    `label` and `operands` are how derivations cite the rate.
    """

    name: str
    scheme: str
    country: str
    region: str | None
    percent: Decimal
    valid_from: date
    valid_to: date | None = None
    compound: bool = False
    categories: Categories = ()
    postal_codes: str = ""
    id: str | None = None
    sources: tuple[str, ...] = ()
    confidence: str = ""
    ratio: Ratio = field(init=False, repr=False, compare=False)
    label: str = field(init=False, repr=False, compare=False)
    operands: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.percent < 0:
            raise InvalidInput("A tax rate must not be below zero.", code="negative", field="percent")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise InvalidInput(
                f"A rate that ends on {self.valid_to} is never in force.",
                code="ends_early",
                field="valid_to",
            )
        numerator, denominator = self.percent.as_integer_ratio()
        object.__setattr__(self, "ratio", (numerator, denominator * 100))
        rate, since = plain(self.percent), self.valid_from.isoformat()
        object.__setattr__(self, "label", f"{self.name} {rate} % ({self.jurisdiction}, in force from {since})")
        cited = {"name": self.name, "jurisdiction": self.jurisdiction, "rate": rate, "in_force_from": since}
        object.__setattr__(self, "operands", cited | ({"rate_id": self.id} if self.id else {}))

    @property
    def jurisdiction(self) -> str:
        """The place whose rate it is, as ISO 3166: `CA-ON`, or `CA` for all of Canada."""
        return f"{self.country}-{self.region}" if self.region else self.country

    @property
    def rules(self) -> dict[str, Any]:
        """What the rate is limited to, in its JSON shape; `parse_rules` reads it back."""
        categories = {name: day.isoformat() if day else None for name, day in self.categories}
        return {"categories": categories, "postal_codes": self.postal_codes}

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)

    def levied_on(self, category: str, on: date) -> bool:
        """Whether the tax is levied on a category on a day."""
        if not self.categories:
            return True
        return any(name == category and (day is None or day <= on) for name, day in self.categories)


def parse_rules(rules: Mapping[str, Any]) -> tuple[Categories, str]:
    """The `categories` and `postal_codes` of a rate out of their stored JSON shape."""
    listed = rules.get("categories") or {}
    categories = tuple((name, date.fromisoformat(day) if day else None) for name, day in listed.items())
    return categories, rules.get("postal_codes") or ""


@dataclass(frozen=True, slots=True)
class Registration:
    """A tax number of the seller. Without one that covers a tax, the tax is not charged."""

    country: str
    region: str | None
    scheme: str
    number: str
    valid_from: date | None = None

    def covers(self, rate: TaxRate, on: date) -> bool:
        """Whether the seller charges `rate` on a day under this number."""
        if _COVERS.get(self.scheme, self.scheme) != rate.scheme or (self.valid_from and on < self.valid_from):
            return False
        if rate.scheme in RETAIL_SCHEMES and self.region != rate.region:
            return False
        return self.country == rate.country or (self.scheme in _OSS and rate.country in EU)
