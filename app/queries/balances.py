"""Reading what customers have in their favour, and how it came about."""

from sqlalchemy import func, select

from app.db import session
from app.models import BalanceMove, Invoice
from app.queries.base import DEFAULT_LIMIT, Page, page


def moves_of(customer_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[BalanceMove]:
    """The moves of a customer's balance, the last one first."""
    query = select(BalanceMove).where(BalanceMove.customer_id == customer_id)
    return page(query, [BalanceMove.number], cursor=cursor, limit=limit)


def taken_at_issue(invoice: Invoice) -> int:
    """What the balance paid of an invoice when it was issued, in minor units; below zero it was a debt to pay along."""
    query = select(func.coalesce(func.sum(-BalanceMove.amount_minor), 0)).where(
        BalanceMove.customer_id == invoice.customer_id,
        BalanceMove.source_id == invoice.id,
        BalanceMove.fact == "customer_balance_applied",
        BalanceMove.at == invoice.issued_at,
    )
    return int(session().scalar(query) or 0)
