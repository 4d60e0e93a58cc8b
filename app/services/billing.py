"""From lines to issued invoices: one path for one invoice and for thousands, with a fixed number of statements.

Whoever sells, renews or changes something gives bills; this room finds their taxes, adds what waits for them (items and
coupons), and has them issued, all in the caller's transaction.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from app.db import current_tenant_id, session
from app.domain.invoicing import DraftLine
from app.domain.lines import Line
from app.domain.periods import Period
from app.domain.subscription_invoices import billed_part, draft_line
from app.domain.taxes import TaxTreatment
from app.domain.zones import local_date
from app.ids import to_uuid
from app.models import Customer, InvoiceItem, Plan, Subscription, TaxRegistration, Tenant
from app.queries.base import get
from app.queries.tax_books import location_of, status_of, tax_book
from app.services import coupon_uses, dunning, invoice_items, issuing, one_off
from app.services.invoice_json import seller_of
from app.services.invoice_rows import Bill, BillLine, Issue
from app.services.one_off import OneOff


class Biller:
    """What bills of one tenant have in common, read once: the seller, the tax book, the books of account."""

    def __init__(self, at: datetime) -> None:
        """Reads the tenant in scope, for invoices issued at `at`."""
        tenant = session().get_one(Tenant, current_tenant_id())
        registrations = [
            {"scheme": row.scheme, "country": row.country, "region": row.region, "number": row.number}
            for row in session().scalars(select(TaxRegistration).order_by(TaxRegistration.id))
        ]
        self.taxes = tax_book(tenant.address.get("country"))
        seller = json.dumps(seller_of(tenant, registrations))
        self.issue_of = Issue(tenant, to_uuid("ten", tenant.id), at, seller, dunning.rules_of(tenant))

    def treatment(self, customer: Customer, category: str, at: datetime | None = None) -> TaxTreatment:
        """How a category is taxed for a customer, by where they are and the seller's day of `at`, or of the invoice."""
        on = local_date(at or self.issue_of.at, self.issue_of.tenant.timezone)
        return self.taxes.treatment(location_of(customer.address), status_of(customer), category, on)

    def subscription_bill(
        self, row: Subscription, plan: Plan, customer: Customer, lines: Sequence[Line], *, reason: str, period: Period
    ) -> Bill:
        """The bill of a subscription's lines."""
        category = plan.product.tax_category
        bill_lines = tuple(
            BillLine(line.kind, draft, line.period, line.item.ref or None, category, line.taxed_at)
            for line, draft in zip(lines, self.drafts(customer, plan, lines), strict=True)
        )
        return Bill(customer, bill_lines, reason, row, period, row.collection, part=billed_part(lines))

    def drafts(self, customer: Customer, plan: Plan, lines: Sequence[Line]) -> list[DraftLine]:
        """The lines of a plan as they stand on an invoice, with the taxes that this customer pays on them."""
        category, inclusive = plan.product.tax_category, plan.tax_behavior == "inclusive"
        treatments = {at: self.treatment(customer, category, at) for at in {line.taxed_at for line in lines}}
        return [draft_line(line, treatments[line.taxed_at], inclusive=inclusive) for line in lines]

    def one_off_line(self, customer: Customer, line: OneOff, field: str) -> BillLine:
        """A line that somebody wrote. Raises InvalidInput, naming the field."""
        treatment = self.treatment(customer, line.tax_category)
        draft = one_off.priced(line, customer.currency, field, treatment)
        return BillLine("one_off", draft, tax_category=line.tax_category)

    def issue(self, bills: Sequence[Bill]) -> list[str]:
        """Issue the bills as numbered invoices, and give their ids in the same order.

        Renewals stay drafts while the tenant's grace runs. An invoice that asks for nothing is paid at once, and one
        below zero raises the customer's balance. Raises what the domain refuses; then nothing is written.
        """
        if not bills:
            return []
        session().flush()
        items = invoice_items.waiting_for(bills)
        complete = [self._with_items(bill, items.get(place, ())) for place, bill in enumerate(bills)]
        discounted, uses = coupon_uses.discounts_for(complete)
        ids = issuing.issue(self.issue_of, discounted)
        invoice_items.mark_invoiced({item.id: ids[place] for place, found in items.items() for item in found})
        coupon_uses.count_use(uses)
        return ids

    def _with_items(self, bill: Bill, items: Sequence[InvoiceItem]) -> Bill:
        if not items:
            return bill
        added = [self.one_off_line(bill.customer, invoice_items.as_one_off(item), "item") for item in items]
        return replace(bill, lines=(*bill.lines, *added))


def issue_one(row: Subscription, lines: Sequence[Line], at: datetime, *, reason: str, period: Period) -> str:
    """Issue one subscription's lines as an invoice, and give its id."""
    biller = Biller(at)
    bill = biller.subscription_bill(
        row, get(Plan, row.plan_id), get(Customer, row.customer_id), lines, reason=reason, period=period
    )
    return biller.issue([bill])[0]
