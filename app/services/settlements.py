"""What a credit note promised to send back and could not: tried again later, or kept for the customer."""

from datetime import datetime, timedelta

from app.domain.ledger import entry
from app.models import CreditNote, Refund
from app.queries.base import get
from app.queries.credit_notes import refunds_for
from app.services import ledger

# When the gateway was not reached: soon, then twice as long each time, once a day at last.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=15), timedelta(days=1)


def try_again(refund: Refund, at: datetime) -> None:
    """The refund was never executed: plan another one for the same credit note."""
    if refund.credit_note_id:
        note = get(CreditNote, refund.credit_note_id, lock=True)
        failures = sum(row.status == "failed" for row in refunds_for(note)) - 1
        note.refund_at = at + min(FIRST_PAUSE * 2 ** min(failures, 10), LONGEST_PAUSE)


def keep(credit_note_id: str, minor: int, source_id: str, at: datetime) -> None:
    """Nobody can send this back: it becomes the customer's balance."""
    note = get(CreditNote, credit_note_id, lock=True)
    note.refund_minor -= minor
    note.balance_minor += minor
    posted = entry("payment_unapplied", note.currency, amount=minor)
    ledger.post_all([ledger.Booking(source_id, note.customer_id, posted)], at)
