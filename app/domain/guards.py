"""What a subscription refuses, each with a code and a sentence (issue 3, bad input)."""

from collections.abc import Mapping
from datetime import datetime

from app.domain.contract import Contract, WhilePaused
from app.domain.errors import Conflict, InvalidInput
from app.domain.terms import Terms
from app.domain.zones import instant

_CHANGEABLE = frozenset({"trialing", "active", "past_due"})
_ENDED = frozenset({"canceled", "expired"})
_UNPAUSABLE: Mapping[str, str] = {
    "incomplete": "Its first payment is missing, so it has not begun: have that paid before a pause, or cancel it.",
    "unpaid": "It was not paid, so it stands still already: have that paid before a pause, or cancel it.",
}


def checked(contract: Contract, at: datetime) -> datetime:
    """`at` in UTC, when something may happen to the subscription then.

    Raises Conflict for one that has ended (`subscription_ended`), InvalidInput for an instant outside its current
    period (`outside_period`; a pause that skips billing has no end) or before its last change (`clock_backwards`).
    """
    refuse_ended(contract)
    moment = instant(at)
    if moment not in contract.period and not contract.is_paused(WhilePaused.SKIP):
        raise InvalidInput(
            f"{moment:%Y-%m-%d %H:%M} UTC is outside the current period, which runs from"
            f" {contract.period.start:%Y-%m-%d %H:%M} to {contract.period.end:%Y-%m-%d %H:%M} UTC.",
            code="outside_period",
            field="at",
        )
    refuse_backwards(contract.changed_at, moment)
    return moment


def refuse_ended(contract: Contract) -> None:
    """Raises Conflict (`subscription_ended`) for a subscription that is canceled or expired."""
    if contract.status in _ENDED:
        raise Conflict(
            f"This subscription is {contract.status} and cannot be changed: start a new one.", code="subscription_ended"
        )


def refuse_backwards(now: datetime, to: datetime, field: str = "at") -> None:
    """Raises InvalidInput (`clock_backwards`) for an instant before `now`, which is a clock's time or a last change."""
    if to < now:
        raise InvalidInput(
            f"{to:%Y-%m-%d %H:%M:%S} UTC is before {now:%Y-%m-%d %H:%M:%S} UTC, which has already happened here.",
            code="clock_backwards",
            field=field,
        )


def refuse_unpausable(contract: Contract) -> None:
    """Raises Conflict (`subscription_incomplete`, `subscription_unpaid`) for one that there is nothing of to pause."""
    if reason := _UNPAUSABLE.get(contract.status):
        raise Conflict(reason, code=f"subscription_{contract.status}")


def refuse_unchangeable(contract: Contract, terms: Terms) -> None:
    """Raises Conflict for a status that cannot change terms, InvalidInput for terms in another currency."""
    if contract.status not in _CHANGEABLE:
        raise Conflict(
            f"A subscription that is {contract.status} cannot change its plan: resume it or pay what is due first.",
            code=f"subscription_{contract.status}",
        )
    if terms.currency != contract.terms.currency:
        raise InvalidInput(
            f"The subscription is billed in {contract.terms.currency}, and the plan is in {terms.currency}.",
            code="currency_mismatch",
            field="plan",
        )
