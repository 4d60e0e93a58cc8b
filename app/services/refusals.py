"""Refusals that somebody should know of: written down, though nothing else is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from app.db import transaction
from app.domain.errors import BillingError
from app.services.history import audit

# More than there is to send back, or what belongs to somebody else. That others were faster is no news.
TOLD = ("refund_too_large", "not_refundable", "foreign_credit_note", "payment_method_unknown")


@contextmanager
def told(action: str, subject_id: str, at: datetime, **changes: Any) -> Iterator[None]:
    """What is refused in this block, in whatever transaction, is in the audit log with its code; and still refused.

    Stands outside of the transaction, which a refusal undoes.
    """
    try:
        yield
    except BillingError as refusal:
        if refusal.code in TOLD:
            with transaction():
                audit(action, subject_id, at, code=refusal.code, **changes)
        raise
