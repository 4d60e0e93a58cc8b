"""Finding the tenant that a command is about."""

from sqlalchemy import select

from app.db import all_tenants, session
from app.domain.errors import InvalidInput, NotFound
from app.models import Tenant


def find_tenant(slug: str | None) -> str:
    """The id of the tenant with that slug, or of the only one when no slug is given.

    Raises NotFound for a slug that nobody has, and InvalidInput when there are none or several to choose from.
    """
    with all_tenants():
        rows = session().execute(select(Tenant.slug, Tenant.id).order_by(Tenant.slug))
        found: dict[str, str] = {row.slug: row.id for row in rows}
    if slug in found:
        return found[slug]
    if slug:
        raise NotFound(f"There is no tenant {slug}.", code="unknown_tenant", field="tenant")
    if len(found) == 1:
        return next(iter(found.values()))
    choice = f"name one of {', '.join(found)} with --tenant" if found else "make the demo tenant with `quittance seed`"
    raise InvalidInput(f"There are {len(found)} tenants: {choice}.", code="tenant_needed", field="tenant")
