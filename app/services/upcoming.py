"""Invoices to come, reckoned by the rules that will issue them, with nothing written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain import subscriptions as rules
from app.domain.contract import WhilePaused
from app.domain.invoicing import InvoiceTotals, invoice_totals
from app.domain.lines import Line
from app.domain.periods import Period
from app.models import Customer, Plan, Subscription
from app.services.billing import Biller
from app.services.contracts import Plans, contract_of, plans_of, sold_in, terms_of


@dataclass(frozen=True, slots=True)
class Upcoming:
    """An invoice that will be issued at `at` for `period`. `trial_end_at`: it is the first one after a trial."""

    at: datetime
    period: Period
    totals: InvoiceTotals
    trial_end_at: datetime | None = None


def first_invoice(
    customer: Customer, plan: Plan, at: datetime, *, quantity: int = 1, trial_days: int | None = None
) -> Upcoming | None:
    """What a customer would first be asked for if the plan were sold to them at `at`. None if never for anything.

    Raises InvalidInput for what selling would refuse in quantity, trial or place.
    """
    trial = plan.trial_days if trial_days is None else trial_days
    opened = rules.start(terms_of(plan, quantity), at, customer.timezone, trial_days=trial)
    trial_end = opened.contract.period.end if trial else None
    turned = rules.renew(opened.contract) if trial else opened
    return _reckoned(customer, {plan.id: plan}, turned.lines, trial_end or at, turned.contract.period, trial_end)


def next_invoice(row: Subscription, customer: Customer, plan: Plan) -> Upcoming | None:
    """The invoice at the next turn of a subscription's period; None when it is not billed again."""
    if row.next_billing_at is None:
        return None
    plans = plans_of([row], [plan])
    contract = contract_of(row, plans)
    if contract.is_paused(WhilePaused.SKIP):
        return None
    turned = rules.renew(contract)
    trial_end = row.trial_end_at if row.status == "trialing" else None
    return _reckoned(customer, plans, turned.lines, contract.period.end, turned.contract.period, trial_end)


def _reckoned(
    customer: Customer, plans: Plans, lines: Sequence[Line], at: datetime, period: Period, trial_end: datetime | None
) -> Upcoming | None:
    if not lines:
        return None
    biller = Biller(at)
    drafts = [biller.sold_line(customer, plans[sold_in(line.item.ref)[0]], line).draft for line in lines]
    return Upcoming(at, period, invoice_totals(drafts, customer.currency), trial_end)
