"""The money of a change inside a period: what the old terms give back or owe, and what the new ones cost."""

from dataclasses import replace
from datetime import datetime

from app.domain.contract import Contract, Move, WhilePaused
from app.domain.credits import Billed
from app.domain.errors import InvalidInput
from app.domain.lines import NOTHING, Line, LineKind
from app.domain.periods import Period
from app.domain.proration import charges, credits_from, share
from app.domain.terms import COUNTED, Billing, Item, ProrationMode, Terms


def settle(contract: Contract, at: datetime, credit: ProrationMode) -> tuple[tuple[Line, ...], tuple[Billed, ...]]:
    """The lines when the current terms end at `at`, before their period does, and what stays billed.

    Time used in arrears is owed, whatever `credit` says; time paid in advance and not used is given back by `second` or
    by `day`, or with `none` not at all. Raises InvalidInput (`invalid_credit`) for other modes.
    """
    if credit not in COUNTED and credit is not ProrationMode.NONE:
        raise InvalidInput(
            f"Unused time is credited by second, day or none, not “{credit}”.", code="invalid_credit", field="credit"
        )
    credited, kept = credits_from(contract.billed, at, credit, contract.schedule.timezone)
    owed = owed_until(contract, min(at, contract.period.end), counted_by(contract, credit))
    return owed + credited, kept


def owed_until(contract: Contract, until: datetime, mode: ProrationMode) -> tuple[Line, ...]:
    """In arrears: the lines that wait for the period's invoice, and the time from the last of them to `until`."""
    terms, period = contract.owing, contract.period
    if terms is None or until <= contract.since:
        return contract.pending
    part = share(contract.since, until, period, mode, contract.schedule.timezone)
    fraction = NOTHING if contract.is_paused(WhilePaused.FREE) else contract.fraction * part
    stretch = Period(contract.since, until)
    return contract.pending + charges(LineKind.RECURRING, terms.items, terms, stretch, fraction, mode)


def counted_by(contract: Contract, mode: ProrationMode) -> ProrationMode:
    """How parts of a period are counted under a mode: its own way if it has one, else that of the terms."""
    return mode if mode in COUNTED else contract.terms.proration.counted


def change_in_period(contract: Contract, terms: Terms, at: datetime, mode: ProrationMode) -> Move:
    """Other terms of the same rhythm from `at` on: credits first, then charges, each only for items that change."""
    kept_items = _untouched(contract, terms, at, mode)
    touched = [billed for billed in contract.billed if billed.item not in kept_items]
    untouched = tuple(billed for billed in contract.billed if billed.item in kept_items)
    credited, left = credits_from(touched, at, mode, contract.schedule.timezone)
    charged = _charged(contract, terms, [item for item in terms.items if item not in kept_items], at, mode)
    changed = replace(
        _accrued(contract, at, mode),
        terms=terms,
        billed=untouched + left + tuple(Billed.of(line) for line in charged),
    )
    return Move(changed, credited + charged)


def _untouched(contract: Contract, new: Terms, at: datetime, mode: ProrationMode) -> frozenset[Item]:
    """Items that are paid for already and go on as they are. With `full` none is: the whole period is paid anew."""
    if mode is ProrationMode.FULL or new.billing is Billing.IN_ARREARS:
        return frozenset()
    paid = frozenset(billed.item for billed in contract.billed if at < billed.period.end)
    return paid & frozenset(new.items)


def _charged(
    contract: Contract, terms: Terms, items: list[Item], at: datetime, mode: ProrationMode
) -> tuple[Line, ...]:
    if terms.billing is Billing.IN_ARREARS or mode is ProrationMode.NONE:
        return ()
    period, fraction = contract.period, contract.fraction
    if mode in COUNTED:
        period = Period(at, period.end)
        fraction *= share(at, period.end, contract.period, mode, contract.schedule.timezone)
    if not fraction:
        return ()
    return charges(LineKind.PRORATION_CHARGE, items, terms, period, fraction, mode)


def _accrued(contract: Contract, at: datetime, mode: ProrationMode) -> Contract:
    """What the period owes in arrears up to a change: `full` nothing, `none` goes on as before, else the time used."""
    period, owing = contract.period, contract.owing
    if mode is ProrationMode.FULL:
        return replace(contract, pending=(), since=period.start, accrues=None)
    if mode is ProrationMode.NONE:
        return replace(contract, since=contract.since if owing else period.end, accrues=owing)
    return replace(contract, pending=owed_until(contract, at, mode), since=at, accrues=None)
