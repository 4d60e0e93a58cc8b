"""Whether a customer may use what they bought: one table from a subscription's status to an answer and its reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

ACTIVE, BLOCKED, UNKNOWN = "active", "blocked", "unknown"
_RANK = {ACTIVE: 2, UNKNOWN: 1, BLOCKED: 0}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one subscription stands. `settling`: money is on its way, or nobody knows yet whether it is."""

    subscription_id: str
    status: str
    paid_until: datetime
    past_due_at: datetime | None = None
    ever_active: bool = False
    settling: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, why, and until when it holds if nothing happens (exclusive, UTC)."""

    access: str
    reason: str
    valid_until: datetime | None = None
    subscription_id: str | None = None


NO_SUBSCRIPTION = Verdict(BLOCKED, "no_subscription")

_BY_STATUS: Mapping[str, tuple[str, str]] = {
    "trialing": (ACTIVE, "trial"),
    "active": (ACTIVE, "paid"),
    "incomplete": (BLOCKED, "first_payment_missing"),
    "unpaid": (BLOCKED, "unpaid"),
    "paused": (BLOCKED, "paused"),
    "canceled": (BLOCKED, "canceled"),
    "expired": (BLOCKED, "expired"),
}


def verdict(standings: Iterable[Standing], *, grace: timedelta, at: datetime) -> Verdict:
    """The best answer that any of a customer's subscriptions gives; among equals the one that holds longest.

    Past due customers who have paid before keep access for `grace` after the day they fell behind. While money may be
    on its way the answer is `unknown`, never a guess.
    """
    answers = [_one(standing, grace, at) for standing in standings]
    return max(answers, key=lambda v: (_RANK[v.access], v.valid_until or at), default=NO_SUBSCRIPTION)


def _one(standing: Standing, grace: timedelta, at: datetime) -> Verdict:
    if standing.status == "past_due":
        return _past_due(standing, grace, at)
    access, reason = _BY_STATUS[standing.status]
    if access == BLOCKED and standing.settling:
        return Verdict(UNKNOWN, "payment_settling", None, standing.subscription_id)
    until = standing.paid_until if access == ACTIVE else None
    return Verdict(access, reason, until, standing.subscription_id)


def _past_due(standing: Standing, grace: timedelta, at: datetime) -> Verdict:
    end = (standing.past_due_at or at) + grace
    if standing.ever_active and at < end:
        return Verdict(ACTIVE, "grace", end, standing.subscription_id)
    if standing.settling:
        return Verdict(UNKNOWN, "payment_settling", None, standing.subscription_id)
    return Verdict(BLOCKED, "past_due", None, standing.subscription_id)
