"""Usage on its way onto invoices: what a batch of subscriptions used, and what earlier invoices of theirs missed.

A fixed number of statements for a whole batch, and none where no plan charges for usage. What was missed is read at the
turn of a period only, because that locks it; what a change bills inside of one is the same as its preview said.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from app.domain.derivation import Derivation, Step
from app.domain.invoicing import DraftLine
from app.domain.lines import LineKind, money_text
from app.domain.money import Money
from app.domain.periods import Period
from app.domain.taxes import TaxTreatment
from app.models import Plan, Subscription
from app.services import recounts, usage
from app.services.invoice_rows import BillLine
from app.services.recounts import Missed
from app.services.usage import Used


@dataclass(slots=True)
class Reading:
    """What one subscription used in the time that is billed, and what was missed of earlier periods."""

    used: list[Used] = field(default_factory=list)
    missed: list[Missed] = field(default_factory=list)


def read(windows: Sequence[tuple[Subscription, Plan, Period]], at: datetime | None = None) -> dict[str, Reading]:
    """What was used, by subscription id; windows of plans that do not charge for usage have none.

    With `at`, also what earlier invoices of the same subscriptions missed, for whoever bills them then: it belongs on
    the invoice of their next period. One statement, and one more with `at`.
    """
    uses = usage.uses_of(windows)
    waiting = recounts.waiting({use.subscription_id for use in uses}) if at and uses else []
    counted = usage.measured([*uses, *map(recounts.use_of, waiting)])
    found: dict[str, Reading] = defaultdict(Reading)
    for used in counted[: len(uses)]:
        found[used.use.subscription_id].used.append(used)
    for missed in recounts.compared(waiting, counted[len(uses) :], at) if at else ():
        found[missed.kept.subscription_id].missed.append(missed)
    return found


def foretold(windows: Sequence[tuple[Subscription, Plan, Period]]) -> dict[str, Reading]:
    """What would be billed if nothing more were used and nothing more came late: for previews, nothing is locked."""
    found = read(windows)
    for missed in recounts.would_be_missed(list(found)):
        found[missed.kept.subscription_id].missed.append(missed)
    return found


def keep(billed: Sequence[tuple[Reading, str | None]], at: datetime) -> None:
    """Remember what was billed of these readings, and on which invoice."""
    recounts.settle([missed for reading, _ in billed for missed in reading.missed], at)
    uses = [(used, invoice_id) for reading, invoice_id in billed for used in reading.used]
    usage.keep([(used, used.priced().amount, invoice_id if _counts(used) else None) for used, invoice_id in uses], at)


def lines(reading: Reading, plan: Plan, treatment: TaxTreatment) -> list[BillLine]:
    """The lines of a reading. What was not used and costs nothing has none."""
    drafts = [(used, _used_draft(used, plan, treatment)) for used in reading.used if _counts(used)]
    drafts += [(missed.now, _missed_draft(missed, plan, treatment)) for missed in reading.missed]
    return [_line(used, draft, plan) for used, draft in drafts]


def corrected_line(missed: Missed, given_back: Money, plan: Plan, treatment: TaxTreatment) -> BillLine:
    """The line that takes the place of those a credit note gives back, `given_back` being their amounts: 65.00 by now
    for 60.00 invoiced and given back, or the 5.00 that are missing if nothing was."""
    return _line(missed.now, _missed_draft(missed, plan, treatment, given_back), plan)


def _counts(used: Used) -> bool:
    return bool(used.quantity or used.priced().amount)


def _line(used: Used, draft: DraftLine, plan: Plan) -> BillLine:
    charge, category = used.use.charge, plan.product.tax_category
    return BillLine(LineKind.USAGE, draft, used.use.period, charge.plan_id, category, charge_id=charge.id)


def _used_draft(used: Used, plan: Plan, treatment: TaxTreatment) -> DraftLine:
    priced = used.priced()
    return _draft(used, used.quantity, priced.amount, priced.derivation, plan, treatment)


def _missed_draft(missed: Missed, plan: Plan, treatment: TaxTreatment, given_back: Money | None = None) -> DraftLine:
    """61.00 by now less 60.00 invoiced are 1.00 to pay; if the 60.00 are given back, it is 61.00."""
    now, nothing = missed.now, Money(0, missed.amount.currency)
    stays = Money(missed.kept.amount_minor, missed.amount.currency) - (given_back or nothing)
    amount, derivation = missed.amount + (given_back or nothing), now.priced().derivation
    if given_back and not stays:
        return _draft(now, now.quantity, amount, derivation, plan, treatment, " (corrected)")
    given = Step("given", f"Less {stays} invoiced before", money_text(amount), {"amount": money_text(-stays)})
    return _draft(now, missed.quantity, amount, (*derivation, given), plan, treatment, " (came late)")


def _draft(
    used: Used,
    quantity: Decimal,
    amount: Money,
    derivation: Derivation,
    plan: Plan,
    treatment: TaxTreatment,
    note: str = "",
) -> DraftLine:
    charge = used.use.charge
    inclusive = plan.tax_behavior == "inclusive"
    unit = charge.pricing.unit_price
    return DraftLine(charge.name + note, amount, quantity, unit, treatment, inclusive, derivation=derivation)
