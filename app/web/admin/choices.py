"""What can be chosen from in forms: countries, currencies, time zones, languages."""

from functools import lru_cache
from zoneinfo import available_timezones

from babel import Locale
from wtforms import SelectChoice

from app.domain.currencies import EXPONENTS
from app.queries import test_clocks

ENGLISH = Locale("en")
# Regions of the tz database that name places; the rest are aliases and offsets.
CONTINENTS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)
LANGUAGES = ("en_CA", "fr_CA", "en_US", "en_GB", "de_DE", "es_ES", "es_MX", "fr_FR", "it_IT", "ja_JP", "nl_NL", "pt_BR")
Choices = list[SelectChoice]


@lru_cache(maxsize=1)
def countries() -> Choices:
    """Countries by name, an empty choice first."""
    named = sorted((name, code) for code, name in ENGLISH.territories.items() if len(code) == 2 and code != "ZZ")
    return [SelectChoice("", "Choose a country"), *(SelectChoice(code, name) for name, code in named)]


@lru_cache(maxsize=1)
def currencies() -> Choices:
    """Currencies by code, with their names."""
    return [SelectChoice(code, f"{code} · {ENGLISH.currencies.get(code, code)}") for code in sorted(EXPONENTS)]


@lru_cache(maxsize=1)
def timezones() -> Choices:
    """Time zones by name."""
    named = sorted(name for name in available_timezones() if name.split("/")[0] in CONTINENTS)
    return [SelectChoice("UTC", "UTC"), *(SelectChoice(name, name.replace("_", " ")) for name in named)]


@lru_cache(maxsize=1)
def languages() -> Choices:
    """Languages with the country whose way of writing amounts and days is used."""
    named = [(code, Locale.parse(code).get_display_name("en") or code) for code in LANGUAGES]
    return [SelectChoice(code, name) for code, name in named]


def clocks() -> Choices:
    """The test clocks that somebody can live by, real time first."""
    return [
        SelectChoice("", "None: real time"),
        *(SelectChoice(row.id, row.name) for row in test_clocks.clocks().items),
    ]


def country_name(code: str | None) -> str:
    """The name of a country: `CA` is Canada."""
    return str(ENGLISH.territories.get(code or "", code or ""))
