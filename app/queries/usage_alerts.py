"""Which alerts are to be looked at, on whose usage, and what they have told already."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import exists, func, or_, select, tuple_

from app.db import session
from app.models import Charge, Subscription, UsageAlert, UsageCheck, UsageCrossing
from app.queries import due


def claim(at: datetime, limit: int) -> Sequence[UsageCheck]:
    """The oldest checks that are due and that no other worker holds."""
    query = select(UsageCheck).where(due.rows("usage_checks", at)).order_by(UsageCheck.created_at).limit(limit)
    return session().scalars(query.with_for_update(skip_locked=True)).all()


def watched(pairs: Collection[tuple[str, str]]) -> list[tuple[UsageAlert, Subscription]]:
    """The alerts on these customers and meters, with each running subscription that is charged by the meter."""
    charged = exists().where(
        Charge.tenant_id == Subscription.tenant_id,
        Charge.plan_id == Subscription.plan_id,
        Charge.meter_id == UsageAlert.meter_id,
    )
    query = (
        select(UsageAlert, Subscription)
        .join(Subscription, UsageAlert.tenant_id == Subscription.tenant_id)
        .where(
            tuple_(Subscription.customer_id, UsageAlert.meter_id).in_(pairs),
            or_(UsageAlert.customer_id.is_(None), UsageAlert.customer_id == Subscription.customer_id),
            Subscription.ended_at.is_(None),
            charged,
        )
        .order_by(UsageAlert.id, Subscription.id)
    )
    return [(alert, row) for alert, row in session().execute(query)]


def highest_told(alert_ids: Collection[str]) -> dict[tuple[str, str, datetime], Decimal]:
    """The highest level that was told, by alert, subscription and start of the period."""
    key = (UsageCrossing.alert_id, UsageCrossing.subscription_id, UsageCrossing.period_start)
    query = select(*key, func.max(UsageCrossing.level)).where(UsageCrossing.alert_id.in_(alert_ids)).group_by(*key)
    return {(alert, subscription, start): level for alert, subscription, start, level in session().execute(query)}
