"""Money that came in outside of any gateway: by which ways it can come, and when it can have come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.errors import InvalidInput

OUTSIDE_METHODS: Mapping[str, str] = {
    "bank_transfer": "Bank transfer",
    "cheque": "Cheque",
    "cash": "Cash",
    "card_terminal": "Card terminal",
    "other": "Another way",
}
LONGEST_REFERENCE = 255
# Money may come before its invoice: for a quote, or for an invoice that this one replaces. Half a year is long enough
# for that, and short enough to notice a mistyped year.
LONGEST_AHEAD = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Received:
    """What somebody says of money that came in: by which of OUTSIDE_METHODS, when, and what the bank or the paper calls
    it."""

    method: str
    at: datetime
    reference: str = ""


def check_method(method: str) -> None:
    """Raises InvalidInput for a word that OUTSIDE_METHODS does not have."""
    if method not in OUTSIDE_METHODS:
        known = ", ".join(OUTSIDE_METHODS)
        raise InvalidInput(f"Say how the money came: {known}.", code="unknown_method", field="method")


def check_received(received: Received, *, issued_at: datetime, at: datetime) -> None:
    """See to it that money for an invoice issued at `issued_at` can have come so, as far as is known at `at`.

    Raises InvalidInput, naming `method`, `at` or `reference`.
    """
    check_method(received.method)
    if received.at > at:
        raise InvalidInput("The money cannot have come in the future.", code="in_the_future", field="at")
    if received.at < issued_at - LONGEST_AHEAD:
        raise InvalidInput(
            f"That is more than {LONGEST_AHEAD.days} days before the invoice was issued: look at the year.",
            code="too_early",
            field="at",
        )
    if len(received.reference) > LONGEST_REFERENCE:
        raise InvalidInput(f"At most {LONGEST_REFERENCE} characters.", code="too_long", field="reference")
