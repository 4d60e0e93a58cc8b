"""What we owe a customer, move by move."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.money import Money
from app.models.base import TenantRow, belongs_to, instant, key, minor, reference


class BalanceMove(TenantRow):
    """A change of a customer's balance, above zero in their favour: which fact of the books, and what caused it.

    Rows are only added. `balance_minor` is the balance after the move, and the last one is the customer's. Their
    order is that of `number`, which is drawn while the customer's row is locked.
    """

    __tablename__ = "balance_moves"
    __table_args__ = (
        belongs_to("customer_id", "customers"),
        Index("balance_moves_by_customer", "customer_id", "number", "tenant_id"),
    )

    id: Mapped[str] = key("bmv")
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    customer_id: Mapped[str] = reference("cus")
    fact: Mapped[str] = mapped_column(String(32))
    source_id: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int] = minor()
    balance_minor: Mapped[int] = minor()
    at: Mapped[datetime] = instant()

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def balance(self) -> Money:
        return Money(self.balance_minor, self.currency)
