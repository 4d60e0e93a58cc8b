"""The books: whatever moves money or debt posts a balanced entry in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from app.db import current_tenant_id, session
from app.domain.invoicing import InvoiceTotals
from app.domain.ledger import CHART, Entry, entry
from app.domain.ledger import Posting as Side
from app.domain.money import Money
from app.ids import to_uuid
from app.models import BalanceMove, CreditNote, JournalEntry, LedgerAccount, Payment, Posting, Refund
from app.services import balance_moves
from app.services.bulk import insert_rows

_ENTRY_COLUMNS = "tenant_id id fact source_id customer_id at created_at".split()
_POSTING_COLUMNS = "tenant_id entry_id position account_id currency amount_minor created_at".split()


_known_accounts: dict[str, dict[str, UUID]] = {}


@dataclass(frozen=True, slots=True)
class Booking:
    """An entry, and the row and the customer it is about."""

    source_id: str
    customer_id: str | None
    entry: Entry


def open_books(at: datetime) -> None:
    """Add the chart of accounts to the tenant in scope."""
    session().add_all(
        LedgerAccount(code=code, name=account.name, kind=account.kind, created_at=at) for code, account in CHART.items()
    )
    session().flush()


def invoice_finalized(invoice_id: str, customer_id: str, total: InvoiceTotals) -> Booking:
    """The customer owes the total; what is not tax is revenue."""
    owed, tax = total.total.minor, total.tax.minor
    posted = entry("invoice_finalized", total.currency, total=owed, revenue=owed - tax, tax=tax)
    return Booking(invoice_id, customer_id, posted)


def balance_applied(invoice_id: str, customer_id: str, minor: int, currency: str) -> Booking:
    """The customer's balance pays for an invoice; below zero the invoice raises the balance, or a debt goes onto it."""
    return Booking(invoice_id, customer_id, entry("customer_balance_applied", currency, amount=minor))


def post_payment(payment: Payment, *, received: Money, applied: Money, at: datetime) -> None:
    """Money arrived: it settles what was owed, and what is over is the customer's credit."""
    came = "outside" if payment.is_outside else "received"
    amounts = {came: received.minor, "applied": applied.minor, "kept": received.minor - applied.minor}
    posted = entry("payment_succeeded", payment.currency, **amounts)
    post_all([Booking(payment.id, payment.customer_id, posted)], at)


def post_refund(refund: Refund, payment: Payment, at: datetime, *, credited: int) -> None:
    """Money went back: `credited` by a credit note, else what the payment left in the customer's balance, and the rest
    is a gift, because nothing says that less was owed."""
    other = refund.amount_minor - credited
    from_balance = min(other, credit_left(payment)) if other else 0
    went = "outside" if payment.is_outside else "paid_out"
    amounts = {went: refund.amount_minor, "credited": credited, "from_balance": from_balance}
    posted = entry("payment_refunded", refund.currency, gift=other - from_balance, **amounts)
    post_all([Booking(refund.id, payment.customer_id, posted)], at)


def post_more(payment: Payment, more: Money, at: datetime) -> None:
    """More arrived for a settled payment, or below zero some of it was taken back: the customer's credit follows."""
    posted = entry("late_payment_to_balance", payment.currency, amount=more.minor)
    post_all([Booking(payment.id, payment.customer_id, posted)], at)


def reverse(source_id: str, fact: str, reversal: str, at: datetime) -> dict[str, int]:
    """Post the opposite of the latest such entry, and give what had been posted: minor units by account."""
    earlier = select(JournalEntry).where(JournalEntry.source_id == source_id, JournalEntry.fact == fact)
    booked = session().scalars(earlier.order_by(JournalEntry.id.desc()).limit(1)).one()
    codes = {row.id: row.code for row in session().scalars(select(LedgerAccount))}
    posted = [(codes[row.account_id], Money(row.amount_minor, row.currency)) for row in booked.postings]
    opposite = Entry(reversal, tuple(Side(code, -amount) for code, amount in posted))
    post_all([Booking(source_id, booked.customer_id, opposite)], at)
    return {code: amount.minor for code, amount in posted}


def post_all(bookings: Sequence[Booking], at: datetime) -> None:
    """Post entries with two statements, and move the balances of customers with one more.

    The database, too, refuses an entry that does not balance.
    """
    if not bookings:
        return
    tenant, accounts = to_uuid("ten", current_tenant_id()), _accounts()
    ids = [uuid7() for _ in bookings]
    insert_rows(
        JournalEntry,
        _ENTRY_COLUMNS,
        [
            (
                tenant,
                entry_id,
                booking.entry.fact,
                booking.source_id,
                to_uuid("cus", booking.customer_id) if booking.customer_id else None,
                at,
                at,
            )
            for entry_id, booking in zip(ids, bookings, strict=True)
        ],
    )
    insert_rows(
        Posting,
        _POSTING_COLUMNS,
        [
            (tenant, entry_id, position, accounts[side.account], side.amount.currency, side.amount.minor, at)
            for entry_id, booking in zip(ids, bookings, strict=True)
            for position, side in enumerate(booking.entry.postings)
        ],
    )
    changes = (balance_moves.changes_in(booking.customer_id, booking.source_id, booking.entry) for booking in bookings)
    balance_moves.move([change for found in changes for change in found], at)


def credit_left(payment: Payment) -> int:
    """What a payment and the credit notes of its invoice left in the customer's balance, less what refunds took of it
    and what was spent, in minor units."""
    refunds = select(Refund.id).where(Refund.payment_id == payment.id)
    notes = select(CreditNote.id).where(CreditNote.invoice_id == payment.invoice_id)
    sources = [payment.id, *session().scalars(refunds), *session().scalars(notes)]
    left = select(func.coalesce(func.sum(BalanceMove.amount_minor), 0)).where(
        BalanceMove.customer_id == payment.customer_id, BalanceMove.source_id.in_(sources)
    )
    return max(0, min(int(session().scalar(left) or 0), balance_moves.of(payment.customer_id)))


def _accounts() -> dict[str, UUID]:
    """The ids of the tenant's accounts by code. Once the chart is complete it never changes, so it is read once."""
    tenant_id = current_tenant_id()
    if tenant_id not in _known_accounts:
        rows = session().execute(select(LedgerAccount.code, LedgerAccount.id))
        found = {code: to_uuid("acc", row_id) for code, row_id in rows}
        if found.keys() < CHART.keys():
            return found
        _known_accounts[tenant_id] = found
    return _known_accounts[tenant_id]
