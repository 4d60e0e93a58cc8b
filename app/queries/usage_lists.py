"""Lists of meters, of usage events and of what came of them."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from app.db import session
from app.domain.errors import InvalidInput
from app.models import Meter, MeteredPeriod, Subscription, UsageAlert, UsageCrossing, UsageEvent
from app.queries.access import customer_by_any_id
from app.queries.base import DEFAULT_LIMIT, Page, page
from app.queries.filters import Filters, Listed, between, equal, matching, newest, reference, same


def meters(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Meter]:
    """Meters by `q` (name, code), `code`; archived ones only with `archived`."""
    query = matching(select(Meter), filters.get("q"), Meter.name, Meter.code, own=("mtr", Meter))
    if not filters.get("archived"):
        query = query.where(Meter.archived_at.is_(None))
    return newest(equal(query, filters, code=Meter.code), Meter, cursor, limit)


def alerts(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[UsageAlert]:
    """Alerts by `meter`, `customer`."""
    query = reference(select(UsageAlert), filters, "meter", "mtr", UsageAlert.meter_id)
    return newest(reference(query, filters, "customer", "cus", UsageAlert.customer_id), UsageAlert, cursor, limit)


def events(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[UsageEvent]:
    """Events by `transaction_id`, or of a `customer` (an id or external id), by `meter` (a code), `since`, `before`.

    A customer's events come meter by meter, the latest first, and without a customer by transaction id: in an order
    that an index has, so that a page costs the same among millions. Raises InvalidInput for filters that need one.
    """
    query = equal(select(UsageEvent), filters, transaction_id=UsageEvent.transaction_id)
    if not filters.get("customer"):
        _refuse_without_customer(filters)
        return page(query, [UsageEvent.transaction_id], cursor=cursor, limit=limit)
    query = between(query.where(UsageEvent.customer_id == _customer_id(filters)), filters, UsageEvent.at)
    if code := filters.get("meter"):
        query = query.where(UsageEvent.meter_id == select(Meter.id).where(Meter.code == code).scalar_subquery())
    return page(query, [UsageEvent.meter_id, UsageEvent.at, UsageEvent.transaction_id], cursor=cursor, limit=limit)


def _refuse_without_customer(filters: Filters) -> None:
    for name in ("meter", "since", "before"):
        if filters.get(name):
            raise InvalidInput(f"Say whose events: {name} needs a customer.", code="missing", field="customer")


def _customer_id(filters: Filters) -> str | None:
    """The id of the customer, or none at all, whom no event belongs to."""
    customer = customer_by_any_id(filters["customer"] or "")
    return customer.id if customer else None


def billed(
    customer_id: str, *, subscription_id: str | None = None, limit: int = DEFAULT_LIMIT
) -> Sequence[MeteredPeriod]:
    """What was invoiced of a customer's usage, or of one subscription's, period by period, the latest first."""
    query = (
        select(MeteredPeriod)
        .where(MeteredPeriod.customer_id == customer_id)
        .options(joinedload(MeteredPeriod.charge), joinedload(MeteredPeriod.subscription))
        .order_by(MeteredPeriod.period_end.desc(), MeteredPeriod.id)
        .limit(limit)
    )
    if subscription_id:
        query = query.where(MeteredPeriod.subscription_id == subscription_id)
    return session().scalars(query).unique().all()


def reached(customer_id: str, *, limit: int = DEFAULT_LIMIT) -> Sequence[tuple[UsageCrossing, UsageAlert]]:
    """The levels that a customer's usage reached, with their alerts, the latest first."""
    query = (
        select(UsageCrossing, UsageAlert)
        .join(UsageAlert, same(UsageCrossing.alert_id, UsageAlert))
        .join(Subscription, same(UsageCrossing.subscription_id, Subscription))
        .where(Subscription.customer_id == customer_id)
        .order_by(UsageCrossing.created_at.desc(), UsageCrossing.level.desc())
        .limit(limit)
    )
    return session().execute(query).unique().all()


def alerts_on(customer_id: str) -> Sequence[UsageAlert]:
    """The alerts on a customer's usage: theirs, and those on anybody's."""
    whose = or_(UsageAlert.customer_id == customer_id, UsageAlert.customer_id.is_(None))
    return session().scalars(select(UsageAlert).where(whose).order_by(UsageAlert.id.desc())).unique().all()
