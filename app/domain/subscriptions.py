"""What can happen to a subscription: start, renewal, change, cancellation. Previews and the real thing call these.

Each takes a `Contract` and gives a `Move`: the new contract and the lines to invoice now.
"""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from app.domain.anchors import ANNIVERSARY, Anchor, schedule_from
from app.domain.changes import change_in_period, counted_by, owed_until, settle
from app.domain.contract import Contract, Move, WhilePaused
from app.domain.credits import Billed
from app.domain.errors import Conflict
from app.domain.guards import checked, refuse_ended, refuse_unchangeable
from app.domain.lifecycle import check_transition
from app.domain.lines import NOTHING, WHOLE, Line, LineKind
from app.domain.periods import Period, Schedule
from app.domain.proration import charges, first_fraction
from app.domain.terms import Billing, ProrationMode, Terms
from app.domain.trials import trial_end
from app.domain.zones import instant, to_wall


class CancelMode(StrEnum):
    """When a cancellation takes effect."""

    NOW = "now"
    PERIOD_END = "period_end"


def start(terms: Terms, at: datetime, timezone: str, anchor: Anchor = ANNIVERSARY, trial_days: int = 0) -> Move:
    """A new subscription at the instant `at`: in its trial if it has one, else in its first paid period.

    The trial counts calendar days in the customer's zone, and the anchor is found at its end: an anniversary is that
    of the first paid period. Raises InvalidInput for what `trial_end` and `schedule_from` refuse.
    """
    begin = instant(at, "start_at")
    paid_from = trial_end(begin, trial_days, timezone)
    schedule = schedule_from(paid_from, terms.recurrence, timezone, anchor)
    if trial_days:
        return Move(Contract("trialing", terms, schedule, Period(begin, paid_from), paid_from, begin, NOTHING))
    first = schedule.first_period(begin)
    contract = Contract("active", terms, schedule, first, begin, begin)
    return open_period(contract, first, first_fraction(schedule, first, terms))


def renew(contract: Contract) -> Move:
    """The turn at the end of the current period: what it owes in arrears, then the next period, or the end.

    A trial turns into the first paid period; terms chosen for the next period begin, and when they recur differently
    the new rhythm is anchored at the turn. Raises Conflict for a subscription that has ended (`subscription_ended`)
    or stands still in a pause (`subscription_paused`).
    """
    refuse_ended(contract)
    if contract.is_paused(WhilePaused.SKIP) and not contract.cancel_at_period_end:
        raise Conflict("The subscription is paused: resume it before it is billed again.", code="subscription_paused")
    turn = contract.period.end
    owed = owed_until(contract, turn, contract.terms.proration.counted)
    if contract.cancel_at_period_end:
        return Move(_ended(contract, turn), owed)
    current = with_next_terms(contract, turn)
    opened = _first_paid(current, turn) if contract.in_trial else _next(current, turn)
    return Move(opened.contract, owed + opened.lines)


def change(contract: Contract, terms: Terms, at: datetime, mode: ProrationMode | None = None) -> Move:
    """Other terms (plan, quantity, interval) from the instant `at` in the current period.

    `mode` is how the rest of the period is paid; left out, the old terms' rule for upgrades or downgrades decides. An
    item that stays as it is is neither credited nor charged. A change of interval starts a new period at `at`, anchored
    there and paid whole, and credits the unused old time, unless the mode is `none` or `next_period`; `full` asks for
    no more than that whole new period. During a trial nothing is charged and the trial goes on.
    Raises Conflict for a status that cannot change; InvalidInput for an instant outside the current period
    (`outside_period`), before the last change (`clock_backwards`), or another currency (`currency_mismatch`).
    Example: 30.00 to 60.00 with 14/31 of the period left, by day: -13.55 and +27.10.
    """
    moment = checked(contract, at)
    refuse_unchangeable(contract, terms)
    chosen = mode or contract.terms.mode_of_change(terms)
    changed = replace(contract, changed_at=moment, next_terms=None)
    if chosen is ProrationMode.NEXT_PERIOD:
        return Move(replace(changed, next_terms=terms))
    if contract.in_trial:
        schedule = replace(contract.schedule, recurrence=terms.recurrence)
        return Move(replace(changed, terms=terms, schedule=schedule))
    if contract.terms.same_rhythm(terms):
        return change_in_period(changed, terms, moment, chosen)
    return _change_of_rhythm(changed, terms, moment, chosen)


