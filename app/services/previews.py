"""What previews ask of the tenant: its clock, its taxes, its limits, its customers. Nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.db import current_tenant_id, session
from app.domain.abnormal import concern
from app.domain.errors import Conflict, InvalidInput
from app.domain.invoicing import InvoiceTotals
from app.domain.tax_tables import canada, eu
from app.domain.taxes import Registration, TaxBook, TaxLocation, TaxRate, TaxStatus, TaxTreatment
from app.domain.zones import local_date
from app.models import Tenant
from app.queries.access import customer_by_any_id
from app.queries.tax_books import location_of, status_of, tax_book, tax_rates
from app.services.billing import limits_of

REFERENCE_RATES = (*canada.RATES, *eu.RATES)
NOWHERE, NOBODY = TaxLocation(""), TaxStatus()


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who would pay, as far as taxes ask. `currency` and `timezone` are known of stored customers only."""

    location: TaxLocation = NOWHERE
    status: TaxStatus = NOBODY
    currency: str | None = None
    timezone: str | None = None


def stored_buyer(reference: str) -> Buyer:
    """The customer with that id or external id.

    Raises InvalidInput (`not_found`) when there is none, Conflict (`customer_forgotten`) when they were anonymised.
    """
    row = customer_by_any_id(reference)
    if row is None:
        raise InvalidInput(f"There is no customer {reference}.", code="not_found", field="customer")
    if row.deleted_at:
        raise Conflict("This customer was forgotten.", code="customer_forgotten", field="customer")
    return Buyer(location_of(row.address), status_of(row), row.currency, row.timezone)


class Seller:
    """The tenant in scope, as it sells: under its own tax numbers, or under those it only thinks of having."""

    def __init__(self, registrations: Sequence[Registration] | None = None) -> None:
        """With `registrations`, even none of them, they take the place of the tenant's own."""
        tenant = session().get_one(Tenant, current_tenant_id())
        home = tenant.address.get("country")
        self.timezone = tenant.timezone
        self._limits = limits_of(tenant)
        if registrations is None:
            self._taxes = tax_book(home)
        else:
            self._taxes = TaxBook(with_reference(tax_rates()), registrations, home)

    def to_review(self, totals: InvoiceTotals) -> str | None:
        """Why such an invoice would be set aside for somebody to look at; None if it would go out."""
        return concern([line.draft.amount for line in totals.lines], self._limits)

    def treatment(self, buyer: Buyer, category: str, at: datetime) -> TaxTreatment:
        """How a category is taxed at an instant, on the seller's day of it, as on an invoice issued then.

        Raises InvalidInput (`region_required`) for an address without the region that decides the tax.
        """
        return self._taxes.treatment(buyer.location, buyer.status, category, local_date(at, self.timezone))


def with_reference(own: Sequence[TaxRate]) -> list[TaxRate]:
    """The tenant's rates, and the reference rates of every place (a country, or a region of one) it has none of."""
    places = {rate.jurisdiction for rate in own}
    return [*own, *(rate for rate in REFERENCE_RATES if rate.jurisdiction not in places)]
