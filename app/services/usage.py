"""What is due for metered usage: each charge of a subscription with what was used of it in a period.

Usage is billed when its period ends. Whoever bills asks `charges_due` for the quantities, prices them into lines, and
tells `keep` what came of it, so that late events can be told from those that are paid for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from uuid_utils.compat import uuid7

from app.db import current_tenant_id
from app.domain.money import Money
from app.domain.periods import Period
from app.domain.pricing import Percentage, Price, Priced, Usage
from app.ids import to_uuid
from app.models import Charge, Meter, MeteredPeriod, Plan, Subscription
from app.queries.usage import Measured, Window, measure
from app.services.bulk import insert_rows

# Events may still be on their way into the database when their period is counted, so it is counted again.
RECOUNT_AFTER = timedelta(hours=1)

_COLUMNS = (
    "tenant_id id subscription_id charge_id customer_id meter_id invoice_id period_start period_end"
    " quantity currency amount_minor recount_at created_at"
).split()


@dataclass(frozen=True, slots=True)
class Use:
    """A usage charge of a subscription in a period [start, end), which is to be measured."""

    subscription_id: str
    customer_id: str
    charge: Charge
    currency: str
    period: Period

    @property
    def key(self) -> tuple[str, str]:
        """The subscription and the charge."""
        return self.subscription_id, self.charge.id

    @property
    def meter(self) -> Meter:
        """What measures it. Raises ValueError for a charge that is none for usage."""
        if self.charge.meter is None:
            raise ValueError(f"{self.charge.id} is no usage charge")
        return self.charge.meter

    @property
    def window(self) -> Window:
        """What to measure. A percentage needs to know each event."""
        each = isinstance(self.charge.pricing, Percentage)
        return Window(self.customer_id, self.meter.id, self.meter.aggregation, self.period, each)


@dataclass(frozen=True, slots=True)
class Used:
    """What was used of a charge: the quantity, and the values of its events if the price needs them."""

    use: Use
    measured: Measured

    @property
    def quantity(self) -> Decimal:
        """In the unit of the meter, not below zero only by the nature of what is measured."""
        return self.measured.quantity

    @property
    def usage(self) -> Usage:
        """What the price is asked for."""
        return self.measured.values if self.use.window.each else self.measured.quantity

    def priced(self) -> Priced:
        """What it costs before tax, rounded once, half away from zero, with its derivation: 1,200 calls at 0.05 each
        are 60.00."""
        price: Price = self.use.charge.pricing
        return price.charge(self.usage, self.use.currency)


def charges_due(rows: Sequence[tuple[Subscription, Plan, Period]]) -> dict[tuple[str, str], Used]:
    """What was used of each usage charge of these subscriptions, by subscription and charge, with one statement.

    Each row is a subscription, its plan, and the period [start, end) that is to be billed. Charges without usage are
    there too, with a quantity of zero: a price may have a minimum.
    """
    return {used.use.key: used for used in measured(uses_of(rows))}


def uses_of(rows: Sequence[tuple[Subscription, Plan, Period]]) -> list[Use]:
    """The usage charges of these subscriptions and their plans in these periods."""
    return [
        Use(row.id, row.customer_id, charge, plan.currency, period)
        for row, plan, period in rows
        for charge in plan.charges
        if charge.kind == "usage"
    ]


def measured(uses: Sequence[Use]) -> list[Used]:
    """The uses, measured, in the same order."""
    return [Used(use, found) for use, found in zip(uses, measure([use.window for use in uses]), strict=True)]


def keep(billed: Iterable[tuple[Used, Money, str | None]], at: datetime) -> None:
    """Remember, with one statement, what was billed at `at` for each use: the amount of its line before tax (zero when
    there was nothing to bill) and the invoice (None when there was none).

    A period of a charge is kept once: billing it again violates a unique key, which rolls everything back.
    """
    tenant = to_uuid("ten", current_tenant_id())
    insert_rows(
        MeteredPeriod,
        _COLUMNS,
        [
            (
                tenant,
                uuid7(),
                to_uuid("sub", used.use.subscription_id),
                to_uuid("chg", used.use.charge.id),
                to_uuid("cus", used.use.customer_id),
                to_uuid("mtr", used.use.meter.id),
                to_uuid("inv", invoice_id) if invoice_id else None,
                used.use.period.start,
                used.use.period.end,
                used.quantity,
                amount.currency,
                amount.minor,
                at + RECOUNT_AFTER,
                at,
            )
            for used, amount, invoice_id in billed
        ],
    )
