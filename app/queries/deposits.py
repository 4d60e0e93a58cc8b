"""Money on chains: whose addresses are watched, and what came to them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, false, func, or_, select
from sqlalchemy.orm import joinedload

from app.db import session
from app.models import ChainCursor, Customer, Deposit, Payment, PaymentQuote
from app.models.payments import OPEN_STATUSES
from app.queries.base import DEFAULT_LIMIT
from app.queries.filters import Filters, Listed, matching, newest, same

STANDING = ("detected", "confirmed")  # what the chain has now


_QUOTE = select(PaymentQuote).where(PaymentQuote.payment_id == bindparam("payment_id"))


def quote_of(payment_id: str) -> PaymentQuote | None:
    """The price held for a payment, if it is paid on a chain."""
    return session().scalar(_QUOTE, {"payment_id": payment_id})


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


def deposits(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Deposit]:
    """What came to addresses, the newest first: by `q` (transaction, address, customer), and by what there is to see
    (`state`): `to_decide` by a person, `short` of what was asked for, `over` it, or `gone` from the chain."""
    query = (
        select(Deposit)
        .join(Payment, same(Deposit.payment_id, Payment))
        .join(PaymentQuote, and_(PaymentQuote.tenant_id == Payment.tenant_id, PaymentQuote.payment_id == Payment.id))
        .join(Customer, same(Payment.customer_id, Customer))
    )
    query = matching(query, filters.get("q"), Deposit.tx_hash, Deposit.address, Customer.name, own=("dep", Deposit))
    if state := filters.get("state"):
        query = query.where(_STATES.get(state, false()))
    along = joinedload(Deposit.payment)
    return newest(query, Deposit, cursor, limit, along.joinedload(Payment.customer), joinedload(Deposit.quote))


_STATES: Mapping[str, ColumnElement[bool]] = {
    "to_decide": and_(Deposit.verdict.in_(("review", "foreign")), Deposit.status == "confirmed"),
    "short": and_(Deposit.verdict == "quoted", Payment.received_minor < PaymentQuote.amount_minor),
    "over": and_(Deposit.verdict == "quoted", Payment.received_minor > PaymentQuote.amount_minor),
    "gone": Deposit.status == "reorged",
}
