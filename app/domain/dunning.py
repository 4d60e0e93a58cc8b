"""Dunning: what happens next with an invoice that is not paid, when, and why (issue 3, dunning).

Pure rules over a `Debt`: whoever collects asks `next_step` after each event, does what it says at its instant, and
keeps nothing but the debt. Paid in any way, a debt is no longer open, and there is no next step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.declines import decline_for
from app.domain.errors import InvalidInput
from app.domain.zones import add_days, local_date

MAX_DAYS = 365


class FinalAction(StrEnum):
    """What becomes of the subscription when everything was tried."""

    CANCEL = "cancel"
    UNPAID = "unpaid"
    KEEP_PAST_DUE = "keep_past_due"


class StepKind(StrEnum):
    """What a step does. When two fall on one instant, they are taken in this order."""

    REMINDER = "reminder"
    RETRY = "retry"
    FINAL = "final"


ORDER = {kind: position for position, kind in enumerate(StepKind)}


@dataclass(frozen=True, slots=True)
class DunningRules:
    """A tenant's choice, in whole calendar days of the customer's zone, ascending.

    `retry_days` count from the first failure (from the due date when the customer pays by hand), and the last of them
    is when the final action comes. Reminders count from the due date. Raises InvalidInput (`invalid_days`).
    """

    retry_days: tuple[int, ...] = (1, 3, 5, 7)
    final_action: FinalAction = FinalAction.CANCEL
    remind_before_days: tuple[int, ...] = (3,)
    remind_after_days: tuple[int, ...] = (1, 3, 7)

    def __post_init__(self) -> None:
        for name in ("retry_days", "remind_before_days", "remind_after_days"):
            days = getattr(self, name)
            ascending = list(days) == sorted(set(days))
            if not ascending or not all(type(day) is int and 1 <= day <= MAX_DAYS for day in days):
                raise InvalidInput(
                    f"{name} must be ascending whole days from 1 to {MAX_DAYS}.", code="invalid_days", field=name
                )


@dataclass(frozen=True, slots=True)
class Debt:
    """An invoice to be paid and what was tried so far. All instants are UTC; None has not happened.

    `automatic`: we charge a saved method. `decline` is our word for the last refusal, `tried_at` when that was.
    `method_changed_at`: when the customer last replaced the method. `reminded_at`: the last reminder that was sent.
    """

    due_at: datetime
    timezone: str
    automatic: bool = True
    first_failed_at: datetime | None = None
    tried_at: datetime | None = None
    decline: str | None = None
    method_changed_at: datetime | None = None
    reminded_at: datetime | None = None
    is_open: bool = True

    def is_overdue(self, at: datetime) -> bool:
        """Whether it should have been paid by now."""
        return self.is_open and self.due_at <= at

    @property
    def method_is_new(self) -> bool:
        """Whether the customer has replaced the method since it was last tried."""
        return self.method_changed_at is not None and (self.tried_at is None or self.method_changed_at > self.tried_at)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what to do from which instant on, and the sentence that says why."""

    kind: StepKind
    at: datetime
    reason: str


def next_step(rules: DunningRules, debt: Debt, at: datetime) -> Step | None:
    """What is to be done next, now or later; None when there is nothing more to do.

    A step whose instant has passed is due now. After a failure on 1 January with insufficient funds, that is a retry on
    2 January; with a stolen card, the final action on 8 January, unless the customer replaces the card before.
    """
    return min(_steps(rules, debt, at), key=lambda step: (step.at, ORDER[step.kind]), default=None)


def _steps(rules: DunningRules, debt: Debt, at: datetime) -> Iterator[Step]:
    """The next step of each kind, as far as there is one."""
    if debt.is_open:
        yield from _reminder(rules, debt, at)
        yield from _retry(rules, debt)
        yield from _final(rules, debt)


def retry_instants(rules: DunningRules, debt: Debt) -> tuple[datetime, ...]:
    """When a failed charge is tried again by the calendar, whatever the bank said; none before a first failure."""
    if not debt.automatic or debt.first_failed_at is None:
        return ()
    return tuple(add_days(debt.first_failed_at, day, debt.timezone) for day in rules.retry_days)


def reminder_instants(rules: DunningRules, debt: Debt) -> tuple[datetime, ...]:
    """When the customer is reminded, before the due date only of what they have to pay by hand."""
    before = [] if debt.automatic else [-day for day in reversed(rules.remind_before_days)]
    return tuple(add_days(debt.due_at, day, debt.timezone) for day in (*before, *rules.remind_after_days))


def final_instant(rules: DunningRules, debt: Debt) -> datetime | None:
    """When the final action comes; None while nothing has failed, or when the tenant keeps debts past due.

    It waits for the last retry, and a hard decline does not bring it forward: the customer has the same days to act.
    """
    since = debt.first_failed_at if debt.automatic else debt.due_at
    if since is None or rules.final_action is FinalAction.KEEP_PAST_DUE:
        return None
    last = add_days(since, rules.retry_days[-1], debt.timezone) if rules.retry_days else since
    return max(last, debt.tried_at or last)


def _reminder(rules: DunningRules, debt: Debt, at: datetime) -> Iterator[Step]:
    """The newest reminder that is due and was not sent, else the next one: nobody gets a pile of late reminders."""
    instants = [moment for moment in reminder_instants(rules, debt) if not is_done(moment, debt.reminded_at)]
    due = [moment for moment in instants if moment <= at]
    for moment in due[-1:] or instants[:1]:
        yield Step(StepKind.REMINDER, moment, _reminder_reason(debt, moment))


def _retry(rules: DunningRules, debt: Debt) -> Iterator[Step]:
    if not debt.automatic or debt.first_failed_at is None:
        return
    if debt.method_is_new and debt.method_changed_at:
        yield Step(StepKind.RETRY, debt.method_changed_at, "The payment method was replaced, so it is tried at once.")
    elif not decline_for(debt.decline).hard:
        left = [moment for moment in retry_instants(rules, debt) if not is_done(moment, debt.tried_at)]
        for moment in left[:1]:
            yield Step(
                StepKind.RETRY, moment, f"{decline_for(debt.decline).message} Next attempt: {_day(debt, moment)}."
            )


def _final(rules: DunningRules, debt: Debt) -> Iterator[Step]:
    moment = final_instant(rules, debt)
    if moment:
        yield Step(StepKind.FINAL, moment, f"{_FINAL_REASONS[rules.final_action]} {_day(debt, moment)}.")


_FINAL_REASONS = {
    FinalAction.CANCEL: "If it is not paid, the subscription is canceled on",
    FinalAction.UNPAID: "If it is not paid, the subscription is suspended as unpaid on",
}


def _reminder_reason(debt: Debt, moment: datetime) -> str:
    words = "is due on" if moment < debt.due_at else "was due on"
    return f"The invoice {words} {_day(debt, debt.due_at)}."


def _day(debt: Debt, moment: datetime) -> str:
    return f"{local_date(moment, debt.timezone):%Y-%m-%d}"


def is_done(moment: datetime, last: datetime | None) -> bool:
    """Whether a planned instant was served by the last time it was done."""
    return last is not None and moment <= last
