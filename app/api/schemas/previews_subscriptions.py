"""The preview of a subscription on the wire."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from app.api.schemas.base import UNSET, Request
from app.api.schemas.invoices import InvoiceTax
from app.api.schemas.plans import Interval, PlanBasics
from app.api.schemas.previews import OrText, Preview, bounded_price
from app.api.schemas.previews_invoices import PreviewedLine, ReviewReason, shown_line, shown_totals
from app.api.schemas.subscriptions import AnchorChoice
from app.api.schemas.values import Currency, Instant, Major, Number, TaxCategory, Timezone, Utc
from app.api.wording import named
from app.domain import pricing
from app.domain.errors import InvalidInput
from app.domain.exact import plain
from app.domain.forecast import Forecast, ForecastInvoice, ForecastPeriod
from app.domain.invoicing import InvoiceTotals, TotalLine
from app.domain.lines import Line, LineKind, money_text
from app.domain.periods import Recurrence
from app.domain.scenario import MAX_PERIODS
from app.domain.terms import Billing, Item, Terms
from app.services.sellable import MAX_QUANTITY

MAX_CHANGES = 100


def _whole(quantity: Decimal) -> Decimal:
    if quantity != quantity.to_integral_value() or not 1 <= quantity <= MAX_QUANTITY:
        sentence = "A subscription is for a whole number from 1 to {most}."
        raise PydanticCustomError("invalid_quantity", sentence, {"most": MAX_QUANTITY})
    return quantity


Quantity = Annotated[Number, AfterValidator(_whole)]


class InlinePlan(PlanBasics):
    """A plan that is not stored: what it costs, how often, and when it is billed."""

    currency: Currency
    interval: Interval
    bill: Literal["in_advance", "in_arrears"] = UNSET
    tax_category: TaxCategory = UNSET

    def terms(self, quantity: int, field: str, billing: Billing) -> Terms:
        """What it asks for a quantity. Raises InvalidInput, naming the field below `field`."""
        price = self._price(field)
        with named({"interval_count": f"{field}.interval_count"}):
            recurrence = Recurrence.parse(self.interval, self.interval_count or 1)
        name = self.name or _name(price, self.currency, recurrence)
        return Terms((Item(name, price, Decimal(quantity)),), self.currency, recurrence, billing)

    def _price(self, field: str) -> pricing.Price:
        with named({"amount": f"{field}.amount"}):
            shape = self.priced(self.currency).get("price")
            if shape is None:
                raise InvalidInput("A plan needs an amount or a price.", code="missing", field="amount")
        return bounded_price(shape, f"{field}.price")


def _name(price: pricing.Price, currency: str, recurrence: Recurrence) -> str:
    """What a plan without a name is called on lines: `30 USD every month`."""
    asked = "Plan" if price.unit_price is None else f"{plain(price.unit_price)} {currency}"
    return f"{asked} {recurrence}"


PlanChoice = Annotated[str | InlinePlan, OrText(), Field(description="A stored plan by id, or one given here.")]


class ChangeToPreview(Request):
    """Another plan, another quantity or both, from an instant on; what is left out stays."""

    at: Instant
    plan: PlanChoice | None = None
    quantity: Quantity | None = None
    proration: Literal["second", "day", "none", "full", "next_period"] | None = None


class CancellationToPreview(Request):
    """The end, with the period or now, which may give back time that was paid and not used."""

    at: Instant
    mode: Literal["now", "period_end"] = "period_end"
    credit: Literal["second", "day", "none"] = "none"


class SubscriptionToPreview(Preview):
    """A subscription to look ahead on: to before `until` or for so many `cycles`, and for 12 cycles without either.

    It starts now unless `start_at` is given. The time zone is the customer's, else yours, unless given.
    """

    plan: PlanChoice
    quantity: Quantity = Field("1", validate_default=True)
    start_at: Instant | None = None
    timezone: Timezone | None = None
    anchor: AnchorChoice | None = None
    first_period: Literal["prorate", "full", "free"] | None = Field(None, description="The plan's own unless given.")
    proration: Literal["second", "day"] | None = Field(None, description="The plan's own rules unless given.")
    until: Instant | None = None
    cycles: Annotated[int, Field(ge=1, le=MAX_PERIODS)] | None = None
    changes: Annotated[list[ChangeToPreview], Field(max_length=MAX_CHANGES)] = Field(default_factory=list)
    cancel: CancellationToPreview | None = None


class PreviewedPeriod(BaseModel):
    """A paid period [start, end), and what it costs before discount and tax."""

    start: Utc
    end: Utc
    amount: Major

    @classmethod
    def of(cls, paid: ForecastPeriod) -> Self:
        return cls(start=paid.period.start, end=paid.period.end, amount=money_text(paid.amount))


class PreviewedSubscriptionLine(PreviewedLine):
    """A line for `fraction` of the price of a period, in lowest terms. Credits are negative."""

    kind: LineKind
    period_start: Utc
    period_end: Utc
    fraction: str

    @classmethod
    def of(cls, line: Line, total: TotalLine) -> Self:
        return cls(
            **shown_line(total),
            kind=line.kind,
            period_start=line.period.start,
            period_end=line.period.end,
            fraction=str(line.fraction),
        )


class PreviewedInvoice(BaseModel):
    """An invoice to come. A `total` below zero becomes the customer's credit."""

    at: Utc
    lines: list[PreviewedSubscriptionLine]
    subtotal: Major
    discount: Major
    tax: Major
    total: Major
    taxes: list[InvoiceTax]
    notes: list[str]
    review_reason: ReviewReason

    @classmethod
    def of(cls, invoice: ForecastInvoice, review_reason: str | None) -> Self:
        pairs = zip(invoice.lines, invoice.totals.lines, strict=True)
        lines = [PreviewedSubscriptionLine.of(line, total) for line, total in pairs]
        return cls(at=invoice.at, lines=lines, review_reason=review_reason, **shown_totals(invoice.totals))


class PreviewedStatus(BaseModel):
    """From when on the subscription has a status."""

    at: Utc
    status: str


class SubscriptionPreview(BaseModel):
    """What is to come if the invoices are paid. `next_invoice_at` is the first invoice after those shown."""

    currency: str
    periods: list[PreviewedPeriod]
    invoices: list[PreviewedInvoice]
    statuses: list[PreviewedStatus]
    next_invoice_at: Utc | None

    @classmethod
    def of(cls, forecast: Forecast, currency: str, to_review: Callable[[InvoiceTotals], str | None]) -> Self:
        return cls(
            currency=currency,
            periods=[PreviewedPeriod.of(paid) for paid in forecast.periods],
            invoices=[PreviewedInvoice.of(invoice, to_review(invoice.totals)) for invoice in forecast.invoices],
            statuses=[PreviewedStatus(at=each.at, status=each.status) for each in forecast.statuses],
            next_invoice_at=forecast.next_invoice_at,
        )
