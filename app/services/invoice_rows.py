"""Bills, and the rows of invoices and lines that they become in bulk writing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from app.domain.dunning import Debt, DunningRules, next_step
from app.domain.invoicing import DraftLine, InvoiceTotals, TotalLine
from app.domain.lines import WHOLE
from app.domain.periods import Period
from app.ids import to_uuid
from app.models import Customer, Invoice, Subscription, Tenant
from app.services.bulk import json_text
from app.services.grants import Grant, grant_json
from app.services.invoice_json import buyer_of, line_tax_json, tax_json

INVOICE_COLUMNS = (
    "tenant_id id customer_id subscription_id status reason collection currency subtotal_minor"
    " discount_minor tax_minor total_minor paid_minor from_balance_minor discounts taxes notes seller"
    " buyer memo review_reason period_start period_end due_at paid_at finalize_at collect_at dunning_at"
    " attempts created_at"
).split()
LINE_COLUMNS = (
    "tenant_id id invoice_id position kind description quantity unit_amount amount_minor discount_minor"
    " tax_minor credits_id tax_category inclusive taxed_at period_start period_end plan_id charge_id taxes"
    " derivation created_at"
).split()


@dataclass(frozen=True, slots=True)
class BillLine:
    """A line to invoice: what it is, what it costs before discount and tax, and how it is taxed.

    `taxed_at` is set when another instant than that of the invoice decides on the rate. `credits_id` names the earlier
    line that this one gives back. `id` is set for a line of a draft that is there already.
    `plan_id` and `charge_id` name what was sold.
    """

    kind: str
    draft: DraftLine
    period: Period | None = None
    plan_id: str | None = None
    tax_category: str = "service"
    taxed_at: datetime | None = None
    credits_id: str | None = None
    charge_id: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice to be: who pays, for what, and why now.

    `part` of a period is charged, for which fixed discounts hold. `draft` keeps it open for changes. A `closed` one
    gets no discounts and waiting items beyond those it has. `rewrites` is the draft that it takes the place of.
    `parked` says why a person is to look at it first, and one that is `reviewed` was looked at.
    """

    customer: Customer
    lines: tuple[BillLine, ...]
    reason: str
    subscription: Subscription | None = None
    period: Period | None = None
    collection: str = "automatic"
    memo: str = ""
    part: Fraction = WHOLE
    discounts: tuple[Grant, ...] = ()
    draft: bool = False
    closed: bool = False
    rewrites: Invoice | None = None
    reviewed: bool = False
    parked: str | None = None


@dataclass(frozen=True, slots=True)
class Issue:
    """What the invoices of one batch share: the seller, the instant, and the seller as printed."""

    tenant: Tenant
    tenant_uuid: UUID
    at: datetime
    seller: str
    dunning: DunningRules

    def due_at(self, bill: Bill) -> datetime:
        """When an invoice is to be paid: at once when it is collected by itself, else after the tenant's days."""
        automatic = bill.collection == "automatic"
        return self.at if automatic else self.at + timedelta(days=self.tenant.setting("net_days"))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A bill that has its totals and its id. A draft gets no number yet, and nothing is taken `from_balance` for it."""

    id: UUID
    invoice_id: str
    bill: Bill
    total: InvoiceTotals
    is_draft: bool
    from_balance: int = 0

    @property
    def due(self) -> int:
        """What is still to be paid, in minor units."""
        return self.total.total.minor - self.from_balance


def invoice_row(issue: Issue, drawn: Drawn) -> tuple[Any, ...]:
    """The row of an invoice before it has a number, in the order of INVOICE_COLUMNS. One that asks for nothing is
    paid."""
    bill, total = drawn.bill, drawn.total
    return (
        issue.tenant_uuid,
        drawn.id,
        to_uuid("cus", bill.customer.id),
        to_uuid("sub", bill.subscription.id) if bill.subscription else None,
        "draft" if drawn.is_draft else "open" if drawn.due else "paid",
        bill.reason,
        bill.collection,
        total.currency,
        total.subtotal.minor,
        total.discount.minor,
        total.tax.minor,
        total.total.minor,
        0,
        drawn.from_balance,
        json_text([grant_json(grant) for grant in bill.discounts]),
        json_text([tax_json(tax) for tax in total.taxes]),
        json_text(total.notes),
        issue.seller,
        json_text(buyer_of(bill.customer)),
        bill.memo,
        bill.parked,
        bill.period.start if bill.period else None,
        bill.period.end if bill.period else None,
        *_instants(issue, drawn),
        0,
        bill.rewrites.created_at if bill.rewrites else issue.at,
    )


def _instants(issue: Issue, drawn: Drawn) -> tuple[datetime | None, ...]:
    """due_at, paid_at, finalize_at, collect_at and dunning_at."""
    if drawn.is_draft:
        return (None, None, _finalize_at(issue, drawn.bill), None, None)
    due_at = issue.due_at(drawn.bill)
    if not drawn.due:
        return (due_at, issue.at, None, None, None)
    if drawn.bill.collection == "automatic":
        return (due_at, None, None, issue.at, None)
    return (due_at, None, None, None, first_reminder(issue, due_at, drawn.bill.customer.timezone))


def _finalize_at(issue: Issue, bill: Bill) -> datetime | None:
    """A draft that a person opened waits for that person; the others are finalised by themselves."""
    if bill.rewrites:
        return bill.rewrites.finalize_at
    return None if bill.draft or bill.parked else issue.at + timedelta(hours=issue.tenant.setting("grace_hours"))


def line_row(issue: Issue, drawn: Drawn, position: int, line: BillLine, total: TotalLine) -> tuple[Any, ...]:
    """The row of an invoice line, in the order of LINE_COLUMNS."""
    derivation = line.draft.derivation if drawn.is_draft else total.derivation
    return (
        issue.tenant_uuid,
        to_uuid("ivl", line.id) if line.id else uuid7(),
        drawn.id,
        position,
        line.kind,
        line.draft.description,
        line.draft.quantity,
        line.draft.unit_amount,
        line.draft.amount.minor,
        total.discount.minor,
        total.tax.minor,
        to_uuid("ivl", line.credits_id) if line.credits_id else None,
        line.tax_category,
        line.draft.inclusive,
        line.taxed_at,
        line.period.start if line.period else None,
        line.period.end if line.period else None,
        to_uuid("pln", line.plan_id) if line.plan_id else None,
        to_uuid("chg", line.charge_id) if line.charge_id else None,
        json_text([line_tax_json(tax) for tax in total.taxes]),
        json_text([step.as_json() for step in derivation]),
        issue.at,
    )


def first_reminder(issue: Issue, due_at: datetime, timezone: str) -> datetime | None:
    """When the customer is first reminded of an invoice that is paid by hand."""
    step = next_step(issue.dunning, Debt(due_at, timezone, automatic=False), issue.at)
    return step.at if step else None
