"""The figures of a workspace's first page, in one currency: amounts in different ones are never added up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.db import current_tenant_id, session
from app.domain.money import Money
from app.domain.mrr import recurring_revenue
from app.domain.zones import local_date, start_of_day
from app.models import Tenant
from app.queries import figures as query
from app.services.contracts import terms_of

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Figures:
    """What the first page shows. A month is one of the tenant's time zone; the last one is the month of today.

    `months` holds the money received less the money sent back of each month, oldest first.
    """

    currency: str
    currencies: Sequence[str]
    months: Sequence[tuple[date, Money]]
    mrr: Money
    subscriptions: Mapping[str, int]
    new_customers: int
    failed_payments: int

    @property
    def this_month(self) -> date:
        """The first day of the month of today."""
        return self.months[-1][0]

    @property
    def revenue(self) -> Money:
        """Received this month so far, less what was sent back."""
        return self.months[-1][1]

    @property
    def revenue_before(self) -> Money:
        """The same of the whole month before."""
        return self.months[-2][1]


def figures(at: datetime, currency: str | None = None) -> Figures:
    """The figures as of `at`, in a currency that money came in or is expected in; the tenant's own unless chosen.

    A fixed number of statements, whatever there is to count.
    """
    tenant = session().get_one(Tenant, current_tenant_id())
    months = _months(local_date(at, tenant.timezone))
    cash = query.cash_by_month(start_of_day(months[0], tenant.timezone), tenant.timezone)
    mrr = recurring_revenue((terms_of(sold.plan, sold.quantity), sold.count) for sold in query.running_subscriptions())
    known = sorted({tenant.currency, *cash, *mrr})
    chosen = currency if currency in known else tenant.currency
    begin = start_of_day(months[-1], tenant.timezone)
    received = cash.get(chosen, {})
    return Figures(
        currency=chosen,
        currencies=known,
        months=[(first, Money(received.get(first, 0), chosen)) for first in months],
        mrr=mrr.get(chosen, Money(0, chosen)),
        subscriptions=query.subscriptions_by_status(),
        new_customers=query.new_customers(begin),
        failed_payments=query.failed_payments(begin),
    )


def _months(today: date) -> list[date]:
    """The first days of the last twelve months, oldest first."""
    last = today.year * 12 + today.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(last - MONTHS + 1, last + 1)]
