"""Reading the books: what stands on each account, and the entries behind it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import case, exists, func, select

from app.db import session
from app.domain.money import Money
from app.models import JournalEntry, LedgerAccount, Posting
from app.queries.base import DEFAULT_LIMIT
from app.queries.filters import Filters, Listed, between, equal, matching, newest, same


@dataclass(frozen=True, slots=True)
class Balance:
    """What was ever debited and credited to an account in one currency, both as positive amounts."""

    account: LedgerAccount
    debit: Money
    credit: Money

    @property
    def balance(self) -> Money:
        """What stands on the account: debit less credit, or the other way round where credits are what adds to it."""
        grows_by_credit = self.account.kind in ("liability", "income")
        return self.credit - self.debit if grows_by_credit else self.debit - self.credit


def balances() -> Sequence[Balance]:
    """Every account in every currency it was used in, by currency, kind and name."""
    debit = func.sum(case((Posting.amount_minor > 0, Posting.amount_minor), else_=0))
    credit = func.sum(case((Posting.amount_minor < 0, -Posting.amount_minor), else_=0))
    query = (
        select(LedgerAccount, Posting.currency, debit, credit)
        .join(Posting, same(Posting.account_id, LedgerAccount))
        .group_by(*LedgerAccount.__table__.columns, Posting.currency)
        .order_by(Posting.currency, LedgerAccount.kind, LedgerAccount.name)
    )
    return [
        Balance(account, Money(int(plus), currency), Money(int(minus), currency))
        for account, currency, plus, minus in session().execute(query)
    ]


def entries(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[JournalEntry]:
    """Journal entries by `q` (id of the invoice, payment or refund), `fact`, `account` (code), `since`, `before`."""
    query = matching(select(JournalEntry), filters.get("q"), JournalEntry.source_id, own=("jnl", JournalEntry))
    query = between(equal(query, filters, fact=JournalEntry.fact), filters, JournalEntry.at)
    if code := filters.get("account"):
        moved = (
            exists()
            .where(same(Posting.entry_id, JournalEntry), same(Posting.account_id, LedgerAccount))
            .where(LedgerAccount.code == code)
        )
        query = query.where(moved)
    return newest(query, JournalEntry, cursor, limit)


def sums_of(entry_ids: Collection[str]) -> Mapping[str, Money]:
    """What each entry debits in all, which is what it credits."""
    query = (
        select(Posting.entry_id, Posting.currency, func.sum(Posting.amount_minor))
        .where(Posting.entry_id.in_(entry_ids), Posting.amount_minor > 0)
        .group_by(Posting.entry_id, Posting.currency)
    )
    return {entry_id: Money(int(minor), currency) for entry_id, currency, minor in session().execute(query)}


def postings_of(entry_id: str) -> Sequence[tuple[LedgerAccount, Money]]:
    """The sides of an entry with their accounts, in order: debits positive, credits negative."""
    query = (
        select(LedgerAccount, Posting.amount_minor, Posting.currency)
        .join(Posting, same(Posting.account_id, LedgerAccount))
        .where(Posting.entry_id == entry_id)
        .order_by(Posting.position)
    )
    return [(account, Money(minor, currency)) for account, minor, currency in session().execute(query)]


def entries_about(source_ids: Collection[str]) -> Sequence[JournalEntry]:
    """The entries that came of these invoices, payments and refunds, in the order of the books."""
    query = select(JournalEntry).where(JournalEntry.source_id.in_(source_ids)).order_by(JournalEntry.id)
    return session().scalars(query).all()
