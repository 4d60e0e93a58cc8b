"""Where a customer is, and what they are to the tax office."""

from dataclasses import dataclass
from typing import Literal

from app.domain.tax_tables.places import vat_prefix
from app.domain.taxes.rates import RETAIL_SCHEMES, TaxRate

IdStatus = Literal["valid", "invalid", "unverified"]


@dataclass(frozen=True, slots=True)
class TaxLocation:
    """Where the customer is: ISO 3166 country and region code, postal code as written."""

    country: str
    region: str | None = None
    postal_code: str = ""


@dataclass(frozen=True, slots=True)
class TaxId:
    """A tax number of the customer, and what is known of it. An outage of the register leaves it unverified."""

    type: str
    value: str
    status: IdStatus = "unverified"


@dataclass(frozen=True, slots=True)
class Exemption:
    """Why a customer pays no tax, and in which regions (none given: everywhere)."""

    reason: str
    regions: tuple[str, ...] = ()

    def frees_from(self, rate: TaxRate, location: TaxLocation) -> bool:
        """Buying for resale frees from retail taxes only; any other reason from every tax."""
        if self.regions and location.region not in self.regions:
            return False
        return self.reason != "resale" or rate.scheme in RETAIL_SCHEMES


@dataclass(frozen=True, slots=True)
class TaxStatus:
    """What the customer is to the tax office."""

    kind: Literal["consumer", "business"] = "consumer"
    tax_ids: tuple[TaxId, ...] = ()
    exempt: Exemption | None = None

    def has_valid(self, id_type: str) -> bool:
        return any(tax_id.type == id_type and tax_id.status == "valid" for tax_id in self.tax_ids)

    def has_vat_number_of(self, country: str) -> bool:
        """Whether a VAT number of that country is known to be valid."""
        prefix = vat_prefix(country)
        return any(
            tax_id.status == "valid" and tax_id.type.endswith("vat") and tax_id.value.upper().startswith(prefix)
            for tax_id in self.tax_ids
        )
