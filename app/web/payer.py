"""Whoever came by a signed link: not signed in, and known only by what the link is about."""

from dataclasses import dataclass

from flask import g


@dataclass(frozen=True, slots=True)
class Payer:
    """The subject of the link, the language and time zone of its customer, and who sells, in test mode or live."""

    subject_id: str
    locale: str
    timezone: str
    seller: str
    mode: str


def payer() -> Payer | None:
    """Whoever pays by a link in this request, if somebody does."""
    found: Payer | None = g.get("payer")
    return found


def welcome(somebody: Payer) -> None:
    """From now on the page is theirs."""
    g.payer = somebody
