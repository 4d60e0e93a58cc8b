"""How many plans a product has, and how many subscriptions a plan."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import func, select

from app.db import session
from app.models import Charge, Plan, Subscription

ENDED = ("canceled", "expired")


def plan_counts(product_ids: Collection[str]) -> Mapping[str, int]:
    """How many plans that are sold each product has; one without any is left out."""
    query = (
        select(Plan.product_id, func.count())
        .where(Plan.product_id.in_(product_ids), Plan.archived_at.is_(None))
        .group_by(Plan.product_id)
    )
    return {row[0]: row[1] for row in session().execute(query)}


def subscriber_counts(plan_ids: Collection[str]) -> Mapping[str, int]:
    """How many subscriptions that have not ended each plan has; one without any is left out."""
    query = (
        select(Subscription.plan_id, func.count())
        .where(Subscription.plan_id.in_(plan_ids), Subscription.status.not_in(ENDED))
        .group_by(Subscription.plan_id)
    )
    return {row[0]: row[1] for row in session().execute(query)}


def versions_of(plan: Plan) -> Sequence[Plan]:
    """All versions of a plan, the newest first."""
    return session().scalars(select(Plan).where(Plan.code == plan.code).order_by(Plan.version.desc())).unique().all()


def plans_by_meter(meter_id: str) -> Sequence[Plan]:
    """The plans that are sold and charge by a meter, the newest first."""
    charging = select(Charge.plan_id).where(Charge.meter_id == meter_id)
    query = select(Plan).where(Plan.id.in_(charging), Plan.archived_at.is_(None)).order_by(Plan.id.desc())
    return session().scalars(query).unique().all()
