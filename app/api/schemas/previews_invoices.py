"""The preview of an invoice on the wire."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field

from app.api.schemas.base import Request
from app.api.schemas.charges import Price
from app.api.schemas.invoices import InvoiceTax, LineTax
from app.api.schemas.previews import Preview, TaxBehavior, bounded_price
from app.api.schemas.values import Currency, Instant, Major, Number, TaxCategory, Text, Utc
from app.api.wording import named
from app.domain.derivation import Derivation
from app.domain.errors import InvalidInput
from app.domain.exact import parse_exact, plain
from app.domain.invoicing import DraftLine, InvoiceTotals, TaxTotal, TotalLine, priced_line
from app.domain.lines import money_text
from app.domain.money import Money
from app.domain.pricing import Usage
from app.domain.taxes import ChargedTax, TaxTreatment
from app.domain.taxes import LineTax as TaxOfLine
from app.services.upcoming import Upcoming

MAX_LINES, MAX_EVENTS = 100, 1000


class LineToPreview(Request):
    """What is sold: a `quantity` (1 unless given; below zero it is a correction), or the values of single `events`."""

    description: Text
    quantity: Number | None = None
    events: Annotated[list[Number], Field(max_length=MAX_EVENTS)] | None = None
    price: Price
    tax_category: TaxCategory = "saas"
    tax_behavior: TaxBehavior = "exclusive"

    def draft(self, currency: str, treatment: Callable[[str], TaxTreatment], field: str) -> DraftLine:
        """The priced line, with the taxes of its category. Raises InvalidInput, naming the field below `field`."""
        price, usage = bounded_price(self.price, f"{field}.price"), self._usage(field)
        with named({"amount": field}):
            return priced_line(
                self.description,
                price,
                usage,
                currency,
                treatment(self.tax_category),
                inclusive=self.tax_behavior == "inclusive",
            )

    def _usage(self, field: str) -> Usage:
        if self.events is None:
            return Decimal(1) if self.quantity is None else parse_exact(self.quantity, f"{field}.quantity", signed=True)
        if self.quantity is not None:
            raise InvalidInput("Give quantity or events, not both.", code="ambiguous_usage", field=f"{field}.events")
        return tuple(parse_exact(value, f"{field}.events.{i}", signed=True) for i, value in enumerate(self.events))


class InvoiceToPreview(Preview):
    """An invoice to reckon. `at` decides which tax rates are in force; it is now unless given."""

    currency: Currency
    at: Instant | None = None
    lines: Annotated[list[LineToPreview], Field(min_length=1, max_length=MAX_LINES)]


class PreviewedLine(BaseModel):
    """A line. `amount` is as priced, before discount; `derivation` leads to what the line adds to the total."""

    description: str
    quantity: str
    unit_amount: str | None
    amount: Major
    discount: Major
    tax: Major
    taxes: list[LineTax]
    derivation: Derivation


ReviewReason = Annotated[
    str | None,
    Field(description="Why it would be set aside, with nobody charged, until somebody has looked at it, if it would."),
]


class InvoicePreview(BaseModel):
    """What the invoice would be. `subtotal` sums the amounts as priced; `total` is what the customer would pay."""

    currency: str
    subtotal: Major
    discount: Major
    tax: Major
    total: Major
    lines: list[PreviewedLine]
    taxes: list[InvoiceTax]
    notes: list[str]
    review_reason: ReviewReason

    @classmethod
    def of(cls, totals: InvoiceTotals, review_reason: str | None) -> Self:
        lines = [PreviewedLine(**shown_line(line)) for line in totals.lines]
        return cls(currency=totals.currency, lines=lines, review_reason=review_reason, **shown_totals(totals))


class NextInvoice(InvoicePreview):
    """The invoice that will be issued at `at` for the time from `period_start` to `period_end`, if nothing is used or
    changed until then. The customer's balance will pay `amount_from_balance` of it."""

    at: Utc
    period_start: Utc
    period_end: Utc
    amount_from_balance: Major
    amount_due: Major

    @classmethod
    def of_upcoming(cls, found: Upcoming) -> Self:
        return cls(
            **dict(InvoicePreview.of(found.totals, found.review_reason)),
            at=found.at,
            period_start=found.period.start,
            period_end=found.period.end,
            amount_from_balance=money_text(found.from_balance),
            amount_due=money_text(found.due),
        )


def shown_totals(totals: InvoiceTotals) -> dict[str, Any]:
    """What an invoice says below its lines."""
    return {
        "subtotal": money_text(totals.subtotal),
        "discount": money_text(totals.discount),
        "tax": money_text(totals.tax),
        "total": money_text(totals.total),
        "taxes": [_shown_total(tax) for tax in totals.taxes],
        "notes": list(totals.notes),
    }


def shown_line(line: TotalLine) -> dict[str, Any]:
    """The fields of a `PreviewedLine`."""
    draft = line.draft
    return {
        "description": draft.description,
        "quantity": plain(draft.quantity),
        "unit_amount": None if draft.unit_amount is None else plain(draft.unit_amount),
        "amount": money_text(draft.amount),
        "discount": money_text(line.discount),
        "tax": money_text(line.tax),
        "taxes": [_shown_tax(tax, draft.amount.currency) for tax in line.taxes],
        "derivation": line.derivation,
    }


def _shown_tax(tax: TaxOfLine, currency: str) -> LineTax:
    return LineTax(**_cited(tax.tax), amount=money_text(Money(tax.amount, currency)))


def _shown_total(total: TaxTotal) -> InvoiceTax:
    return InvoiceTax(
        **_cited(total.tax),
        taxable=money_text(total.taxable),
        amount=money_text(total.amount),
        registration_number=total.tax.registration_number or None,
    )


def _cited(tax: ChargedTax) -> dict[str, str]:
    rate = tax.rate
    return {"name": rate.name, "jurisdiction": rate.jurisdiction, "rate": plain(rate.percent)}
