"""Standard rates of VAT in the European Union and the United Kingdom by day, and the territories that differ.

A rate holds until the next one of the country begins. Rates in force are those of the European Commission's TEDB as of
2026-09-29; earlier ones come from two public lists that agree. First days before 2016, and of rates that never changed
here, are own knowledge. Services over the network bear the standard rate everywhere. Not tax advice.
"""

from datetime import date
from decimal import Decimal

from app.domain.taxes.rates import TaxRate

_TEDB = "European Commission TEDB, data set eu-vat-rates-data 2026.9.29"
_LISTS = "ibericode/vat-rates 5abb1e1 (2025-08-12) and sales-tax 2.23.0 (2026-05-19)"

_Change = tuple[date, str]

_STANDARD: dict[str, tuple[_Change, ...]] = {
    "AT": ((date(1984, 1, 1), "20"),),
    "BE": ((date(1996, 1, 1), "21"),),
    "BG": ((date(1999, 1, 1), "20"),),
    "CY": ((date(2014, 1, 13), "19"),),
    "CZ": ((date(2013, 1, 1), "21"),),
    "DE": ((date(2007, 1, 1), "19"), (date(2020, 7, 1), "16"), (date(2021, 1, 1), "19")),
    "DK": ((date(1992, 1, 1), "25"),),
    "EE": ((date(2009, 7, 1), "20"), (date(2024, 1, 1), "22"), (date(2025, 7, 1), "24")),
    "ES": ((date(2012, 9, 1), "21"),),
    "FI": ((date(2013, 1, 1), "24"), (date(2024, 9, 1), "25.5")),
    "FR": ((date(2012, 1, 1), "19.6"), (date(2014, 1, 1), "20")),
    "GB": ((date(2011, 1, 4), "20"),),
    "GR": ((date(2010, 7, 1), "23"), (date(2016, 6, 1), "24")),
    "HR": ((date(2012, 3, 1), "25"),),
    "HU": ((date(2012, 1, 1), "27"),),
    "IE": ((date(2012, 1, 1), "23"), (date(2020, 9, 1), "21"), (date(2021, 3, 1), "23")),
    "IT": ((date(2013, 10, 1), "22"),),
    "LT": ((date(2009, 9, 1), "21"),),
    "LU": ((date(2015, 1, 1), "17"), (date(2023, 1, 1), "16"), (date(2024, 1, 1), "17")),
    "LV": ((date(2012, 7, 1), "21"),),
    "MT": ((date(2004, 1, 1), "18"),),
    "NL": ((date(2012, 10, 1), "21"),),
    "PL": ((date(2011, 1, 1), "23"),),
    "PT": ((date(2011, 1, 1), "23"),),
    "RO": ((date(2016, 1, 1), "20"), (date(2017, 1, 1), "19"), (date(2025, 8, 1), "21")),
    "SE": ((date(1990, 7, 1), "25"),),
    "SI": ((date(2013, 7, 1), "22"),),
    "SK": ((date(2011, 1, 1), "20"), (date(2025, 1, 1), "23")),
}

# Parts of a country with a standard rate of their own, found by postal code; at zero they lie outside the VAT area. The
# data set knows no first days for them. It gives 18 % for the Azores but 16 % in the list of rates of Portugal, which
# agrees with the law in force since 2021-07-01, so 16 % is taken.
_TERRITORIES: tuple[tuple[str, str, str], ...] = (
    ("AT", "6691|699[123]", "19"),  # Jungholz, Mittelberg
    ("DE", "78266|27498", "0"),  # Büsingen, Heligoland
    ("ES", "35[0-9]{3}|38[0-9]{3}", "0"),  # Canary Islands
    ("ES", "5100[1-5]|5107[01]|51081", "0"),  # Ceuta
    ("ES", "5200[0-6]|5207[01]|52081", "0"),  # Melilla
    ("FR", "97[124][0-9]{2}", "8.5"),  # Guadeloupe, Martinique, Réunion
    ("FR", "97[36][0-9]{2}", "0"),  # Guyane, Mayotte
    ("GR", "63086", "0"),  # Mount Athos
    ("IT", "22061|23041", "0"),  # Campione d'Italia, Livigno
    ("PT", "9[0-4][0-9]{2,}", "22"),  # Madeira
    ("PT", "9[5-9][0-9]{2,}", "16"),  # Azores
)


def _rates(country: str, changes: tuple[_Change, ...]) -> list[TaxRate]:
    ends = [*(later for later, _ in changes[1:]), None]
    sources = (_TEDB,) if len(changes) == 1 else (_TEDB, _LISTS)
    return [
        TaxRate("VAT", "vat", country, None, Decimal(percent), start, end, sources=sources, confidence="rate verified")
        for (start, percent), end in zip(changes, ends, strict=True)
    ]


def _territory(country: str, postal_codes: str, percent: str) -> TaxRate:
    start = _STANDARD[country][0][0]
    return TaxRate(
        "VAT",
        "vat",
        country,
        None,
        Decimal(percent),
        start,
        postal_codes=postal_codes,
        sources=(_TEDB,),
        confidence="rate verified" if percent != "16" else "conflicting sources",
    )


RATES: tuple[TaxRate, ...] = (
    *(rate for country, changes in _STANDARD.items() for rate in _rates(country, changes)),
    *(_territory(*row) for row in _TERRITORIES),
)
