"""Invoice numbers: gapless in one series for the tenant, or in one for each customer, as the tenant chose."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select, text

from app.db import current_tenant_id, session
from app.ids import as_id, to_uuid
from app.models import Customer, Tenant
from app.queries.base import among
from app.services import numbers

NUMBERINGS = ("tenant", "customer")

# Of two workers who bill the same new customer, the later one waits for the row, and then finds that it has a series.
_BEGIN = text("""
WITH new AS (
  SELECT id FROM customers WHERE id = ANY(CAST(:ids AS uuid[])) AND series IS NULL ORDER BY id FOR NO KEY UPDATE
), counted AS (
  INSERT INTO number_sequences AS s (tenant_id, name, last)
  SELECT :tenant, 'customer series', count(*) FROM new HAVING count(*) > 0
  ON CONFLICT (tenant_id, name) DO UPDATE SET last = s.last + excluded.last RETURNING last
), given AS (
  SELECT id, last - count(*) OVER () + row_number() OVER (ORDER BY id) AS series FROM new, counted
)
UPDATE customers c SET series = given.series FROM given WHERE c.id = given.id RETURNING c.id, c.series
""")


def draw(tenant: Tenant, customers: Sequence[Customer]) -> list[str]:
    """A number for an invoice of each of these customers, in this order: INV-000042, or INV-0007-0003.

    Others wait for our commit, and a rollback gives the numbers back, so that none is ever missing.
    """
    if not customers:
        return []
    if tenant.setting("numbering") == "customer":
        series = _series_of(customers)
        names = [f"{tenant.invoice_prefix}{series[one.id]:04d}-" for one in customers]
        drawn = numbers.in_order([f"invoices {name}" for name in names])
        return [f"{name}{number:04d}" for name, number in zip(names, drawn, strict=True)]
    first = numbers.take("invoices", len(customers))
    return [f"{tenant.invoice_prefix}{number:06d}" for number in range(first, first + len(customers))]


def _series_of(customers: Sequence[Customer]) -> Mapping[str, int]:
    """The series of each customer, which never changes; all who have none begin the next ones by one statement."""
    known = {one.id: one.series for one in customers if one.series is not None}
    if new := {one.id for one in customers} - known.keys():
        known |= _begun(new)
    if others := new - known.keys():  # these began theirs while we waited
        known |= _read(others)
    return known


def _begun(customer_ids: set[str]) -> dict[str, int]:
    given = {"tenant": to_uuid("ten", current_tenant_id()), "ids": [to_uuid("cus", one) for one in customer_ids]}
    return {as_id("cus", row_id): number for row_id, number in session().execute(_BEGIN, given)}


def _read(customer_ids: set[str]) -> dict[str, int]:
    query = select(Customer.id, Customer.series).where(among(Customer.id, customer_ids), Customer.series.is_not(None))
    return {row.id: row.series for row in session().execute(query)}
