"""Usage that came after its period was invoiced: the period is counted again, and the difference is billed.

The difference is that of the whole period, then and now: a late event changes nothing in a maximum it does not reach,
and may change the price of all that was used before it.
"""

from collections.abc import Sequence
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
from app.models import Charge, Meter, MeteredPeriod
from app.queries import due
from app.queries.base import among
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


def missed(subscription_ids: Sequence[str], at: datetime) -> list[Missed]:
    """What is missing on earlier invoices of these subscriptions and belongs on the next one, by their meters' policy.

    For whoever bills them at `at`, who then tells `settle` in the same transaction. Also the few events of a meter that
    refuses late ones which were on their way when their period was counted. Two statements, or one when nothing waits.
    """
    waiting = _waiting().where(among(MeteredPeriod.subscription_id, subscription_ids), Meter.late_policy != "correct")
    return _compared(session().scalars(waiting).all(), at)


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
    return _compared(session().scalars(mine).all(), at)


def put_off(subscription_id: str, at: datetime, until: datetime) -> None:
    """Have what is due of a subscription counted later: its invoices cannot be corrected now."""
    mine = update(MeteredPeriod).where(MeteredPeriod.subscription_id == subscription_id, due.rows("recounts", at))
    session().execute(mine.values(recount_at=until))


def settle(billed: Sequence[Missed], at: datetime) -> None:
    """What was missed is invoiced at `at`, and the period is remembered as it is now."""
    for one in billed:
        one.kept.quantity, one.kept.amount_minor = one.now.quantity, one.kept.amount_minor + one.amount.minor
        _have_counted(one.kept, at)


def _waiting(*, skip_locked: bool = False) -> Select[MeteredPeriod]:
    return (
        select(MeteredPeriod)
        .join(MeteredPeriod.subscription)
        .join(MeteredPeriod.charge)
        .join(Charge.meter)
        .options(contains_eager(MeteredPeriod.charge).contains_eager(Charge.meter))
        .where(MeteredPeriod.recount_at.is_not(None))
        .order_by(MeteredPeriod.id)
        .with_for_update(of=MeteredPeriod, skip_locked=skip_locked)
        .execution_options(populate_existing=True)
    )


def _compared(rows: Sequence[MeteredPeriod], at: datetime) -> list[Missed]:
    """What these periods miss by now. Those that miss nothing have been counted."""
    found = [_missed(row, now) for row, now in zip(rows, measured([_use(row) for row in rows]), strict=True)]
    for same in (one for one in found if not one.quantity and not one.amount):
        _have_counted(same.kept, at)
    return [one for one in found if one.quantity or one.amount]


def _missed(kept: MeteredPeriod, now: Used) -> Missed:
    amount = now.priced().amount - Money(kept.amount_minor, kept.currency)
    return Missed(kept, now, EXACT.subtract(now.quantity, kept.quantity), amount)


def _have_counted(row: MeteredPeriod, at: datetime) -> None:
    """Counted at `at`. A count that is ordered for later still takes place: more may be on its way."""
    if row.recount_at and row.recount_at <= at:
        row.recount_at = None


def _use(row: MeteredPeriod) -> Use:
    period = Period(row.period_start, row.period_end)
    return Use(row.subscription_id, row.customer_id, row.charge, row.currency, period)
