"""The double-entry ledger. Rows are only added: triggers refuse updates, deletes and unbalanced entries."""

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import TenantRow, belongs_to, instant, key, minor, reference


class LedgerAccount(TenantRow):
    """An account of the tenant's books."""

    __tablename__ = "ledger_accounts"
    __table_args__ = (UniqueConstraint("code", "tenant_id"),)

    id: Mapped[str] = key("acc")
    code: Mapped[str] = mapped_column(String(40))
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(String(10))


class JournalEntry(TenantRow):
    """One fact in the books. `source_id` is the invoice, payment or refund it comes from."""

    __tablename__ = "journal_entries"
    __table_args__ = (Index("journal_entries_by_source", "source_id", "fact", "tenant_id"),)

    id: Mapped[str] = key("jnl")
    fact: Mapped[str] = mapped_column(String(32))
    source_id: Mapped[str] = mapped_column(String(64))
    customer_id: Mapped[str | None] = reference("cus")
    at: Mapped[datetime] = instant()

    postings: Mapped[list["Posting"]] = relationship(viewonly=True, order_by="Posting.position")


class Posting(TenantRow):
    """One side of an entry: debit positive, credit negative. The sum of an entry is zero in each currency."""

    __tablename__ = "postings"
    __table_args__ = (
        belongs_to("entry_id", "journal_entries"),
        belongs_to("account_id", "ledger_accounts"),
        Index("postings_by_account", "account_id", "tenant_id"),
    )

    entry_id: Mapped[str] = reference("jnl", primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[str] = reference("acc")
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int] = minor()
