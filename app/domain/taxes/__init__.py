"""Sales taxes: rates by place and day, who may charge them, who bears them, and how much."""

from app.domain.taxes.amounts import LineTax, TaxableLine, TaxRounding, tax_lines
from app.domain.taxes.book import CATEGORIES, TaxBook, applicable, check_category, check_region
from app.domain.taxes.rates import Registration, TaxRate, parse_rules
from app.domain.taxes.status import Exemption, TaxId, TaxLocation, TaxStatus
from app.domain.taxes.treatment import REVERSE_CHARGED, UNTAXED, ChargedTax, TaxTreatment

__all__ = [
    "CATEGORIES",
    "REVERSE_CHARGED",
    "UNTAXED",
    "ChargedTax",
    "Exemption",
    "LineTax",
    "Registration",
    "TaxBook",
    "TaxId",
    "TaxLocation",
    "TaxRate",
    "TaxRounding",
    "TaxStatus",
    "TaxTreatment",
    "TaxableLine",
    "applicable",
    "check_category",
    "check_region",
    "parse_rules",
    "tax_lines",
]
