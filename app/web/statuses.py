"""How a status looks: its colour and its words, for every noun that has one. Pages ask here and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Badge:
    """A tone (success, info, warning, danger or secondary: Bootstrap's names) and the words beside it."""

    tone: str
    label: str


def _badges(**tones: str) -> dict[str, Badge]:
    """`success="paid", danger="past_due"` reads: paid is good, past due is bad, and is written “Past due”."""
    return {status: Badge(tone, _words(status)) for tone, named in tones.items() for status in named.split()}


def _words(status: str) -> str:
    return _LABELS.get(status, status.replace("_", " ").capitalize())


_LABELS = {
    "test": "Test mode",
    "trialing": "Trial",
    "requires_action": "Waiting for customer",
    "unknown": "No answer yet",
    "uncollectible": "Written off",
    "dead": "Laid aside",
}

STATUSES: Mapping[str, Mapping[str, Badge]] = {
    "subscription": _badges(
        success="active",
        info="trialing",
        warning="incomplete paused",
        danger="past_due unpaid",
        secondary="canceled expired",
    ),
    # overdue and partially_paid are derived from the due day and the balance; they stand in no column
    "invoice": _badges(
        success="paid", info="open", warning="partially_paid", danger="overdue uncollectible", secondary="draft void"
    ),
    "payment": _badges(
        success="succeeded",
        info="sending pending authorized",
        warning="requires_action unknown",
        danger="failed",
        secondary="canceled",
    ),
    "refund": _badges(success="succeeded", info="sending pending", warning="unknown", danger="failed"),
    "dispute": _badges(
        success="won", info="under_review", warning="inquiry", danger="open lost", secondary="accepted closed"
    ),
    "deposit": _badges(success="confirmed", info="detected", danger="reorged"),
    "mode": _badges(success="live", warning="test"),
    "test_clock": _badges(success="ready", info="advancing", danger="failed"),
    "mail": _badges(success="sent", info="queued", danger="failed"),
    "task": _badges(success="done", info="due", danger="dead"),
    "notice": _badges(success="done", info="due", danger="dead", secondary="dismissed"),
    "difference": _badges(success="resolved", danger="open", secondary="dismissed"),
    "person": _badges(success="active", info="invited", secondary="disabled"),
    "product": _badges(success="active", secondary="archived"),
    "plan": _badges(success="active", secondary="archived"),
    "meter": _badges(success="active", secondary="archived"),
    "coupon": _badges(success="active", secondary="archived expired used_up"),
    "redemption": _badges(success="active", secondary="used_up taken_back"),
    "api_key": _badges(success="active", secondary="expired"),
    "breaker": _badges(success="closed", info="waiting", warning="half_open", danger="open"),
    "review": _badges(success="released", warning="open", danger="refused"),
    "gateway_account": _badges(success="active", secondary="disabled"),
}


def badge(noun: str, status: str) -> Badge:
    """How that noun's status looks. Raises LookupError for one that has no colour yet."""
    return STATUSES[noun][status]


def badges(noun: str) -> Mapping[str, Badge]:
    """Every status of a noun, for a filter."""
    return STATUSES[noun]
