"""Which taxes apply: by place, day, category, the seller's registrations and the customer's status."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import groupby

from app.domain.errors import InvalidInput
from app.domain.tax_tables.places import REGIONS, REVERSE_CHARGE
from app.domain.taxes.rates import Registration, TaxRate
from app.domain.taxes.status import TaxLocation, TaxStatus
from app.domain.taxes.treatment import REVERSE_CHARGED, UNTAXED, ChargedTax, TaxTreatment

CATEGORIES = ("saas", "software", "service", "goods", "exempt")
# Registered buyers are not charged by sellers under this simplified scheme (Revenu Québec, specified registration).
_NOT_FOR_HOLDERS_OF = {"qst_specified": "ca_qst"}


class TaxBook:
    """The rates and registrations of a seller. Answers are remembered, because a batch asks the same again and again.

    `home` is the country the seller is established in. If it is not given, the seller counts as established wherever it
    has a VAT registration of that country.
    """

    def __init__(
        self, rates: Iterable[TaxRate], registrations: Sequence[Registration], home: str | None = None
    ) -> None:
        self._registrations = registrations
        self._home = home
        ordered = sorted(rates, key=lambda rate: rate.country)
        self._rates = {country: tuple(rows) for country, rows in groupby(ordered, key=lambda rate: rate.country)}
        self._by_postal_code = {rate.country for rate in ordered if rate.postal_codes}
        self._remembered = lru_cache(maxsize=20_000)(self._treatment)

    def treatment(self, location: TaxLocation, status: TaxStatus, category: str, on: date) -> TaxTreatment:
        """The taxes and notes for selling `category` to a customer on a day (the earlier of invoice and payment).

        Raises InvalidInput for an unknown category, and for a missing or unknown region where it decides the tax.
        """
        if location.postal_code and location.country not in self._by_postal_code:
            location = TaxLocation(location.country, location.region)
        return self._remembered(location, status, category, on)

    def _treatment(self, location: TaxLocation, status: TaxStatus, category: str, on: date) -> TaxTreatment:
        check_category(category)
        if category == "exempt":
            return UNTAXED
        if any(own.country == location.country for own in self._registrations):
            check_region(location)
        if self._is_reverse_charged(location, status):
            return REVERSE_CHARGED
        charged = [tax for rate in self._levied(location, category, on) for tax in self._charged(rate, status, on)]
        exempt = status.exempt
        due = tuple(tax for tax in charged if exempt is None or not exempt.frees_from(tax.rate, location))
        notes = (f"Tax exempt: {exempt.reason}",) if exempt and len(due) < len(charged) else ()
        return TaxTreatment(due, notes)

    def _is_reverse_charged(self, location: TaxLocation, status: TaxStatus) -> bool:
        """Directive 2006/112/EC Art. 44 and 196, and the like in the UK; never within the seller's own country."""
        return (
            location.country in REVERSE_CHARGE
            and status.kind == "business"
            and status.has_vat_number_of(location.country)
            and not self._is_established_in(location.country)
        )

    def _is_established_in(self, country: str) -> bool:
        if self._home is not None:
            return self._home == country
        return any(own.country == country and own.scheme in {"vat", "oss_union"} for own in self._registrations)

    def _levied(self, location: TaxLocation, category: str, on: date) -> list[TaxRate]:
        """One rate for each scheme, the closest to the customer: HST of a province goes before GST of the country."""
        closest: dict[str, TaxRate] = {}
        for rate in self._rates.get(location.country, ()):
            if rate.in_force(on) and _is_in(location, rate):
                rival = closest.get(rate.scheme)
                if rival is None or _closeness(rate) > _closeness(rival):
                    closest[rate.scheme] = rate
        levied = (rate for rate in closest.values() if rate.percent and rate.levied_on(category, on))
        return sorted(levied, key=lambda rate: (rate.compound, rate.region is not None))

    def _charged(self, rate: TaxRate, status: TaxStatus, on: date) -> Iterator[ChargedTax]:
        """The tax, if a registration covers it and does not spare this customer; one of that country goes first."""
        covering = [own for own in self._registrations if own.covers(rate, on)]
        for own in sorted(covering, key=lambda own: own.country != rate.country)[:1]:
            spared = _NOT_FOR_HOLDERS_OF.get(own.scheme)
            if spared is None or not status.has_valid(spared):
                yield ChargedTax(rate, own.number)


def applicable(
    rates: Iterable[TaxRate],
    registrations: Sequence[Registration],
    location: TaxLocation,
    status: TaxStatus,
    category: str,
    on: date,
    home: str | None = None,
) -> TaxTreatment:
    """A single question to a `TaxBook`; keep the book itself to ask many."""
    return TaxBook(rates, registrations, home).treatment(location, status, category, on)


def check_category(category: str) -> None:
    """Refuse a tax category that no rule knows."""
    if category not in CATEGORIES:
        raise InvalidInput(
            f"“{category}” is not a tax category: use one of {', '.join(CATEGORIES)}.",
            code="unknown_tax_category",
            field="tax_category",
        )


def check_region(location: TaxLocation) -> None:
    """Refuse an address without the region that decides its tax, such as the province in Canada."""
    regions = REGIONS.get(location.country)
    if regions is not None and location.region not in regions:
        raise InvalidInput(
            f"The tax in {location.country} depends on the region: the address needs one of"
            f" {', '.join(sorted(regions))}.",
            code="region_required",
            field="address.region",
        )


def _is_in(location: TaxLocation, rate: TaxRate) -> bool:
    in_region = rate.region is None or rate.region == location.region
    postal_code = re.sub("[^0-9A-Z]", "", location.postal_code.upper())
    return in_region and (not rate.postal_codes or re.fullmatch(rate.postal_codes, postal_code) is not None)


def _closeness(rate: TaxRate) -> tuple[bool, bool, date]:
    """The smaller place wins; of two rates in force for the same place, the one that came later."""
    return bool(rate.postal_codes), rate.region is not None, rate.valid_from
