"""From lines to issued invoices: one path for one invoice and for thousands, with a fixed number of statements.

Whoever sells, renews or changes something gives bills; this room finds their taxes, adds what waits for them (items and
coupons), and has them issued, all in the caller's transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from app.db import current_tenant_id, session
from app.domain.abnormal import Limits, concern
from app.domain.lines import Line
from app.domain.periods import Period
from app.domain.subscription_invoices import billed_part, draft_line
from app.domain.taxes import TaxTreatment
from app.domain.zones import local_date
from app.ids import to_uuid
from app.models import Customer, InvoiceItem, Plan, Subscription, TaxRegistration, Tenant
from app.queries.tax_books import location_of, status_of, tax_book
from app.services import coupon_uses, dunning, invoice_items, invoiced_taxes, issuing, metering, one_off, waiting
from app.services.bulk import json_text
from app.services.contracts import Plans, sold_in
from app.services.invoice_json import seller_of
from app.services.invoice_rows import Bill, BillLine, Issue
from app.services.metering import Reading
from app.services.one_off import OneOff


def limits_of(tenant: Tenant) -> Limits:
    """What may go out without somebody looking at it first."""
    return Limits(tenant.setting("review_lines"), tenant.setting("review_amount"))


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
        seller = json_text(seller_of(tenant, registrations))
        self.limits = limits_of(tenant)
        self.today = local_date(at, tenant.timezone)
        self.issue_of = Issue(tenant, to_uuid("ten", tenant.id), at, seller, dunning.rules_of(tenant))

    def treatment(self, customer: Customer, category: str, at: datetime | None = None) -> TaxTreatment:
        """How a category is taxed for a customer, by where they are and the seller's day of `at`, or of the invoice."""
        on = local_date(at, self.issue_of.tenant.timezone) if at else self.today
        return self.taxes.treatment(location_of(customer.address), status_of(customer), category, on)

    def subscription_bill(
        self,
        row: Subscription,
        plans: Plans,
        customer: Customer,
        lines: Sequence[Line],
        reading: Reading,
        *,
        reason: str,
        period: Period,
    ) -> Bill:
        """The bill of a subscription's lines and of what was used. `plans` has every plan that they are of."""
        bill_lines = [self.sold_line(customer, plans[sold_in(line.item.ref)[0]], line) for line in lines]
        if reading.used or reading.missed:
            plan = plans[row.plan_id]
            treatment = self.treatment(customer, plan.product.tax_category)
            bill_lines += metering.lines(reading, plan, treatment)
        return Bill(customer, tuple(bill_lines), reason, row, period, row.collection, part=billed_part(lines))

    def sold_line(self, customer: Customer, plan: Plan, line: Line) -> BillLine:
        """A line of a plan as it stands on an invoice, with the taxes that this customer pays on it; one that gives an
        earlier line back gets that line's when it is issued."""
        category = plan.product.tax_category
        treatment = self.treatment(customer, category, line.taxed_at)
        draft = draft_line(line, treatment, inclusive=plan.tax_behavior == "inclusive")
        plan_id, charge_id = sold_in(line.item.ref)
        credits_id = line.credits or None
        return BillLine(line.kind, draft, line.period, plan_id, category, line.taxed_at, credits_id, charge_id)

    def one_off_line(self, customer: Customer, line: OneOff, field: str = "") -> BillLine:
        """A line that somebody wrote. Raises InvalidInput, naming the field (see `one_off.priced`)."""
        treatment = self.treatment(customer, line.tax_category)
        draft = one_off.priced(line, customer.currency, field, treatment)
        return BillLine("one_off", draft, tax_category=line.tax_category)

    def issue(self, bills: Sequence[Bill]) -> list[str]:
        """Issue the bills as numbered invoices, and give their ids in the same order.

        Renewals stay drafts while the tenant's grace runs. An invoice that asks for nothing is paid at once, and one
        below zero raises the customer's balance. What looks abnormal stays a draft until a person has looked
        at it. Raises what the domain refuses; then nothing is written.
        """
        if not bills:
            return []
        session().flush()
        found = waiting.read(bills)
        items = invoice_items.by_bill(bills, found.items)
        taxed = invoiced_taxes.on_credits(self._with_items(bills, items))
        discounted, uses = coupon_uses.discounts_for(taxed, found.redemptions)
        reviewed = [self._with_review(bill) for bill in discounted]
        ids = issuing.issue(self.issue_of, reviewed, found.balances)
        invoice_items.mark_invoiced({item.id: ids[place] for place, found in items.items() for item in found})
        coupon_uses.count_use(uses)
        return ids

    def previewed(self, bill: Bill) -> Bill:
        """The bill with the items and discounts that `issue` would add to it; nothing is locked or used up."""
        found = waiting.read([bill], lock=False)
        items = invoice_items.by_bill([bill], found.items)
        taxed = invoiced_taxes.on_credits(self._with_items([bill], items))
        return coupon_uses.discounts_for(taxed, found.redemptions)[0][0]

    def to_review(self, bill: Bill) -> str | None:
        """Why a person is to look at a bill before anybody is charged; None for one that looks as usual."""
        return concern([line.draft.amount for line in bill.lines], self.limits)

    def _with_review(self, bill: Bill) -> Bill:
        """The bill, parked if it is to be looked at. Drafts are looked at when somebody finalises them."""
        if bill.reviewed or bill.draft:
            return bill
        reason = self.to_review(bill)
        return replace(bill, parked=reason) if reason else bill

    def _with_items(self, bills: Sequence[Bill], items: Mapping[int, Sequence[InvoiceItem]]) -> list[Bill]:
        return [self._with_some(bill, items.get(place, ())) for place, bill in enumerate(bills)]

    def _with_some(self, bill: Bill, items: Sequence[InvoiceItem]) -> Bill:
        if not items:
            return bill
        added = [self.one_off_line(bill.customer, invoice_items.as_one_off(item)) for item in items]
        return replace(bill, lines=(*bill.lines, *added))
