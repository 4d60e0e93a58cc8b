"""Refunds of several payments at once."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from app.db import session
from app.models import Refund


def refunds_of(payment_ids: Collection[str]) -> Sequence[Refund]:
    """The refunds of these payments, newest first."""
    query = select(Refund).where(Refund.payment_id.in_(payment_ids)).order_by(Refund.id.desc())
    return session().scalars(query).all()
