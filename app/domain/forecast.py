"""What a preview of a subscription answers: the periods, invoices and statuses to come."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.invoicing import InvoiceTotals
from app.domain.lines import Line
from app.domain.money import Money
from app.domain.periods import Period


@dataclass(frozen=True, slots=True)
class ForecastPeriod:
    """A paid period and what it costs before discount and tax: its lines, credits included."""

    period: Period
    amount: Money


@dataclass(frozen=True, slots=True)
class ForecastInvoice:
    """An invoice to come. A total below zero becomes the customer's credit."""

    at: datetime
    lines: tuple[Line, ...]
    totals: InvoiceTotals


@dataclass(frozen=True, slots=True)
class ForecastStatus:
    """From when on the subscription has a status."""

    at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to come. `next_invoice_at` is the first invoice after the end of the scenario, if there will be one."""

    periods: tuple[ForecastPeriod, ...]
    invoices: tuple[ForecastInvoice, ...]
    statuses: tuple[ForecastStatus, ...]
    next_invoice_at: datetime | None
