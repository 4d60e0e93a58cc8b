"""A tenant's tax rates and registrations, and a customer's place in them, as the domain asks for them."""

from collections.abc import Collection

from sqlalchemy import select

from app.db import session
from app.domain.taxes import Exemption, Registration, TaxBook, TaxId, TaxLocation, TaxRate, TaxStatus, parse_rules
from app.models import Customer, TaxRegistration
from app.models import TaxRate as TaxRateRow
from app.models.base import Json


def tax_book(home: str | None) -> TaxBook:
    """All rates and registrations of the tenant in scope, whose own country is `home`."""
    registrations = [
        Registration(row.country, row.region, row.scheme, row.number, row.valid_from)
        for row in session().scalars(select(TaxRegistration))
    ]
    return TaxBook(tax_rates(), registrations, home)


def tax_rates() -> list[TaxRate]:
    """All rates of the tenant in scope, past ones too."""
    return [_rate(row) for row in session().scalars(select(TaxRateRow))]


def rates_by_id(rate_ids: Collection[str]) -> dict[str, TaxRate]:
    """These rates of the tenant in scope, by their ids."""
    if not rate_ids:
        return {}
    return {row.id: _rate(row) for row in session().scalars(select(TaxRateRow).where(TaxRateRow.id.in_(rate_ids)))}


def location_of(address: Json) -> TaxLocation:
    """Where an address is, for the tax office."""
    return TaxLocation(address.get("country") or "", address.get("region"), address.get("postal_code") or "")


def status_of(customer: Customer) -> TaxStatus:
    """What a customer is to the tax office."""
    tax_ids = tuple(TaxId(i["type"], i["value"], i.get("status", "unverified")) for i in customer.tax_ids)
    exempt = customer.exempt
    exemption = Exemption(exempt["reason"], tuple(exempt.get("regions") or ())) if exempt.get("reason") else None
    return TaxStatus(customer.kind, tax_ids, exemption)  # type: ignore[arg-type]


def _rate(row: TaxRateRow) -> TaxRate:
    categories, postal_codes = parse_rules(row.rules)
    return TaxRate(
        row.name,
        row.scheme,
        row.country,
        row.region,
        row.percent,
        row.valid_from,
        row.valid_to,
        row.compound,
        categories,
        postal_codes,
        id=row.id,
    )
