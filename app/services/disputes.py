"""Disputes: kept as the gateway tells them, with the money that it holds back or has given to the payer's bank.

A dispute is asked about, never reckoned from its notices. Of two answers the one that was asked for later holds.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from app.db import session, transaction
from app.domain.ledger import entry
from app.domain.money import Money
from app.gateways.errors import GatewayUnavailable
from app.gateways.types import Dispute as Told
from app.gateways.types import DisputeStatus
from app.models import Dispute, GatewayAccount, Payment
from app.queries.base import get, server_clock
from app.queries.inbox import payment_named
from app.queries.test_clocks import present_of
from app.services import gateway_accounts, ledger
from app.services.asking import ask_at
from app.services.events import emit
from app.services.history import move
from app.services.outcomes import NoAnswer

STATUSES: Mapping[DisputeStatus, str] = {
    DisputeStatus.NEEDS_RESPONSE: "open",
    DisputeStatus.UNDER_REVIEW: "under_review",
    DisputeStatus.WON: "won",
    DisputeStatus.LOST: "lost",
}
EVENTS: Mapping[str, str] = {
    "open": "dispute.opened",
    "under_review": "dispute.answered",
    "won": "dispute.won",
    "lost": "dispute.lost",
}
# Where the money is: with us, held back, or gone. Each step along this line is a fact of the books.
OURS, HELD, GONE = 0, 1, 2
MONEY: Mapping[str, int] = {"open": HELD, "under_review": HELD, "lost": GONE, "accepted": GONE}
FORTH: Mapping[int, str] = {OURS: "dispute_opened", HELD: "dispute_lost"}
BACK: Mapping[int, str] = {HELD: "dispute_won", GONE: "dispute_reopened"}


def look(account_id: str, gateway_ref: str, at: datetime) -> Dispute | None:
    """Ask the gateway how a dispute stands, and record it. None when it knows no such dispute, or the payment is none
    of this account's. Opens its own transactions. Raises GatewayUnavailable when there is no answer."""
    account, asked_at = get(GatewayAccount, account_id), server_clock()
    told = ask_at(account, lambda: gateway_accounts.connect(account).fetch_dispute(gateway_ref))
    if isinstance(told, NoAnswer):
        raise GatewayUnavailable(told.message)
    return heard(account_id, told, asked_at, at) if told else None


def heard(account_id: str, told: Told, asked_at: datetime, at: datetime) -> Dispute | None:
    """The gateway said at `asked_at`, of itself or when asked, how a dispute stands: record it, as `look` does."""
    payment = payment_named(account_id, told.payment.key, told.payment.gateway_ref)
    if payment is None or payment.gateway_account_id != account_id:
        return None
    with transaction():
        return record(payment.id, told, asked_at, present_of(payment.id, at))


def record(payment_id: str, told: Told, asked_at: datetime, at: datetime) -> Dispute:
    """The one door for what a gateway says of a dispute, in the caller's transaction. An equal or older answer changes
    nothing."""
    payment = get(Payment, payment_id, lock=True)
    row = _known(payment, told) or _opened(payment, told, asked_at, at)
    if asked_at < row.asked_at:
        return row
    _take_over(row, told, asked_at, at)
    if move(row, STATUSES[told.status], at, told.reason):
        _tell(row, at)
    return row


def _known(payment: Payment, told: Told) -> Dispute | None:
    known_as = (Dispute.gateway_account_id == payment.gateway_account_id, Dispute.gateway_ref == told.gateway_ref)
    return session().scalar(select(Dispute).where(*known_as).with_for_update(key_share=True))


def _opened(payment: Payment, told: Told, asked_at: datetime, at: datetime) -> Dispute:
    row = Dispute(
        payment_id=payment.id,
        customer_id=payment.customer_id,
        gateway_account_id=payment.gateway_account_id,
        gateway_ref=told.gateway_ref,
        status="open",
        currency=told.amount.currency,
        amount_minor=told.amount.minor,
        reason=told.reason,
        opened_at=told.opened_at,
        respond_by=told.respond_by,
        asked_at=asked_at,
        created_at=at,
    )
    session().add(row)
    session().flush()
    _book(row, OURS, HELD, at)
    _tell(row, at)
    return row


def _take_over(row: Dispute, told: Told, asked_at: datetime, at: datetime) -> None:
    """What the gateway says now. Another amount, or another place of the money, is booked on the way."""
    before, after = MONEY.get(row.status, OURS), MONEY.get(STATUSES[told.status], OURS)
    if told.amount == row.amount:
        _book(row, before, after, at)
    else:
        _book(row, before, OURS, at)
        row.amount_minor, row.currency = told.amount.minor, told.amount.currency
        _book(row, OURS, after, at)
    row.reason, row.respond_by, row.asked_at = told.reason, told.respond_by, asked_at


def _book(row: Dispute, before: int, after: int, at: datetime) -> None:
    while before != after:
        fact = FORTH[before] if before < after else BACK[before]
        posted = entry(fact, row.currency, amount=row.amount_minor)
        ledger.post_all([ledger.Booking(row.id, row.customer_id, posted)], at)
        before += 1 if before < after else -1


def _tell(row: Dispute, at: datetime) -> None:
    amount = Money(row.amount_minor, row.currency)
    emit(EVENTS[row.status], row.id, at, customer_id=row.customer_id, payment=row.payment_id, amount=str(amount))
