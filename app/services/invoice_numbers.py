"""Invoice numbers: gapless in one series for the tenant, or in one for each customer, as the tenant chose."""

from collections.abc import Sequence

from sqlalchemy import select

from app.db import session
from app.ids import to_uuid
from app.models import Customer, Tenant
from app.services import numbers
from app.services.bulk import change_rows

NUMBERINGS = ("tenant", "customer")


def draw(tenant: Tenant, customer_ids: Sequence[str]) -> list[str]:
    """A number for an invoice of each of these customers, in this order: INV-000042, or INV-0007-0003.

    Others wait for our commit, and a rollback gives the numbers back, so that none is ever missing.
    """
    if not customer_ids:
        return []
    if tenant.setting("numbering") == "customer":
        series = _series_of(set(customer_ids))
        names = [f"{tenant.invoice_prefix}{series[one]:04d}-" for one in customer_ids]
        drawn = numbers.in_order([f"invoices {name}" for name in names])
        return [f"{name}{number:04d}" for name, number in zip(names, drawn, strict=True)]
    first = numbers.take("invoices", len(customer_ids))
    return [f"{tenant.invoice_prefix}{number:06d}" for number in range(first, first + len(customer_ids))]


def _series_of(customer_ids: set[str]) -> dict[str, int]:
    """The series of each customer; who has none gets the next one."""
    series = _known_series(customer_ids)
    if series.keys() == customer_ids:
        return series
    numbers.take("customer series", 0)  # from here on nobody else gives out series
    series = _known_series(customer_ids)
    new = sorted(customer_ids - series.keys())
    first = numbers.take("customer series", len(new))
    given = dict(zip(new, range(first, first + len(new)), strict=True))
    rows = [(to_uuid("cus", one), number) for one, number in given.items()]
    change_rows(Customer, ("id", "series"), rows, at_once=True)
    return series | given


def _known_series(customer_ids: set[str]) -> dict[str, int]:
    query = select(Customer.id, Customer.series).where(Customer.id.in_(customer_ids), Customer.series.is_not(None))
    return {row.id: row.series for row in session().execute(query)}
