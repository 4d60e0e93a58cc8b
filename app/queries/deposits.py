"""Money on chains: whose addresses are watched, and what came to them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select

from app.db import session
from app.models import ChainCursor, Deposit, Payment, PaymentQuote
from app.models.payments import OPEN_STATUSES
from app.queries.base import Page, page

STANDING = ("detected", "confirmed")  # what the chain has now


def quote_of(payment_id: str) -> PaymentQuote | None:
    """The price held for a payment, if it is paid on a chain."""
    return session().scalar(select(PaymentQuote).where(PaymentQuote.payment_id == payment_id))


def watched_accounts() -> Sequence[str]:
    """Ids of the accounts to whose addresses money may still come, by the database's clock."""
    query = select(PaymentQuote.gateway_account_id).where(PaymentQuote.watched_until > func.now()).distinct()
    return session().scalars(query).all()


def watched_quotes(account_id: str) -> Sequence[PaymentQuote]:
    """The quotes of an account to whose addresses money may still come, oldest first."""
    query = select(PaymentQuote).where(
        PaymentQuote.gateway_account_id == account_id, PaymentQuote.watched_until > func.now()
    )
    return session().scalars(query.order_by(PaymentQuote.id)).all()


def closed_by(account_id: str, final_at: datetime) -> set[str]:
    """The open payments of an account to which nothing in time can come any more, as of the last final block."""
    query = (
        select(PaymentQuote.payment_id)
        .join(Payment, (Payment.tenant_id == PaymentQuote.tenant_id) & (Payment.id == PaymentQuote.payment_id))
        .where(
            PaymentQuote.gateway_account_id == account_id,
            PaymentQuote.closes_at < final_at,
            Payment.status.in_(OPEN_STATUSES),
        )
    )
    return set(session().scalars(query))


def cursor_of(account_id: str, *, lock: bool = False) -> ChainCursor | None:
    """How far an account's chain was read."""
    query = select(ChainCursor).where(ChainCursor.gateway_account_id == account_id)
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session().scalar(query)


def deposits_of(payment_id: str) -> Sequence[Deposit]:
    """What came to a payment's address, in the order of the chain; what it took back, too."""
    query = select(Deposit).where(Deposit.payment_id == payment_id)
    return session().scalars(query.order_by(Deposit.block, Deposit.log_index)).all()


def unsettled(account_id: str, since: int) -> Sequence[Deposit]:
    """The deposits of an account that its chain may still change: in blocks from `since` on, or not confirmed."""
    query = select(Deposit).where(
        Deposit.gateway_account_id == account_id, or_(Deposit.block >= since, Deposit.status != "confirmed")
    )
    return session().scalars(query.order_by(Deposit.id)).all()


def undecided(account_id: str) -> Sequence[Deposit]:
    """Confirmed deposits of which nobody has said yet what they count for."""
    query = select(Deposit).where(
        Deposit.gateway_account_id == account_id, Deposit.status == "confirmed", Deposit.verdict == ""
    )
    return session().scalars(query.order_by(Deposit.id)).all()


def to_review(*, cursor: str | None = None, limit: int = 100) -> Page[Deposit]:
    """Deposits that a person has to decide about, newest first."""
    return page(select(Deposit).where(Deposit.verdict == "review"), [Deposit.id], cursor=cursor, limit=limit)