def cancel(contract: Contract, at: datetime, mode: CancelMode, credit: ProrationMode = ProrationMode.NONE) -> Move:
    """The end of a subscription, now or with the current period (with the trial, during one).

    Now: `credit` by `second` or `day` gives back unused paid time and `none` does not; in arrears the time used is
    billed. At period end no paid time is left, so that no way of counting it gives anything back.
    Raises like `change`, and InvalidInput (`invalid_credit`) for another mode of credit.
    """
    moment = checked(contract, at)
    if mode is CancelMode.PERIOD_END:
        return Move(replace(contract, cancel_at_period_end=True, changed_at=moment))
    lines, _ = settle(contract, moment, credit)
    return Move(_ended(contract, moment), lines)


def uncancel(contract: Contract, at: datetime) -> Move:
    """Takes back a cancellation that has not happened yet; the subscription renews as before.

    Raises Conflict when it has ended already (`subscription_ended`) or none was planned (`not_canceling`).
    """
    moment = checked(contract, at)
    if not contract.cancel_at_period_end:
        raise Conflict("No cancellation is planned for this subscription.", code="not_canceling")
    return Move(replace(contract, cancel_at_period_end=False, changed_at=moment))


def open_period(contract: Contract, period: Period, fraction: Fraction) -> Move:
    """The contract in a new period that costs `fraction` of a whole one; in advance, with its lines to invoice."""
    terms = contract.terms
    lines: tuple[Line, ...] = ()
    if terms.billing is Billing.IN_ADVANCE:
        payable = NOTHING if contract.is_paused(WhilePaused.FREE) else fraction
        lines = charges(LineKind.RECURRING, terms.items, terms, period, payable, terms.proration.counted)
    opened = replace(
        contract,
        period=period,
        fraction=fraction,
        since=period.start,
        changed_at=period.start,
        billed=tuple(Billed.of(line) for line in lines),
        pending=(),
        accrues=None,
    )
    return Move(opened, lines)


def with_next_terms(contract: Contract, turn: datetime) -> Contract:
    """The contract on the terms chosen for its next period, if any; another rhythm is anchored at the turn."""
    terms = contract.next_terms
    if terms is None:
        return contract
    schedule = contract.schedule
    if not contract.terms.same_rhythm(terms):
        schedule = Schedule(terms.recurrence, to_wall(turn, schedule.timezone), schedule.timezone)
    return replace(contract, terms=terms, schedule=schedule, next_terms=None)


def _next(contract: Contract, turn: datetime) -> Move:
    return open_period(contract, contract.schedule.next_period(turn), WHOLE)


def _first_paid(contract: Contract, trial_end: datetime) -> Move:
    """The first paid period after a trial; a pause that interrupts it goes on, and will resume as active."""
    pause = contract.pause and replace(contract.pause, status="active")
    status = "paused" if pause else "active"
    first = contract.schedule.first_period(trial_end)
    fraction = first_fraction(contract.schedule, first, contract.terms)
    return open_period(replace(contract, status=status, pause=pause), first, fraction)


def _change_of_rhythm(contract: Contract, terms: Terms, at: datetime, mode: ProrationMode) -> Move:
    """Ends the period at `at` and starts one of the new interval there."""
    credit = mode if mode is ProrationMode.NONE else counted_by(contract, mode)
    lines, _ = settle(contract, at, credit)
    schedule = Schedule(terms.recurrence, to_wall(at, contract.schedule.timezone), contract.schedule.timezone)
    opened = open_period(replace(contract, terms=terms, schedule=schedule), schedule.first_period(at), WHOLE)
    return Move(opened.contract, lines + opened.lines)


def _ended(contract: Contract, at: datetime) -> Contract:
    check_transition("subscription", contract.status, "canceled")
    return replace(
        contract, status="canceled", changed_at=at, billed=(), pending=(), accrues=None, next_terms=None, pause=None
    )
