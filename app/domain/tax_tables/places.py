"""Places that tax rules speak of."""

_PROVINCES = {"AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"}

# Where the tax cannot be known without the region, and the regions there are.
REGIONS: dict[str, frozenset[str]] = {"CA": frozenset(_PROVINCES)}

_FOUNDERS_TO_2003 = {"AT", "BE", "DE", "DK", "ES", "FI", "FR", "GR", "IE", "IT", "LU", "NL", "PT", "SE"}
_SINCE_2004 = {"BG", "CY", "CZ", "EE", "HR", "HU", "LT", "LV", "MT", "PL", "RO", "SI", "SK"}
EU = frozenset(_FOUNDERS_TO_2003 | _SINCE_2004)

# Where a business customer with a valid VAT number accounts for the tax itself if the seller is from elsewhere.
REVERSE_CHARGE = EU | {"GB"}

_OTHER_PREFIX = {"GR": "EL"}


def vat_prefix(country: str) -> str:
    """The letters that VAT numbers of a country begin with: its ISO 3166 code, but `vat_prefix("GR") == "EL"`."""
    return _OTHER_PREFIX.get(country, country)
