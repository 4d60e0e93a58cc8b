"""Where a subscription stands at an instant: everything its next change or renewal is computed from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from app.domain.credits import Billed
from app.domain.lines import WHOLE, Line
from app.domain.money import Money
from app.domain.periods import Period, Schedule
from app.domain.terms import Billing, Terms


class WhilePaused(StrEnum):
    """What is billed during a pause.

    - skip: nothing; the time stands still, and a resumed subscription pays from the day it resumes.
    - bill: everything, as if there were no pause.
    - free: periods go on and are invoiced at nothing, so that the record has no hole.
    """

    SKIP = "skip"
    BILL = "bill"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause from `start` until it is resumed, at `resume_at` if that is known. `status` is what it interrupted."""

    start: datetime
    resume_at: datetime | None
    billing: WhilePaused
    status: str


@dataclass(frozen=True, slots=True)
class Contract:
    """A subscription at an instant. All instants are UTC; periods are half-open.

    - `fraction`: what the current period costs as a fraction of a whole one (below 1 for a short first one).
    - `billed`: what has been invoiced in advance for the current period, with its discounts and credits.
    - `pending`, `since`: in arrears, lines waiting for the period's invoice, and from when on time is not yet in them.
    - `accrues`: older terms at which the time since then is owed, after a change that was not prorated.
    - `next_terms`: terms that begin with the next period.
    - `changed_at`: the last thing that happened to it; nothing may be dated before that.
    """

    status: str
    terms: Terms
    schedule: Schedule
    period: Period
    since: datetime
    changed_at: datetime
    fraction: Fraction = WHOLE
    billed: tuple[Billed, ...] = ()
    pending: tuple[Line, ...] = ()
    accrues: Terms | None = None
    next_terms: Terms | None = None
    cancel_at_period_end: bool = False
    pause: Pause | None = None

    @property
    def owing(self) -> Terms | None:
        """The terms at which time since `since` is owed at the end of the period; None when it is paid in advance."""
        current = self.terms if self.terms.billing is Billing.IN_ARREARS else None
        return self.accrues or current

    @property
    def in_trial(self) -> bool:
        """Whether the current period is the trial, also when a pause interrupts it."""
        return (self.pause.status if self.pause else self.status) == "trialing"

    def is_paused(self, billing: WhilePaused) -> bool:
        """Whether it is in a pause with that way of billing."""
        return self.pause is not None and self.pause.billing is billing


@dataclass(frozen=True, slots=True)
class Move:
    """What became of a subscription, and the lines to invoice now (none: no invoice)."""

    contract: Contract
    lines: tuple[Line, ...] = ()

    def discounted(self, discounts: Sequence[Money]) -> Contract:
        """The contract once the invoice has taken these discounts off the lines, so that no credit gives them back."""
        taken = {(line.item, line.period): less for line, less in zip(self.lines, discounts, strict=True)}
        billed = tuple(
            replace(stretch, discount=taken.get((stretch.item, stretch.period), stretch.discount))
            for stretch in self.contract.billed
        )
        return replace(self.contract, billed=billed)
