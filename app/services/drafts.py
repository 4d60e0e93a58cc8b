"""Drafts: invoices that can still be changed. Numbers, balances and the books wait until they are finalised."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload, selectinload

from app.db import session, transaction
from app.domain.derivation import Step
from app.domain.errors import Conflict
from app.domain.invoicing import DraftLine
from app.domain.lines import LineKind
from app.domain.money import Money
from app.domain.periods import Period
from app.logs import logger
from app.models import Customer, Invoice, InvoiceLine
from app.queries import due
from app.queries.base import get
from app.services.batches import each
from app.services.billing import Biller
from app.services.events import emit
from app.services.grants import grant_of
from app.services.history import audit, move
from app.services.invoice_rows import Bill, BillLine
from app.services.locks import lock_debt

BATCH = 500
AFTER_PRICING = ("discount", "tax", "tax_included")  # steps that are taken anew when the line is issued

log = logger(__name__)


def locked(invoice_id: str) -> Invoice:
    """The draft, locked. Raises Conflict for an invoice that is none any more."""
    invoice = lock_debt(invoice_id)
    if invoice.status != "draft":
        raise Conflict(
            f"This invoice is {invoice.status}, and only a draft can be changed: use a credit note, or replace it.",
            code="not_a_draft",
        )
    return invoice


def finalize(invoice_id: str, at: datetime) -> Invoice:
    """Give a draft its number and make it a debt. Raises Conflict when it is none, or has no lines.

    One that looks abnormal says why and stays a draft; who finalises it again has looked at it.
    """
    invoice = locked(invoice_id)
    _finalize([invoice], at)
    audit("invoice.finalize", invoice.id, at, parked=invoice.review_reason)
    return get(Invoice, invoice_id, lock=True)


def finalize_due(at: datetime) -> int:
    """Finalise the drafts of the tenant in scope whose grace is over at `at`; gives how many.

    In batches, each claimed with SKIP LOCKED and committed whole. A draft that cannot be finalised waits for a person.
    """
    done = 0
    while just_done := _finalize_batch(at):
        done += just_done
    return done


def bill_of(biller: Biller, invoice: Invoice) -> Bill:
    """An invoice as the bill it was, to be issued in its own place: taxed as of now, with the discounts it has."""
    return Bill(
        invoice.customer,
        tuple(_bill_line(biller, invoice.customer, line) for line in invoice.lines),
        invoice.reason,
        invoice.subscription,
        _period(invoice.period_start, invoice.period_end),
        invoice.collection,
        invoice.memo,
        discounts=tuple(grant_of(kept, invoice.currency) for kept in invoice.discounts),
        closed=True,
        rewrites=invoice,
    )


def _bill_line(biller: Biller, customer: Customer, line: InvoiceLine) -> BillLine:
    draft = DraftLine(
        line.description,
        Money(line.amount_minor, customer.currency),
        line.quantity,
        line.unit_amount,
        biller.treatment(customer, line.tax_category, line.taxed_at),
        line.inclusive,
        discountable=line.kind != LineKind.PRORATION_CREDIT,
        derivation=tuple(Step(**step) for step in line.derivation if step["step"] not in AFTER_PRICING),
    )
    period = _period(line.period_start, line.period_end)
    return BillLine(
        line.kind,
        draft,
        period,
        line.plan_id,
        line.tax_category,
        line.taxed_at,
        line.credits_id,
        line.charge_id,
        line.id,
    )


def _period(start: datetime | None, end: datetime | None) -> Period | None:
    return Period(start, end) if start and end else None


def _finalize(invoices: Sequence[Invoice], at: datetime) -> None:
    if not all(invoice.lines for invoice in invoices):
        raise Conflict("This draft has no lines: add one, or void it.", code="empty_invoice")
    biller = Biller(at)
    bills = [(invoice, bill_of(biller, invoice)) for invoice in invoices]
    usual = [(invoice, bill) for invoice, bill in bills if not _parks(biller, invoice, bill)]
    for invoice, _ in usual:
        move(invoice, "open", at, "finalised")
    biller.issue([replace(bill, reviewed=True) for _, bill in usual])


def _parks(biller: Biller, invoice: Invoice, bill: Bill) -> bool:
    """Leave a draft to a person that looks abnormal, unless a person finalises it who was told so."""
    reason = None if invoice.review_reason else biller.to_review(bill)
    if reason is None:
        return False
    invoice.review_reason, invoice.finalize_at = reason, None
    emit("invoice.parked", invoice.id, biller.issue_of.at, customer_id=invoice.customer_id, reason=reason)
    return True


def _finalize_batch(at: datetime) -> int:
    """One batch in one transaction. If it fails as a whole, one by one, and whichever fails alone is left."""
    ids: list[str] = []
    try:
        with transaction():
            claimed = session().scalars(_due(at)).unique().all()
            ids = [invoice.id for invoice in claimed]
            if claimed:
                _finalize(claimed, at)
            return len(ids)
    except OperationalError:
        raise
    except Exception:
        log.exception("a batch failed, so its drafts are finalised one by one", count=len(ids))
    return each(ids, lambda row: _finalize_one(row, at), lambda row: _leave(row, at)) or len(ids)


def _due(at: datetime) -> Select[Invoice]:
    return (
        select(Invoice)
        .where(due.rows("drafts", at))
        .order_by(Invoice.finalize_at)
        .limit(BATCH)
        .options(selectinload(Invoice.lines), joinedload(Invoice.customer), joinedload(Invoice.subscription))
        .with_for_update(of=Invoice, skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    )


def _finalize_one(invoice_id: str, at: datetime) -> None:
    with transaction():
        finalize(invoice_id, at)


def _leave(invoice_id: str, at: datetime) -> None:
    invoice = get(Invoice, invoice_id, lock=True)
    invoice.finalize_at = None
    emit("invoice.finalization_failed", invoice.id, at, customer_id=invoice.customer_id)
