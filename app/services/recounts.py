"""Usage that came after its period was invoiced: the period is counted again, and the difference is billed.

The difference is that of the whole period, then and now: a late event changes nothing in a maximum it does not reach,
and may change the price of all that was used before it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Select, select, text, update
from sqlalchemy.orm import contains_eager

from app.db import session
from app.domain.exact import EXACT
from app.domain.money import Money
from app.domain.periods import Period
from app.ids import to_uuid
from app.models import Charge, Meter, MeteredPeriod
from app.queries import due
from app.queries.base import among
from app.services.bulk import change_rows
from app.services.usage import RECOUNT_AFTER, Use, Used, measured

# A level is carried on, so that a late change of it changes all later periods too.
_ORDER = text("""
WITH late AS (
  SELECT * FROM unnest(CAST(:customers AS uuid[]), CAST(:meters AS uuid[]), CAST(:ats AS timestamptz[]))
    AS late (customer_id, meter_id, at)
), concerned AS (
  SELECT p.tenant_id, p.id FROM metered_periods p
    JOIN meters m ON m.tenant_id = p.tenant_id AND m.id = p.meter_id
   WHERE EXISTS (
     SELECT FROM late WHERE late.customer_id = p.customer_id AND late.meter_id = p.meter_id
        AND late.at < p.period_end AND (late.at >= p.period_start OR m.aggregation = 'weighted_sum'))
   ORDER BY p.id FOR UPDATE OF p
)
UPDATE metered_periods p SET recount_at = :recount_at FROM concerned c
 WHERE p.tenant_id = c.tenant_id AND p.id = c.id AND (p.recount_at IS NULL OR p.recount_at > :recount_at)
""")


@dataclass(frozen=True, slots=True)
class Missed:
    """A period that was invoiced as `kept` says and is `now` something else.

    `quantity` and `amount` (before tax) are how much more was used than was invoiced, below zero when it was less:
    1,300 calls for 61.00 instead of 1,200 for 60.00 are 100 calls and 1.00 more.
    """

    kept: MeteredPeriod
    now: Used
    quantity: Decimal
    amount: Money


def order(late: Sequence[tuple[UUID, UUID, datetime]], received_at: datetime) -> None:
    """Have the periods that hold late events (customer, meter, instant) counted again an hour from now at the latest,
    so that those that come together are corrected together."""
    if late:
        customers, meters, ats = (list(column) for column in zip(*late, strict=True))
        arrays = {"customers": customers, "meters": meters, "ats": ats}
        session().execute(_ORDER, {**arrays, "recount_at": received_at + RECOUNT_AFTER})


def waiting(subscription_ids: Collection[str]) -> Sequence[MeteredPeriod]:
    """Periods of these subscriptions that are to be counted again, and whose difference belongs on the next invoice by
    their meters' policy. Also the few with events of a meter that refuses late ones which were on their way when they
    were counted.

    For whoever bills these subscriptions, who then has them `compared`, and tells `settle` in the same transaction.
    """
    mine = _waiting().where(among(MeteredPeriod.subscription_id, subscription_ids), Meter.late_policy != "correct")
    return session().scalars(mine).all()


def would_be_missed(subscription_ids: Collection[str]) -> list[Missed]:
    """What those who bill these subscriptions would find missing by now, for a preview: nothing is locked or noted."""
    mine = _to_recount().where(among(MeteredPeriod.subscription_id, subscription_ids), Meter.late_policy != "correct")
    rows = session().scalars(mine).all()
    counted = measured([use_of(row) for row in rows])
    found = [_missed(row, now) for row, now in zip(rows, counted, strict=True)]
    return [one for one in found if one.quantity or one.amount]


def subscriptions_to_correct(at: datetime, limit: int = 500) -> list[str]:
    """The first few subscriptions with periods that are to be counted again for a correction, by the policy of the
    meter or because the subscription has ended and there is no next invoice; not those that others are just counting.
    """
    query = select(MeteredPeriod.subscription_id).where(due.rows("recounts", at)).order_by(MeteredPeriod.recount_at)
    return sorted(set(session().scalars(query.limit(limit).with_for_update(skip_locked=True))))


def corrections_due(subscription_id: str, at: datetime) -> list[Missed]:
    """What is missing on invoices of a subscription and is to be corrected by a credit note and a new invoice.

    Claims the periods until the end of the transaction, past those that others hold; then `settle` them.
    """
    mine = _waiting(skip_locked=True).where(MeteredPeriod.subscription_id == subscription_id, due.rows("recounts", at))
    rows = session().scalars(mine).all()
    return compared(rows, measured([use_of(row) for row in rows]), at)


def put_off(subscription_id: str, at: datetime, until: datetime) -> None:
    """Have what is due of a subscription counted later: its invoices cannot be corrected now."""
    mine = update(MeteredPeriod).where(MeteredPeriod.subscription_id == subscription_id, due.rows("recounts", at))
    session().execute(mine.values(recount_at=until))


def compared(rows: Sequence[MeteredPeriod], counted: Sequence[Used], at: datetime) -> list[Missed]:
    """What these periods miss, `counted` as they are now. Those that miss nothing are done with."""
    found = [_missed(row, now) for row, now in zip(rows, counted, strict=True)]
    settle([one for one in found if not one.quantity and not one.amount], at)
    return [one for one in found if one.quantity or one.amount]


def settle(billed: Sequence[Missed], at: datetime) -> None:
    """What was missed is invoiced at `at`, and the period is remembered as it is now, with one statement.

    A count that is ordered for later still takes place: more may be on its way.
    """
    rows = [
        (
            to_uuid("mpd", one.kept.id),
            one.now.quantity,
            one.kept.amount_minor + one.amount.minor,
            one.kept.recount_at if one.kept.recount_at and one.kept.recount_at > at else None,
        )
        for one in billed
    ]
    change_rows(MeteredPeriod, ("id", "quantity", "amount_minor", "recount_at"), rows)


def use_of(row: MeteredPeriod) -> Use:
    """What is to be measured of a period that was billed."""
    period = Period(row.period_start, row.period_end)
    return Use(row.subscription_id, row.customer_id, row.charge, row.currency, period)


def _waiting(*, skip_locked: bool = False) -> Select[MeteredPeriod]:
    return _to_recount().with_for_update(of=MeteredPeriod, skip_locked=skip_locked)


def _to_recount() -> Select[MeteredPeriod]:
    return (
        select(MeteredPeriod)
        .join(MeteredPeriod.subscription)
        .join(MeteredPeriod.charge)
        .join(Charge.meter)
        .options(contains_eager(MeteredPeriod.charge).contains_eager(Charge.meter))
        .where(MeteredPeriod.recount_at.is_not(None))
        .order_by(MeteredPeriod.id)
        .execution_options(populate_existing=True)
    )


def _missed(kept: MeteredPeriod, now: Used) -> Missed:
    amount = now.priced().amount - Money(kept.amount_minor, kept.currency)
    return Missed(kept, now, EXACT.subtract(now.quantity, kept.quantity), amount)
