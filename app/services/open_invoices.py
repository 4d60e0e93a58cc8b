"""Open invoices that a new payment method, or the end of a subscription, concerns: one statement for all of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update

from app.db import session
from app.ids import to_uuid
from app.models import Invoice, PaymentMethod, Subscription
from app.services.bulk import Statement, change
from app.services.contracts import ENDED

# Locked in the order of their ids.
_STOP = """
UPDATE invoices SET collect_at = NULL, dunning_at = NULL WHERE id IN (
  SELECT id FROM invoices WHERE status = 'open' AND subscription_id = ANY(%b::uuid[]) ORDER BY id FOR NO KEY UPDATE)
"""


def retry_with_default(customer_id: str, at: datetime) -> None:
    """Collect at once what the customer's default method pays for, because that is a new one.

    Left alone is what a subscription pays with a method of its own, and what ended subscriptions still owe.
    """
    own_method = select(PaymentMethod.id).where(
        PaymentMethod.customer_id == customer_id, PaymentMethod.removed_at.is_(None)
    )
    others = select(Subscription.id).where(
        Subscription.customer_id == customer_id,
        or_(Subscription.status.in_(ENDED), Subscription.payment_method_id.in_(own_method)),
    )
    concerned = or_(Invoice.subscription_id.is_(None), Invoice.subscription_id.not_in(others))
    _retry(Invoice.customer_id == customer_id, concerned, at=at)


def retry_subscription(subscription_id: str, at: datetime) -> None:
    """Collect at once what this subscription owes, because it has a new method of its own."""
    _retry(Invoice.subscription_id == subscription_id, at=at)


def stop_collecting(subscription_ids: Sequence[str]) -> None:
    """What ended subscriptions still owe stays owed, but is no longer collected by itself."""
    if subscription_ids:
        session().flush()
        statement = Statement(_STOP, [[to_uuid("sub", one) for one in subscription_ids]])
        change(Invoice, statement, name="stopped")


def _retry(*concerned: ColumnElement[bool], at: datetime) -> None:
    _set(Invoice.collection == "automatic", *concerned, collect_at=at, method_changed_at=at, dunning_at=None)


def _set(*concerned: ColumnElement[bool], **values: Any) -> None:
    """Change the open invoices concerned, locked in the order of their ids."""
    chosen = (
        select(Invoice.id)
        .where(Invoice.status == "open", *concerned)
        .order_by(Invoice.id)
        .with_for_update(key_share=True)
    )
    session().execute(update(Invoice).where(Invoice.id.in_(chosen)).values(**values))
