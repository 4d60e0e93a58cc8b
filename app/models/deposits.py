"""Payments on a chain: the price held for each, what came to its address, and how far the chain was read."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Index, Numeric, String, UniqueConstraint, and_, text
from sqlalchemy.orm import Mapped, MappedColumn, foreign, mapped_column, relationship

from app.domain.money import Money
from app.domain.quotes import Asset, Quote, Rate, Transfer
from app.models.base import HasStatus, TenantRow, belongs_to, exact, instant, key, known_status, minor, reference
from app.models.payments import GatewayAccount, Payment


def _raw(**options: Any) -> MappedColumn[Any]:
    """Units of an asset: 256 bits fit into 78 digits."""
    return mapped_column(Numeric(78, 0), **options)


class PaymentQuote(TenantRow):
    """The price held for one attempt, at an address that no other attempt ever had."""

    __tablename__ = "payment_quotes"
    __table_args__ = (
        belongs_to("payment_id", "payments"),
        belongs_to("gateway_account_id", "gateway_accounts"),
        UniqueConstraint("payment_id", "tenant_id"),
        UniqueConstraint("chain_id", "address", "tenant_id"),
        Index("payment_quotes_watched", "gateway_account_id", "watched_until", "tenant_id"),
    )

    id: Mapped[str] = key("quo")
    payment_id: Mapped[str] = reference("pay")
    gateway_account_id: Mapped[str] = reference("gac")
    chain_id: Mapped[int] = mapped_column(BigInteger)
    symbol: Mapped[str] = mapped_column(String(16))
    decimals: Mapped[int]
    contract: Mapped[str] = mapped_column(String(42))
    address: Mapped[str] = mapped_column(String(42))
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int] = minor()
    raw: Mapped[Decimal] = _raw()
    least: Mapped[Decimal] = _raw()
    rate: Mapped[Decimal] = exact()
    rate_source: Mapped[str] = mapped_column(String(255))
    from_block: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime] = instant()
    closes_at: Mapped[datetime] = instant()
    watched_until: Mapped[datetime] = instant()

    payment: Mapped[Payment] = relationship(viewonly=True)

    @property
    def asset(self) -> Asset:
        return Asset(self.chain_id, self.symbol, self.decimals, self.contract)

    @property
    def quote(self) -> Quote:
        """The price as the rules know it."""
        return Quote(
            self.asset,
            self.address,
            Money(self.amount_minor, self.currency),
            raw=int(self.raw),
            least=int(self.least),
            rate=Rate(self.rate, self.currency, self.rate_source),
            expires_at=self.expires_at,
            closes_at=self.closes_at,
            from_block=self.from_block,
        )


class Deposit(HasStatus, TenantRow):
    """A transfer to the address of an attempt. A chain may take back what was only detected, and seldom more.

    `verdict` says why it counts: `quoted` at the price that was held, `credited` at the `rate` of a later moment; or
    why not: `review` until a person decides, `dismissed` by one, `foreign` because we do not take this asset. It is
    empty until the transfer is confirmed.
    """

    __tablename__ = "deposits"
    __table_args__ = (
        belongs_to("payment_id", "payments"),
        belongs_to("gateway_account_id", "gateway_accounts"),
        known_status("deposit"),
        UniqueConstraint("gateway_account_id", "tx_hash", "log_index", "tenant_id"),
        Index("deposits_by_payment", "payment_id", "tenant_id"),
        Index("deposits_by_block", "gateway_account_id", "block", "tenant_id"),
        Index("deposits_to_review", "tenant_id", "created_at", postgresql_where=text("verdict = 'review'")),
    )
    noun = "deposit"

    id: Mapped[str] = key("dep")
    payment_id: Mapped[str] = reference("pay")
    gateway_account_id: Mapped[str] = reference("gac")
    chain_id: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[str] = mapped_column(String(66))
    log_index: Mapped[int]
    contract: Mapped[str] = mapped_column(String(42))
    sender: Mapped[str] = mapped_column(String(42))
    address: Mapped[str] = mapped_column(String(42))
    raw: Mapped[Decimal] = _raw()
    block: Mapped[int] = mapped_column(BigInteger)
    block_hash: Mapped[str] = mapped_column(String(66))
    block_at: Mapped[datetime] = instant()
    status: Mapped[str] = mapped_column(String(16))
    verdict: Mapped[str] = mapped_column(String(16), default="", server_default="")
    symbol: Mapped[str] = mapped_column(String(16), default="", server_default="")
    decimals: Mapped[int] = mapped_column(default=0, server_default="0")
    currency: Mapped[str] = mapped_column(String(3))
    rate: Mapped[Decimal | None] = exact()
    rate_source: Mapped[str | None] = mapped_column(String(255))
    worth_minor: Mapped[int | None] = minor()

    payment: Mapped[Payment] = relationship(viewonly=True)
    gateway_account: Mapped[GatewayAccount] = relationship(viewonly=True)
    quote: Mapped[PaymentQuote] = relationship(
        viewonly=True,
        primaryjoin=lambda: and_(
            foreign(Deposit.tenant_id) == PaymentQuote.tenant_id, foreign(Deposit.payment_id) == PaymentQuote.payment_id
        ),
    )

    @property
    def transfer(self) -> Transfer:
        """The transfer as the rules know it."""
        return Transfer(
            self.tx_hash,
            self.log_index,
            self.contract,
            self.sender,
            self.address,
            int(self.raw),
            self.block,
            self.block_hash,
            self.block_at,
        )

    @property
    def worth(self) -> Money | None:
        return None if self.worth_minor is None else Money(self.worth_minor, self.currency)

    @property
    def text(self) -> str:
        """The amount as wallets show it; of an asset that is none of ours, its units and contract."""
        if not self.symbol:
            return f"{int(self.raw)} units of {self.contract}"
        return Asset(self.chain_id, self.symbol, self.decimals, self.contract).text(int(self.raw))


class ChainCursor(TenantRow):
    """How far a chain was read for an account, and which block stood there."""

    __tablename__ = "chain_cursors"
    __table_args__ = (
        belongs_to("gateway_account_id", "gateway_accounts"),
        UniqueConstraint("gateway_account_id", "tenant_id"),
    )

    id: Mapped[str] = key("cur")
    gateway_account_id: Mapped[str] = reference("gac")
    last_block: Mapped[int] = mapped_column(BigInteger)
    last_hash: Mapped[str] = mapped_column(String(66))
    final_block: Mapped[int] = mapped_column(BigInteger)
    final_at: Mapped[datetime] = instant()
    read_at: Mapped[datetime] = instant()
