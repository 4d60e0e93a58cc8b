"""Invoice numbers: gapless in one series for the tenant, or in one for each customer, as the tenant chose."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

from app.db import current_tenant_id, session
from app.ids import as_id, to_uuid
from app.models import Customer, Tenant
from app.queries.base import among
from app.services.bulk import Statement, write_last

NUMBERINGS = ("tenant", "customer")

LONG, SHORT = 6, 4  # digits of a number in the series of the tenant, and in that of a customer

_GIVE = """
WITH wanted AS (SELECT * FROM unnest(%b::text[], %b::text[], %b::bigint[]) AS w (name, prefix, count)),
taken AS (
  INSERT INTO number_sequences AS s (tenant_id, name, last) SELECT %b::uuid, name, count FROM wanted
  ON CONFLICT (tenant_id, name) DO UPDATE SET last = s.last + excluded.last RETURNING name, last
), given AS (SELECT %b::int AS digits, %b::timestamptz AS at)
UPDATE invoices i SET issued_at = given.at,
       number = u.prefix || lpad((last - behind)::text, greatest(digits, length((last - behind)::text)), '0')
  FROM given, unnest(%b::uuid[], %b::text[], %b::int[]) AS u (id, prefix, behind)
  JOIN wanted ON wanted.prefix = u.prefix JOIN taken ON taken.name = wanted.name
 WHERE i.id = u.id
"""
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


def give(tenant: Tenant, invoices: Sequence[tuple[UUID, Customer]], at: datetime) -> None:
    """Issue invoices of these customers at `at`: each gets the next number, in their order: INV-000042, INV-0007-0003.

    Happens at the end of the block `together` around it. Others wait from there to our commit, and a rollback gives the
    numbers back, so that none is ever missing.
    """
    if not invoices:
        return
    prefixes, digits = _prefixes(tenant, [customer for _, customer in invoices])
    later, behind = Counter(prefixes), []  # how many with the same prefix come after each
    for prefix in prefixes:
        later[prefix] -= 1
        behind.append(later[prefix])
    counters = {prefix: f"invoices {prefix}" if digits == SHORT else "invoices" for prefix in sorted(later)}
    counts = Counter(prefixes)
    taken = [list(counters.values()), list(counters), [counts[prefix] for prefix in counters]]
    ids = [invoice_id for invoice_id, _ in invoices]
    write_last(Statement(_GIVE, [*taken, to_uuid("ten", current_tenant_id()), digits, at, ids, prefixes, behind]))


def _prefixes(tenant: Tenant, customers: Sequence[Customer]) -> tuple[list[str], int]:
    """What stands before the number on an invoice of each customer, and how many digits the number has at least."""
    if tenant.setting("numbering") != "customer":
        return [tenant.invoice_prefix] * len(customers), LONG
    series = _series_of(customers)
    return [f"{tenant.invoice_prefix}{series[one.id]:04d}-" for one in customers], SHORT


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
