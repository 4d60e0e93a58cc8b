"""Invoices by hand: writing one-off invoices, taking invoices back, replacing them."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from app.domain.errors import Conflict, InvalidInput
from app.ids import to_uuid
from app.models import Invoice, InvoiceLine
from app.queries.base import get
from app.queries.credit_notes import notes_of
from app.queries.payments import open_payment
from app.services import collection, coupon_uses, drafts, invoice_items, ledger, write_offs
from app.services.billable import billable_customer
from app.services.billing import Biller
from app.services.bulk import add_to_rows
from app.services.events import emit
from app.services.history import audit, move
from app.services.invoice_rows import Bill
from app.services.locks import lock_debt
from app.services.one_off import OneOff

MAX_LINES = 100


def create(
    customer_id: str,
    lines: Sequence[OneOff],
    at: datetime,
    *,
    collection: str = "manual",
    memo: str = "",
    finalize: bool = True,
) -> Invoice:
    """Write an invoice that belongs to no subscription, with what waits for the customer's next one.

    It is issued at once, or kept as a draft until `drafts.finalize`. Raises InvalidInput, naming the field.
    """
    customer = billable_customer(customer_id)
    least = 0 if invoice_items.any_waiting(customer_id) else 1
    if not least <= len(lines) <= MAX_LINES:
        raise InvalidInput(f"An invoice has 1 to {MAX_LINES} lines.", code="invalid_lines", field="lines")
    biller = Biller(at)
    bill_lines = tuple(biller.one_off_line(customer, line, f"lines.{i}") for i, line in enumerate(lines))
    bill = Bill(customer, bill_lines, "manual", collection=collection, memo=memo, draft=not finalize)
    invoice_id = biller.issue([bill])[0]
    audit("invoice.create", invoice_id, at, lines=len(lines))
    return get(Invoice, invoice_id)


def void(invoice_id: str, at: datetime, *, reason: str = "") -> Invoice:
    """Take an unpaid invoice back, or drop a draft. It keeps its number; the books get the opposite entry.

    Raises Conflict when money has come in or may be on its way, and when a credit note was written.
    """
    invoice = _take_back(invoice_id, at, reason)
    coupon_uses.give_back(invoice.discounts)
    collection.forgive(invoice, at)
    return invoice


def replace(invoice_id: str, at: datetime, *, reason: str = "") -> Invoice:
    """Void an invoice and give a draft with the same lines and discounts, to be corrected and finalised.

    The old one names its replacement, and the new one says what it replaces. Raises like `void`.
    """
    old = _take_back(invoice_id, at, reason)
    biller = Biller(at)
    bill = drafts.bill_of(biller, old)
    lines = tuple(dataclasses.replace(line, id=None) for line in bill.lines)
    memo = " ".join(filter(None, (f"Replaces {old.number}." if old.number else "", old.memo)))
    draft = dataclasses.replace(bill, lines=lines, memo=memo, draft=True, rewrites=None)
    old.replaced_by_id = biller.issue([draft])[0]
    return get(Invoice, old.replaced_by_id)


def collect_again(invoice_id: str, at: datetime) -> Invoice:
    """Have an open invoice collected by itself at the next opportunity."""
    invoice = get(Invoice, invoice_id, lock=True)
    if invoice.status != "open":
        raise Conflict(f"This invoice is {invoice.status}: there is nothing to collect.", code="not_payable")
    invoice.collect_at = at
    audit("invoice.collect", invoice.id, at)
    return invoice


def _take_back(invoice_id: str, at: datetime, reason: str) -> Invoice:
    invoice = lock_debt(invoice_id)
    _check_voidable(invoice)
    _take_back_postings(invoice, at)
    move(invoice, "void", at, reason or None)
    invoice.voided_at, invoice.collect_at, invoice.dunning_at, invoice.finalize_at = at, None, None, None
    given_back = ((line.credits_id, line.amount_minor) for line in invoice.lines if line.credits_id)
    add_to_rows(InvoiceLine, "credited_minor", ((to_uuid("ivl", line), minor) for line, minor in given_back))
    audit("invoice.void", invoice.id, at, reason=reason)
    emit("invoice.voided", invoice.id, at, customer_id=invoice.customer_id)
    return invoice


def _check_voidable(invoice: Invoice) -> None:
    if invoice.paid_minor:
        raise Conflict("This invoice is paid in part: refund the payment first.", code="invoice_has_payments")
    if open_payment(invoice.id):
        raise Conflict("A payment of this invoice is under way: wait until it has ended.", code="payment_in_progress")
    if any(line.credited_minor for line in invoice.lines) and not notes_of(invoice.id):
        raise Conflict(
            "A later invoice gives part of this one back: void that one first, or credit the rest.",
            code="invoice_credited",
        )
    if notes_of(invoice.id):
        raise Conflict("This invoice has a credit note: credit the rest of it, too.", code="invoice_has_credit_notes")


def _take_back_postings(invoice: Invoice, at: datetime) -> None:
    """What the invoice asked for and what the balance paid of it. A draft has posted nothing yet."""
    if invoice.status not in ("open", "uncollectible"):
        return
    write_offs.recover(invoice, invoice.due, at)
    if invoice.total:
        ledger.reverse(invoice.id, "invoice_finalized", "invoice_voided", at)
    if invoice.from_balance_minor:
        returned = -invoice.from_balance_minor
        ledger.post_all([ledger.balance_applied(invoice.id, invoice.customer_id, returned, invoice.currency)], at)
        invoice.from_balance_minor = 0
