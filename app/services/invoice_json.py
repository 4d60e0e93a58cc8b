"""The JSON that invoices and credit notes keep: who sold and bought, which taxes and discounts."""

from app.domain.discounts import AmountOff, Discount, PercentOff
from app.domain.exact import parse_exact, plain
from app.domain.invoicing import TaxTotal
from app.domain.money import Money
from app.domain.taxes import LineTax
from app.models import Customer, Tenant
from app.models.base import Json


def seller_of(tenant: Tenant, registrations: list[Json]) -> Json:
    """The seller as printed on an invoice for ever."""
    return {
        "name": tenant.name,
        "legal_name": tenant.legal_name,
        "email": tenant.email,
        "address": tenant.address,
        "registrations": registrations,
    }


def buyer_of(customer: Customer) -> Json:
    """The buyer as printed on an invoice for ever."""
    return {
        "name": customer.name,
        "email": customer.email,
        "address": customer.address,
        "tax_ids": customer.tax_ids,
        "timezone": customer.timezone,
        "locale": customer.locale,
    }


def tax_json(tax: TaxTotal) -> Json:
    """A tax over the whole invoice, as kept and shown."""
    rate = tax.tax.rate
    return {
        "name": rate.name,
        "jurisdiction": rate.jurisdiction,
        "rate": plain(rate.percent),
        "rate_id": rate.id,
        "taxable_minor": tax.taxable.minor,
        "amount_minor": tax.amount.minor,
        "registration_number": tax.tax.registration_number,
    }


def line_tax_json(tax: LineTax) -> Json:
    """A tax on one line, as kept and shown."""
    rate = tax.tax.rate
    return {
        "name": rate.name,
        "jurisdiction": rate.jurisdiction,
        "rate": plain(rate.percent),
        "rate_id": rate.id,
        "amount_minor": tax.amount,
    }


def discount_json(discount: Discount) -> Json:
    """A discount on an invoice, as kept and shown."""
    if isinstance(discount, AmountOff):
        return {"label": discount.label, "amount_minor": discount.amount.minor}
    return {"label": discount.label, "percent": plain(discount.percent)}


def discount_of(kept: Json, currency: str) -> Discount:
    """The discount that was kept as JSON on an invoice in `currency`."""
    if "percent" in kept:
        return PercentOff(parse_exact(kept["percent"], "percent"), kept["label"])
    return AmountOff(Money(kept["amount_minor"], currency), kept["label"])
