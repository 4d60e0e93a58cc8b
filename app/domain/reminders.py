"""The reminder list: where a customer stands with a debt, told as a list of stages."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.declines import decline_for
from app.domain.dunning import (
    ORDER,
    Debt,
    DunningRules,
    StepKind,
    final_instant,
    is_done,
    reminder_instants,
    retry_instants,
)


class StageState(StrEnum):
    """How a stage of the reminder list stands."""

    DONE = "done"
    DUE = "due"
    PLANNED = "planned"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Stage:
    """One entry of the reminder list."""

    kind: StepKind
    at: datetime
    state: StageState


def reminder_list(rules: DunningRules, debt: Debt, at: datetime) -> tuple[Stage, ...]:
    """Where the customer stands: every reminder, retry and the final action of a debt, past and to come, in order.

    Retries are dropped after a hard decline until the method is replaced, and everything to come once it is paid.
    """
    blocked = decline_for(debt.decline).hard and not debt.method_is_new
    final = final_instant(rules, debt)
    planned = (
        (StepKind.REMINDER, reminder_instants(rules, debt), debt.reminded_at, False),
        (StepKind.RETRY, retry_instants(rules, debt), debt.tried_at, blocked),
        (StepKind.FINAL, (final,) if final else (), None, False),
    )
    stages = [
        Stage(kind, moment, _state(debt, moment, last, at, dropped))
        for kind, moments, last, dropped in planned
        for moment in moments
    ]
    return tuple(sorted(stages, key=lambda stage: (stage.at, ORDER[stage.kind])))


def _state(debt: Debt, moment: datetime, last: datetime | None, at: datetime, dropped: bool) -> StageState:
    if is_done(moment, last):
        return StageState.DONE
    if dropped or not debt.is_open:
        return StageState.DROPPED
    return StageState.DUE if moment <= at else StageState.PLANNED
