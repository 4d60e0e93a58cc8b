"""Invoices on the wire."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, StringConstraints

from app import models
from app.api.schemas.base import UNSET, Listing, Request, StatusesOf
from app.api.schemas.subscriptions import Collection, Reason
from app.api.schemas.values import (
    Currency,
    CustomerId,
    InvoiceId,
    InvoiceLineId,
    IpAddress,
    LongText,
    Major,
    Number,
    PaymentMethodId,
    TaxCategory,
    Text,
    Utc,
    major,
)
from app.domain.exact import plain
from app.models.base import Json
from app.present import present
from app.queries.portal import OWED
from app.services import pay_links
from app.services.one_off import OneOff


class NewInvoiceLine(Request):
    """A line of a one-off invoice: `unit_amount` in the customer's currency, times `quantity`, before tax."""

    description: Text
    unit_amount: Number
    quantity: Number = Field("1", validate_default=True)
    tax_category: TaxCategory = "service"
    inclusive: bool = Field(False, description="Whether the amount includes tax.")

    def one_off(self) -> OneOff:
        return OneOff(self.description, self.unit_amount, self.quantity, self.tax_category, self.inclusive)


class LineChanges(Request):
    """What of a draft's line can change; what is left out stays."""

    description: Text = UNSET
    unit_amount: Number = UNSET
    quantity: Number = UNSET


class NewInvoice(Request):
    """An invoice that belongs to no subscription. It is issued, with its number, at once, unless it is a draft."""

    customer: CustomerId
    currency: Currency | None = Field(None, description="If given, it must be the customer's.")
    lines: Annotated[list[NewInvoiceLine], Field(min_length=1, max_length=100)]
    collection: Collection = "manual"
    memo: LongText = ""
    draft: bool = Field(False, description="Keep it open for changes until it is finalised.")


class Voiding(Request):
    """Why an invoice is taken back."""

    reason: Reason = ""


class WriteOff(Request):
    """Why an invoice is given up."""

    reason: Reason = ""


class InvoicePayment(Request):
    """What to pay an invoice with: the subscription's or the customer's method unless given."""

    payment_method_id: PaymentMethodId | None = None
    amount: Number | None = Field(None, description="A part of what is due. All of it unless given.")
    currency: Currency | None = Field(None, description="Of the amount: the invoice's.")
    off_session: bool = Field(False, description="Nobody is there to answer the bank's questions.")
    return_url: Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://")] | None = Field(
        None, description="Where the payer is sent in the end, with `payment` in the query."
    )
    payer_ip: IpAddress | None = Field(None, description="Where the payer is, for fraud checks.")
    capture: Literal["automatic", "manual"] = Field(
        "automatic", description="`manual`: only reserve the money, to be captured or given up later."
    )


class LineTax(BaseModel):
    """A tax on one line."""

    name: str
    jurisdiction: str
    rate: str
    amount: Major


class InvoiceTax(LineTax):
    """A tax over the whole invoice."""

    taxable: Major
    registration_number: str | None


class InvoiceLine(BaseModel):
    """A line. `amount` is as priced, before discount; `derivation` says why it is that much, step by step."""

    id: InvoiceLineId
    description: str
    kind: str
    quantity: str
    unit_amount: str | None
    amount: Major
    discount: Major
    tax: Major
    taxes: list[LineTax]
    period_start: Utc | None
    period_end: Utc | None
    plan: str | None
    derivation: list[dict[str, Any]]

    @classmethod
    def of(cls, row: models.InvoiceLine, currency: str) -> Self:
        return cls(
            id=row.id,
            description=row.description,
            kind=row.kind,
            quantity=plain(row.quantity),
            unit_amount=None if row.unit_amount is None else plain(row.unit_amount),
            amount=major(row.amount_minor, currency),
            discount=major(row.discount_minor, currency),
            tax=major(row.tax_minor, currency),
            taxes=[LineTax.model_validate(in_major(tax, currency)) for tax in row.taxes],
            period_start=row.period_start,
            period_end=row.period_end,
            plan=row.plan_id,
            derivation=row.derivation,
        )


