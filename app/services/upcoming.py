"""Invoices to come, reckoned by the rules that will issue them, with nothing written."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.domain import subscriptions as rules
from app.domain.contract import WhilePaused
from app.domain.invoicing import InvoiceTotals
from app.domain.lines import Line
from app.domain.money import Money
from app.domain.periods import Period
from app.domain.subscription_invoices import billed_part, part_of
from app.models import Coupon, Customer, Plan, Subscription
from app.services import coupons, metering
from app.services.billing import Biller
from app.services.contracts import Plans, contract_of, plans_of, sold_in, terms_of
from app.services.grants import Grant
from app.services.invoice_rows import Bill
from app.services.issuing import totals_of
from app.services.metering import Reading
from app.services.turns import renewal


@dataclass(frozen=True, slots=True)
class Upcoming:
    """An invoice that will be issued at `at` for `period`. `trial_end_at`: it is the first one after a trial.

    `from_balance` is what the customer's balance will pay of it; below zero it is a debt that goes onto it. With a
    `review_reason` it is set aside until somebody has looked at it.
    """

    at: datetime
    period: Period
    totals: InvoiceTotals
    from_balance: Money
    trial_end_at: datetime | None = None
    review_reason: str | None = None

    @property
    def due(self) -> Money:
        """What will be left to pay."""
        return self.totals.total - self.from_balance


def first_invoice(
    customer: Customer,
    plan: Plan,
    at: datetime,
    *,
    quantity: int = 1,
    trial_days: int | None = None,
    coupon: str | None = None,
) -> Upcoming | None:
    """What a customer would first be asked for if the plan were sold to them at `at`. None if never for anything.

    Raises InvalidInput or Conflict for what selling would refuse in quantity, trial, place or coupon.
    """
    trial = plan.trial_days if trial_days is None else trial_days
    opened = rules.start(terms_of(plan, quantity), at, customer.timezone, trial_days=trial)
    trial_end = opened.contract.period.end if trial else None
    turned = rules.renew(opened.contract) if trial else opened
    sold = _Sold(customer, Plans([plan]), coupon=coupons.redeemable(coupon, customer, at) if coupon else None)
    return _reckoned(sold, turned.lines, trial_end or at, turned.contract.period, trial_end)


def next_invoice(row: Subscription, customer: Customer, plan: Plan) -> Upcoming | None:
    """The invoice at the next turn of a subscription's period, if nothing is used or changed until then: with the usage
    so far. None when it is not billed again."""
    if row.next_billing_at is None:
        return None
    plans = plans_of([row], [plan])
    contract = contract_of(row, plans)
    if contract.is_paused(WhilePaused.SKIP):
        return None
    turn = renewal(row, customer, contract)
    trial_end = row.trial_end_at if row.status == "trialing" else None
    metered = [(row, plans[row.plan_id], turn.metered)] if turn.metered else []
    sold = _Sold(customer, plans, row, reading=metering.foretold(metered).get(row.id, Reading()))
    return _reckoned(sold, turn.move.lines, contract.period.end, turn.after.period, trial_end)


@dataclass(frozen=True, slots=True)
class _Sold:
    """Who pays for which plans: with a subscription that runs, or one to be, and a coupon that would come with it."""

    customer: Customer
    plans: Plans
    row: Subscription | None = None
    coupon: Coupon | None = None
    reading: Reading = field(default_factory=Reading)

    @property
    def is_released(self) -> bool:
        """Whether somebody has looked at the bill that is due."""
        at = self.row.released_at if self.row else None
        return bool(self.row and at and self.row.next_billing_at and at >= self.row.next_billing_at)

    def bill(self, biller: Biller, lines: Sequence[Line], period: Period) -> Bill:
        """These lines as a bill, with what was used."""
        if self.row:
            reason = "preview"
            return biller.subscription_bill(
                self.row, self.plans, self.customer, lines, self.reading, reason=reason, period=period
            )
        sold = [biller.sold_line(self.customer, self.plans[sold_in(line.item.ref)[0]], line) for line in lines]
        return Bill(self.customer, tuple(sold), "preview", None, period, part=billed_part(lines))


def _reckoned(
    sold: _Sold, lines: Sequence[Line], at: datetime, period: Period, trial_end: datetime | None
) -> Upcoming | None:
    """With the items that wait and the coupons at work, as issuing would add them; the new coupon comes last."""
    biller = Biller(at)
    plain = sold.bill(biller, lines, period)
    if not plain.lines:
        return None
    bill = biller.previewed(plain)
    added = part_of(sold.coupon.discount, bill.part) if sold.coupon else None
    totals = totals_of(replace(bill, discounts=(*bill.discounts, Grant(added))) if added else bill)
    balance = Money(sold.customer.balance_minor, sold.customer.currency)
    concern = None if sold.is_released else biller.to_review(plain) or biller.to_review(bill)
    return Upcoming(at, period, totals, min(balance, totals.total), trial_end, concern)
