"""Where they stand with an invoice that is late: what was tried, what comes next and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.dunning import FinalAction, StepKind
from app.domain.reminders import Stage, StageState, reminder_list
from app.models import Invoice, Tenant
from app.services.dunning import debt_of, rules_of
from app.web.invoice_status import is_late

DONE, TO_COME = StageState.DONE, (StageState.DUE, StageState.PLANNED)

# What a stage is to the customer, once it is over and while it is to come.
WORDS: Mapping[StepKind, tuple[str, str]] = {
    StepKind.REMINDER: ("We reminded you by mail", "We will remind you by mail"),
    StepKind.RETRY: ("We tried your payment method again", "We will try your payment method again"),
    StepKind.FINAL: ("The last day to pay was over", "Last day to pay"),
}
ENDINGS: Mapping[FinalAction, str] = {
    FinalAction.CANCEL: "After that, the subscription is canceled.",
    FinalAction.UNPAID: "After that, the subscription is suspended.",
}
ICONS: Mapping[StepKind, str] = {StepKind.REMINDER: "envelope", StepKind.RETRY: "arrow-repeat", StepKind.FINAL: "flag"}


@dataclass(frozen=True, slots=True)
class Reminder:
    """A stage in the customer's words. `is_next` marks the first one to come."""

    at: datetime
    icon: str
    text: str
    note: str | None
    is_over: bool
    is_next: bool = False


def told(invoice: Invoice, tenant: Tenant, at: datetime) -> Sequence[Reminder]:
    """The stages of a late invoice from old to new; none before anything went wrong with it, nor after it is paid."""
    if not (is_late(invoice, at) or (invoice.status == "open" and invoice.first_failed_at)):
        return ()
    rules, debt = rules_of(tenant), debt_of(invoice)
    stages = [stage for stage in reminder_list(rules, debt, at) if stage.state in (DONE, *TO_COME)]
    following = next((stage for stage in stages if stage.state in TO_COME), None)
    ending = ENDINGS.get(rules.final_action) if invoice.subscription_id else None
    return _failure(invoice) + [_words(stage, following, ending) for stage in stages]


def _failure(invoice: Invoice) -> list[Reminder]:
    if invoice.first_failed_at is None:
        return []
    return [Reminder(invoice.first_failed_at, "x-circle", "A payment did not go through", None, is_over=True)]


def _words(stage: Stage, following: Stage | None, ending: str | None) -> Reminder:
    over = stage.state is DONE
    text = WORDS[stage.kind][0 if over else 1]
    note = ending if stage.kind is StepKind.FINAL else None
    return Reminder(stage.at, ICONS[stage.kind], text, note, over, stage is following)
