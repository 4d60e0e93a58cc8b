"""What a request asked for before, when it comes again under the same claim."""

from typing import TypeVar

from sqlalchemy import select

from app.claims import claim_id
from app.db import session
from app.models import Payment, PaymentMethod, Refund

Effect = TypeVar("Effect", Payment, PaymentMethod, Refund)


def effect(model: type[Effect]) -> Effect | None:
    """The row that the claim at work made already; None the first time, and without a claim."""
    claimed = claim_id()
    return session().scalar(select(model).where(model.requested_by == claimed)) if claimed else None
