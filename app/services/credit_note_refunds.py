"""Sending back what credit notes promised, as soon as they are written: claimed, sent, recorded like any refund."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select

from app.db import session, transaction
from app.domain.errors import Conflict
from app.domain.money import Money
from app.logs import logger
from app.models import CreditNote, Payment
from app.queries import due
from app.queries.base import get
from app.queries.credit_notes import unclaimed
from app.services import refundable, refunds, settlements
from app.services.batches import each

BATCH = 200

log = logger(__name__)


def send_due(at: datetime) -> int:
    """Send back what every credit note of the tenant in scope is due for; gives how many were looked at."""
    query = select(CreditNote.id).where(due.rows("credit_note_refunds", at)).order_by(CreditNote.refund_at).limit(BATCH)
    return each(session().scalars(query).all(), lambda row: send(row, at), lambda row: _put_off(row, at))


def send(credit_note_id: str, at: datetime) -> None:
    """Send back what one credit note is due for, payment by payment. What no gateway can send becomes balance."""
    note = get(CreditNote, credit_note_id)
    if note.refund_at is None or note.refund_at > at:
        return
    with transaction():
        get(CreditNote, credit_note_id, lock=True).refund_at = None
    for payment_id, amount in _shares(credit_note_id):
        try:
            refunds.refund(payment_id, amount, at, reason=note.number, credit_note_id=credit_note_id)
        except Conflict as conflict:
            log.info("not refunded", credit_note=credit_note_id, payment=payment_id, code=conflict.code)
    with transaction():
        _keep_rest(credit_note_id, at)


def _shares(credit_note_id: str) -> Iterator[tuple[str, Money]]:
    """How much of which payment, newest first, as things stand when each is asked for."""
    note = get(CreditNote, credit_note_id)
    query = select(Payment.id).where(Payment.invoice_id == note.invoice_id, Payment.status == "succeeded")
    for payment_id in session().scalars(query.order_by(Payment.id.desc())).all():
        note, payment = get(CreditNote, credit_note_id), get(Payment, payment_id)
        amount = min(unclaimed(note), refundable.left_of(payment))
        if amount > 0 and note.refund_at is None:
            yield payment_id, Money(amount, note.currency)


def _keep_rest(credit_note_id: str, at: datetime) -> None:
    """Nothing is left to be sent, unless another attempt is planned."""
    note = get(CreditNote, credit_note_id, lock=True)
    rest = unclaimed(note)
    if rest > 0 and note.refund_at is None:
        settlements.keep(note.id, rest, note.id, at)


def _put_off(credit_note_id: str, at: datetime) -> None:
    get(CreditNote, credit_note_id, lock=True).refund_at = at + settlements.LONGEST_PAUSE
