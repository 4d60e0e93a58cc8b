"""The usage of a subscription."""

from app import models
from app.api.blueprint import v1
from app.api.operations import reads
from app.api.schemas.usage import ChargeUsage, SubscriptionUsage
from app.domain.periods import Period
from app.queries.base import get
from app.services import usage


@v1.get("/subscriptions/<subscription_id>/usage")
@reads(SubscriptionUsage)
def show_usage(subscription_id: str) -> SubscriptionUsage:
    """Show what a subscription used in its current period so far, and what that costs."""
    row = get(models.Subscription, subscription_id)
    period = Period(row.current_period_start, row.current_period_end)
    found = usage.charges_due([(row, row.plan, period)])
    return SubscriptionUsage(
        subscription=row.id,
        currency=row.plan.currency,
        period_start=period.start,
        period_end=period.end,
        charges=[ChargeUsage.of(used) for used in found.values()],
    )
