"""Pausing a subscription and resuming it; what is billed meanwhile is a choice (`WhilePaused`)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from app.domain.changes import owed_until, settle
from app.domain.contract import Contract, Move, Pause, WhilePaused
from app.domain.credits import Billed
from app.domain.errors import Conflict, InvalidInput
from app.domain.guards import checked, refuse_unpausable
from app.domain.lifecycle import check_transition
from app.domain.lines import LineKind
from app.domain.periods import Period
from app.domain.proration import charges, share
from app.domain.subscriptions import open_period, with_next_terms
from app.domain.terms import Billing, ProrationMode
from app.domain.zones import instant


def pause(
    contract: Contract,
    at: datetime,
    resume_at: datetime | None = None,
    billing: WhilePaused = WhilePaused.SKIP,
    credit: ProrationMode = ProrationMode.NONE,
) -> Move:
    """A pause from `at` in the current period until it is resumed; `resume_at` says when that is planned.

    With `skip`, `credit` says what becomes of time paid in advance: `second` or `day` give back the unused part, `none`
    keeps it for the customer to come back to; in arrears the used time is billed at once. With `free` and `bill`
    nothing is settled, and what is paid stays paid. A trial does not stop for a pause.
    Raises Conflict when it is paused already (`pause_overlaps`), InvalidInput for a resumption that is not after the
    pause (`resume_before_pause`), and what `guards.checked` and `guards.refuse_unpausable` refuse.
    """
    _refuse_overlap(contract)
    moment = checked(contract, at)
    until = instant(resume_at, "resume_at") if resume_at else None
    if until and until <= moment:
        raise InvalidInput("A pause must end after it starts.", code="resume_before_pause", field="resume_at")
    refuse_unpausable(contract)
    check_transition("subscription", contract.status, "paused")
    pausing = Pause(moment, until, billing, contract.status)
    paused = replace(contract, status="paused", changed_at=moment, pause=pausing)
    return _BEGINNINGS[billing](paused, moment, credit)


def resume(contract: Contract, at: datetime) -> Move:
    """The end of a pause, planned or not; the subscription goes on with the status it had.

    After `skip`, time still paid for is used up first; else the rest of the period from `at` on is charged, the one
    that runs or, if it has ended, the one of the schedule around `at`. After `free` and `bill` periods have gone on.
    Raises Conflict when it is not paused (`not_paused`), InvalidInput for an instant before the pause.
    """
    paused = contract.pause
    if paused is None:
        raise Conflict("The subscription is not paused.", code="not_paused")
    moment = checked(contract, at)
    resumed = replace(contract, status=paused.status, pause=None, changed_at=moment)
    if paused.billing is WhilePaused.SKIP:
        return _resume_period(resumed, moment) if moment < contract.period.end else _resume_later(resumed, moment)
    if paused.billing is WhilePaused.FREE:
        return Move(_cut(resumed, contract, moment))
    return Move(resumed)


def _begin_skip(contract: Contract, at: datetime, credit: ProrationMode) -> Move:
    if contract.in_trial:
        return Move(contract)
    lines, kept = settle(contract, at, credit)
    return Move(replace(contract, billed=kept, pending=(), since=contract.period.end), lines)


def _begin_free(contract: Contract, at: datetime, _credit: ProrationMode) -> Move:
    return Move(_cut(contract, replace(contract, pause=None), at))


def _begin_bill(contract: Contract, _at: datetime, _credit: ProrationMode) -> Move:
    return Move(contract)


_BEGINNINGS: Mapping[WhilePaused, Callable[[Contract, datetime, ProrationMode], Move]] = {
    WhilePaused.SKIP: _begin_skip,
    WhilePaused.FREE: _begin_free,
    WhilePaused.BILL: _begin_bill,
}


def _cut(after: Contract, before: Contract, at: datetime) -> Contract:
    """In arrears, puts the time up to `at` on the next invoice at what it costs `before`, free or not."""
    if after.owing is None or after.in_trial:
        return after
    return replace(after, pending=owed_until(before, at, before.terms.proration.counted), since=at)


def _resume_period(contract: Contract, at: datetime) -> Move:
    """In the period that was interrupted: nothing for time already paid, else a charge for the rest of it."""
    if contract.in_trial or any(at < billed.period.end for billed in contract.billed):
        return Move(contract)
    terms, mode = contract.terms, contract.terms.proration.counted
    if terms.billing is Billing.IN_ARREARS:
        return Move(replace(contract, since=at))
    rest = Period(at, contract.period.end)
    fraction = contract.fraction * share(at, rest.end, contract.period, mode, contract.schedule.timezone)
    lines = charges(LineKind.PRORATION_CHARGE, terms.items, terms, rest, fraction, mode)
    return Move(replace(contract, billed=contract.billed + tuple(Billed.of(line) for line in lines)), lines)


def _resume_later(contract: Contract, at: datetime) -> Move:
    """In a later period: a first period from `at` to the schedule's next boundary, prorated."""
    status = "active" if contract.in_trial else contract.status
    current = with_next_terms(replace(contract, status=status), at)
    first, whole = current.schedule.first_period(at), current.schedule.period_containing(at)
    mode = current.terms.proration.counted
    return open_period(current, first, share(first.start, first.end, whole, mode, current.schedule.timezone))


def _refuse_overlap(contract: Contract) -> None:
    paused = contract.pause
    if paused:
        end = f"until {paused.resume_at:%Y-%m-%d}" if paused.resume_at else "until it is resumed"
        raise Conflict(
            f"The subscription is already paused, {end}: resume it before it is paused again.", code="pause_overlaps"
        )