class Invoice(BaseModel):
    """A demand for money. `total` is what the customer pays, `amount_due` what is left of it."""

    id: InvoiceId
    number: str | None
    status: str
    customer: CustomerId
    subscription: str | None
    reason: str
    collection: Collection
    currency: str
    subtotal: Major
    discount: Major
    tax: Major
    total: Major
    amount_paid: Major
    amount_credited: Major = Field(description="Taken off by credit notes.")
    amount_from_balance: Major = Field(description="Paid by the customer's balance; below zero it went there.")
    amount_due: Major
    taxes: list[InvoiceTax]
    notes: list[str]
    memo: str
    period_start: Utc | None
    period_end: Utc | None
    issued_at: Utc | None
    due_at: Utc | None
    paid_at: Utc | None
    voided_at: Utc | None
    written_off_at: Utc | None
    finalize_at: Utc | None = Field(description="When a draft is finalised by itself; null: only by hand.")
    review_reason: str | None = Field(description="Why it waits for somebody to look at it; finalising it lets it go.")
    replaced_by: str | None
    attempts: int
    metadata: dict[str, str]
    created_at: Utc

    @classmethod
    def of(cls, row: models.Invoice) -> Self:
        return cls(**_shared(row))


class InvoiceWithLines(Invoice):
    """An invoice with its lines, and the page on which it can be paid."""

    lines: list[InvoiceLine]
    payment_url: str | None = Field(description="For 60 days, to whoever has it. Null when there is nothing to pay.")

    @classmethod
    def of(cls, row: models.Invoice) -> Self:
        lines = [InvoiceLine.of(line, row.currency) for line in row.lines]
        return cls(**_shared(row), lines=lines, payment_url=payment_url(row))


class InvoiceListing(Listing):
    """Which invoices."""

    q: str | None = Field(None, max_length=255, description="Part of the number, or of the customer's name or e-mail.")
    status: Annotated[str, StatusesOf("invoice")] | None = None
    customer: str | None = Field(None, max_length=64)
    subscription: str | None = Field(None, max_length=64)
    currency: str | None = Field(None, max_length=3)
    number: str | None = Field(None, max_length=40)


_MONEY = {
    "subtotal": "subtotal_minor",
    "discount": "discount_minor",
    "tax": "tax_minor",
    "total": "total_minor",
    "amount_paid": "paid_minor",
    "amount_credited": "credited_minor",
    "amount_from_balance": "from_balance_minor",
}
_PLAIN = (
    "id number status reason collection currency notes memo period_start period_end"
    " issued_at due_at paid_at voided_at written_off_at finalize_at review_reason attempts created_at"
).split()


def payment_url(row: models.Invoice) -> str | None:
    """The hosted page of an invoice that can be paid. All that ask on one day are told the same."""
    if row.status not in OWED or not row.due:
        return None
    today = present(row.id).replace(hour=0, minute=0, second=0, microsecond=0)
    return pay_links.page_address(row.id, today)


def _shared(row: models.Invoice) -> dict[str, Any]:
    money = {name: major(getattr(row, column), row.currency) for name, column in _MONEY.items()}
    return {
        **{name: getattr(row, name) for name in _PLAIN},
        **money,
        "customer": row.customer_id,
        "subscription": row.subscription_id,
        "replaced_by": row.replaced_by_id,
        "amount_due": major(row.due.minor, row.currency),
        "taxes": [InvoiceTax.model_validate(in_major(tax, row.currency)) for tax in row.taxes],
        "metadata": row.details,
    }


def in_major(tax: Json, currency: str) -> Json:
    """A tax as kept, its `…_minor` in major units."""
    return {
        name.removesuffix("_minor"): major(value, currency) if name.endswith("_minor") else value
        for name, value in tax.items()
    }
