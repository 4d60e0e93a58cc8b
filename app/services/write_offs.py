"""Writing off what will not be paid, and what comes in of it after all."""

from datetime import datetime

from sqlalchemy import func, select

from app.db import session
from app.domain.errors import Conflict
from app.domain.ledger import entry
from app.domain.money import Money
from app.domain.write_offs import tax_within
from app.models import CreditNote, Invoice
from app.queries.payments import open_payment
from app.services import ledger
from app.services.events import emit
from app.services.history import audit, move
from app.services.locks import lock_debt


def write_off(invoice_id: str, at: datetime, *, reason: str = "") -> Invoice:
    """Give up an open invoice: what is owed of it becomes bad debt, and its tax is taken back. It can still be paid.

    Raises Conflict for an invoice that is not open, or while a payment is under way.
    """
    invoice = lock_debt(invoice_id)
    if invoice.status != "open":
        raise Conflict(f"Only an open invoice can be written off, and this one is {invoice.status}.", code="not_open")
    if open_payment(invoice_id):
        raise Conflict("A payment of this invoice is under way: wait until it has ended.", code="payment_in_progress")
    move(invoice, "uncollectible", at, reason or None)
    invoice.written_off_at, invoice.collect_at, invoice.dunning_at = at, None, None
    _post("write_off", invoice, invoice.due_minor, 0, at)
    audit("invoice.write_off", invoice.id, at, reason=reason, amount=str(invoice.due))
    emit("invoice.uncollectible", invoice.id, at, customer_id=invoice.customer_id, amount=str(invoice.due))
    return invoice


def recover(invoice: Invoice, amount: Money, at: datetime) -> None:
    """Money came in for a written-off invoice: so much of it is owed again, with its tax. Call before it is counted."""
    if invoice.status == "uncollectible":
        _post("write_off_recovered", invoice, invoice.due_minor, invoice.due_minor - amount.minor, at)


def lose_again(invoice: Invoice, amount: Money, at: datetime) -> None:
    """Money counted towards a written-off invoice went back: so much of it is lost again. Call when it is taken off."""
    if invoice.status == "uncollectible":
        _post("write_off", invoice, invoice.due_minor, invoice.due_minor - amount.minor, at)


def _post(fact: str, invoice: Invoice, owed: int, still_owed: int, at: datetime) -> None:
    """Post the part of the debt between two states of it."""
    total = owed - still_owed
    tax = _tax_in(invoice, owed) - _tax_in(invoice, still_owed)
    if total:
        posted = entry(fact, invoice.currency, total=total, net=total - tax, tax=tax)
        ledger.post_all([ledger.Booking(invoice.id, invoice.customer_id, posted)], at)


def _tax_in(invoice: Invoice, owed: int) -> int:
    """A debt carried forward from the customer's balance is asked for, too, and holds no tax of this invoice."""
    notes = select(func.coalesce(func.sum(CreditNote.total_minor), 0), func.coalesce(func.sum(CreditNote.tax_minor), 0))
    credited, credited_tax = session().execute(notes.where(CreditNote.invoice_id == invoice.id)).one()
    asked = invoice.total_minor - int(credited) - min(invoice.from_balance_minor, 0)
    return tax_within(owed, asked, invoice.tax_minor - int(credited_tax))
