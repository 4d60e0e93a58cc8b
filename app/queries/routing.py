"""The seller's routing rules."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.db import session
from app.models import RoutingRule


def rules() -> Sequence[RoutingRule]:
    """All of them with their accounts, in the order in which they are tried."""
    query = select(RoutingRule).options(joinedload(RoutingRule.gateway_account))
    return session().scalars(query.order_by(RoutingRule.position, RoutingRule.id)).all()
