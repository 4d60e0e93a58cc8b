"""Another plan, quantity or interval for a subscription: asked for its price, changed, or planned for the next period.

Preview and change are one function at one instant, so the charge equals the preview to the cent (issue 3).
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from app.domain import subscriptions as rules
from app.domain.contract import Contract
from app.domain.errors import Conflict, InvalidInput
from app.domain.invoicing import InvoiceTotals
from app.domain.money import Money
from app.domain.terms import ProrationMode
from app.models import Plan, Subscription
from app.queries.base import get
from app.services.contracts import terms_of
from app.services.events import emit
from app.services.history import audit
from app.services.issuing import totals_of
from app.services.sellable import check_quantity, sellable_plan
from app.services.subscription_moves import Reckoned, carry_out, reckon


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscription is to be on; what is left out stays. Without a mode, its plan decides how it is prorated."""

    plan_id: str | None = None
    quantity: int | None = None
    mode: ProrationMode | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a change at `at` means: the invoice it brings now (None: none), and when the new terms begin. With a
    `review_reason` that invoice is set aside until somebody has looked at it.

    `fingerprint` names everything that the customer would agree to; the change can be asked to match it.
    """

    reckoned: Reckoned
    plan: Plan
    quantity: int
    totals: InvoiceTotals | None
    review_reason: str | None = None

    @property
    def at(self) -> datetime:
        return self.reckoned.as_of

    @property
    def after(self) -> Contract:
        """Where the subscription stands with the change."""
        return self.reckoned.turn.after

    @property
    def starts_at(self) -> datetime:
        """When the new terms begin: now, or with the next period."""
        return self.after.period.end if self.after.next_terms else self.at

    @property
    def due_now(self) -> Money:
        """What the customer pays now, after their balance. Zero too when they are given something back."""
        asked = self.totals.total.minor if self.totals else 0
        customer = self.reckoned.turn.customer
        return Money(max(asked - max(customer.balance_minor, 0), 0) if asked > 0 else 0, customer.currency)

    @property
    def to_balance(self) -> Money:
        """What the customer is given back, spent on their next invoices."""
        asked = self.totals.total.minor if self.totals else 0
        return Money(max(-asked, 0), self.reckoned.turn.customer.currency)

    @property
    def fingerprint(self) -> str:
        said = json.dumps([self.reckoned.turn.row.id, self.plan.id, self.quantity, self._begins(), self._money()])
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def _begins(self) -> str:
        return self.starts_at.isoformat() if self.after.next_terms else "now"

    def _money(self) -> list[Any]:
        if self.totals is None:
            return []
        lines = [(one.draft.description, one.draft.amount.minor, one.discount.minor) for one in self.totals.lines]
        return [self.totals.currency, self.totals.tax.minor, self.totals.total.minor, lines]


def preview(subscription_id: str, wanted: Wanted, at: datetime, *, as_of: datetime | None = None) -> Quote:
    """What a change would mean, with nothing written. `as_of` and refusals are those of `change`."""
    return _quote(get(Subscription, subscription_id), wanted, as_of or at, at)


def change(
    subscription_id: str,
    wanted: Wanted,
    at: datetime,
    *,
    as_of: datetime | None = None,
    fingerprint: str | None = None,
) -> Subscription:
    """Put a subscription on another plan or quantity at `as_of` (now unless given), and invoice what that costs.

    `as_of` is the instant of a preview, in the current period and not to come; `fingerprint` is what that preview gave.
    With the mode `next_period` the change is kept for the next period, until `withdraw` takes it back. Raises
    InvalidInput (`nothing_to_change`, `in_future`, `outside_period`, `clock_backwards`, `currency_mismatch`, ...) or
    Conflict (`price_moved`, `plan_archived`, or a status that cannot change), naming the field.
    """
    row = get(Subscription, subscription_id, lock=True)
    quote = _quote(row, wanted, as_of or at, at)
    if fingerprint and fingerprint != quote.fingerprint:
        raise Conflict(
            "The price is no longer what it was when you looked: look at it again.",
            code="price_moved",
            field="fingerprint",
        )
    invoice_id = carry_out(quote.reckoned, "changed")
    sold = {"plan": quote.plan.id, "quantity": quote.quantity}
    audit("subscription.change", row.id, at, **sold, starts_at=quote.starts_at.isoformat(), invoice=invoice_id)
    if quote.after.next_terms:
        emit("subscription.updated", row.id, at, customer_id=row.customer_id, change="planned", **sold)
    else:
        emit("subscription.changed", row.id, at, customer_id=row.customer_id, **sold, invoice=invoice_id)
    return row


def withdraw(subscription_id: str, at: datetime) -> Subscription:
    """Take back a change that was to begin with the next period. Raises Conflict when none is planned."""
    row = get(Subscription, subscription_id, lock=True)
    if row.next_plan_id is None:
        raise Conflict("No change is planned for this subscription.", code="no_change_planned")
    row.next_plan_id = row.next_quantity = None
    audit("subscription.withdraw_change", row.id, at)
    emit("subscription.updated", row.id, at, customer_id=row.customer_id, change="plan_kept")
    return row


def _quote(row: Subscription, wanted: Wanted, as_of: datetime, at: datetime) -> Quote:
    if as_of > at:
        raise InvalidInput(
            "A change takes place now or has taken place: plan it for the next period with next_period.",
            code="in_future",
            field="at",
        )
    plan, quantity = _wanted(row, wanted)
    rule = partial(rules.change, terms=terms_of(plan, quantity), at=as_of, mode=wanted.mode)
    reckoned = reckon(row, rule, as_of, at, [plan])
    if reckoned.billable.bill is None:
        return Quote(reckoned, plan, quantity, None)
    bill = reckoned.biller.previewed(reckoned.billable.bill)
    return Quote(reckoned, plan, quantity, totals_of(bill), reckoned.biller.to_review(bill))


def _wanted(row: Subscription, wanted: Wanted) -> tuple[Plan, int]:
    if wanted.plan_id is None and wanted.quantity is None:
        raise InvalidInput("Give another plan, another quantity or both.", code="missing", field="plan")
    plan = row.plan if wanted.plan_id in (None, row.plan_id) else sellable_plan(wanted.plan_id or "")
    quantity = row.quantity if wanted.quantity is None else wanted.quantity
    check_quantity(quantity)
    if (plan.id, quantity) == (row.plan_id, row.quantity):
        raise InvalidInput(
            f"It is on {plan.name} for a quantity of {quantity} already.", code="nothing_to_change", field="plan"
        )
    return plan, quantity
