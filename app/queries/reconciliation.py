"""Comparing books: the rows of ours that a gateway's list is about, read set by set, and what differed."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from app.db import session
from app.domain.differences import UNLISTED
from app.ids import is_id
from app.models import Difference, Dispute, GatewayAccount, JournalEntry, Payment, Reconciliation, Refund
from app.queries.base import DEFAULT_LIMIT
from app.queries.filters import Filters, Listed, matching, newest, one_of, reference, same

AT_ONCE = 500
Item = TypeVar("Item")


def payments_named(account_id: str, keys: Collection[str], refs: Collection[str]) -> dict[str, Payment]:
    """The attempts at an account with these keys of ours or references of the gateway, by both."""
    found: dict[str, Payment] = {}
    for column, names in ((Payment.id, [key for key in keys if is_id("pay", key)]), (Payment.gateway_ref, list(refs))):
        for some in _parts(names):
            query = select(Payment).where(Payment.gateway_account_id == account_id, column.in_(some))
            for row in session().scalars(query.execution_options(populate_existing=True)):
                found |= {row.id: row} | ({row.gateway_ref: row} if row.gateway_ref else {})
    return found


def refunds_named(account_id: str, keys: Collection[str], refs: Collection[str]) -> dict[str, Refund]:
    """The refunds at an account, likewise."""
    found: dict[str, Refund] = {}
    for column, names in ((Refund.id, [key for key in keys if is_id("ref", key)]), (Refund.gateway_ref, list(refs))):
        for some in _parts(names):
            query = select(Refund).join(Payment, same(Refund.payment_id, Payment))
            query = query.where(Payment.gateway_account_id == account_id, column.in_(some))
            for row in session().scalars(query.execution_options(populate_existing=True)):
                found |= {row.id: row} | ({row.gateway_ref: row} if row.gateway_ref else {})
    return found


def disputes_known(account_id: str, refs: Collection[str]) -> set[str]:
    """Which of these we have: disputes at an account, and payments that are disputed there, by their references."""
    query = select(Dispute.gateway_ref, Payment.gateway_ref).join(Payment, same(Dispute.payment_id, Payment))
    query = query.where(Dispute.gateway_account_id == account_id)
    named = [
        query.where(or_(Dispute.gateway_ref.in_(some), Payment.gateway_ref.in_(some))) for some in _parts(list(refs))
    ]
    return {ref for one in named for row in session().execute(one) for ref in row if ref}


def entries_known(fact: str, source_ids: Collection[str]) -> set[str]:
    """For which of these sources the books have an entry of that fact."""
    query = select(JournalEntry.source_id).where(JournalEntry.fact == fact)
    parts = _parts(list(source_ids))
    return {found for some in parts for found in session().scalars(query.where(JournalEntry.source_id.in_(some)))}


def payments_settled(account_id: str, since: datetime, until: datetime) -> Sequence[Payment]:
    """The payments at an account that came in within [since, until)."""
    query = select(Payment).where(
        Payment.gateway_account_id == account_id,
        Payment.status == "succeeded",
        Payment.settled_at >= since,
        Payment.settled_at < until,
    )
    return session().scalars(query.order_by(Payment.id).execution_options(populate_existing=True)).all()


def refunds_settled(account_id: str, since: datetime, until: datetime) -> Sequence[Refund]:
    """The refunds at an account that went out within [since, until)."""
    query = select(Refund).join(Payment, same(Refund.payment_id, Payment))
    query = query.where(
        Payment.gateway_account_id == account_id,
        Refund.status == "succeeded",
        Refund.settled_at >= since,
        Refund.settled_at < until,
    )
    return session().scalars(query.order_by(Refund.id).execution_options(populate_existing=True)).all()


def open_between(account_id: str, since: datetime, until: datetime) -> Sequence[Difference]:
    """The open differences of an account that its list showed and whose instant lies in [since, until)."""
    query = select(Difference).where(
        Difference.gateway_account_id == account_id,
        Difference.state == "open",
        Difference.kind.not_in(UNLISTED),
        Difference.at >= since,
        Difference.at < until,
    )
    return session().scalars(query).all()


def last_until(account_id: str) -> datetime | None:
    """Up to where an account's days have been planned to be compared."""
    query = select(Reconciliation.until).where(Reconciliation.gateway_account_id == account_id)
    return session().scalar(query.order_by(Reconciliation.until.desc()).limit(1))


def accounts() -> Sequence[GatewayAccount]:
    """All accounts of the tenant in scope, disabled ones too: what they took is compared to the end."""
    return session().scalars(select(GatewayAccount).order_by(GatewayAccount.id)).all()


def differences(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Difference]:
    """Differences by `q` (reference, id of our row), `state`, `kind`, `account`."""
    query = matching(
        select(Difference), filters.get("q"), Difference.reference, Difference.subject_id, own=("dif", Difference)
    )
    query = one_of(one_of(query, filters.get("state"), Difference.state), filters.get("kind"), Difference.kind)
    query = reference(query, filters, "account", "gac", Difference.gateway_account_id)
    return newest(query, Difference, cursor, limit, joinedload(Difference.gateway_account))


def runs(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Reconciliation]:
    """Comparisons by `state`, `account`."""
    query = one_of(select(Reconciliation), filters.get("state"), Reconciliation.state)
    query = reference(query, filters, "account", "gac", Reconciliation.gateway_account_id)
    return newest(query, Reconciliation, cursor, limit, joinedload(Reconciliation.gateway_account))


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))
