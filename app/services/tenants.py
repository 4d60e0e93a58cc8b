"""Opening a tenant: its books, its counters, the tax rates it starts with."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from app.db import all_tenants, session, tenant_scope, transaction
from app.domain.currencies import exponent
from app.domain.errors import Conflict
from app.domain.taxes import TaxRate
from app.domain.zones import zone
from app.ids import new_id
from app.models import TaxRate as TaxRateRow
from app.models import TaxRegistration, Tenant
from app.services import ledger
from app.services.history import audit
from app.services.users import clean_email


def create(values: Mapping[str, Any], rates: Sequence[TaxRate], at: datetime) -> str:
    """Open a tenant and give its id. Opens its own transaction, because the tenant's scope begins with it."""
    tenant_id = new_id("ten")
    _check_slug(values["slug"])
    with tenant_scope(tenant_id), transaction():
        row = Tenant(id=tenant_id, created_at=at, **values)
        _check(row)
        session().add(row)
        session().flush()
        ledger.open_books(at)
        add_tax_rates(rates, at)
        audit("tenant.create", tenant_id, at, slug=row.slug)
    return tenant_id


def add_tax_rates(rates: Sequence[TaxRate], at: datetime) -> None:
    """Copy rates into the tenant's own table, where they can be read, ended and added to."""
    session().add_all(
        TaxRateRow(
            name=rate.name,
            scheme=rate.scheme,
            country=rate.country,
            region=rate.region,
            percent=rate.percent,
            compound=rate.compound,
            rules=rate.rules,
            valid_from=rate.valid_from,
            valid_to=rate.valid_to,
            created_at=at,
        )
        for rate in rates
    )
    session().flush()


def register_for_tax(
    country: str, region: str | None, scheme: str, number: str, at: datetime, *, valid_from: date | None = None
) -> TaxRegistration:
    """Add a tax number; from then on its tax is charged. Raises Conflict when that place has one."""
    known = select(TaxRegistration.id).where(
        TaxRegistration.country == country,
        TaxRegistration.region.is_not_distinct_from(region),
        TaxRegistration.scheme == scheme,
    )
    if session().scalar(known):
        raise Conflict("There is a registration of that kind for that place already.", code="registered_already")
    row = TaxRegistration(
        country=country, region=region, scheme=scheme, number=number, valid_from=valid_from, created_at=at
    )
    session().add(row)
    session().flush()
    audit("tax_registration.create", row.id, at, country=country, scheme=scheme)
    return row


def _check(row: Tenant) -> None:
    exponent(row.currency)
    zone(row.timezone)
    row.email = clean_email(row.email)


def _check_slug(slug: str) -> None:
    with all_tenants():
        if session().scalar(select(Tenant.id).where(Tenant.slug == slug)):
            raise Conflict(f"There is a tenant {slug} already.", code="slug_taken", field="slug")
