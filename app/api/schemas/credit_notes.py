"""Credit notes on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from app import models
from app.api.schemas.base import Listing, Request
from app.api.schemas.invoices import InvoiceTax, in_major
from app.api.schemas.subscriptions import Reason
from app.api.schemas.values import CreditNoteId, CustomerId, InvoiceId, InvoiceLineId, Major, Number, Utc, major
from app.domain.money import Money
from app.services.credit_notes import Drawn


class NewCreditNote(Request):
    """What to give back of an invoice: an `amount`, tax included; amounts of `lines`; or, without both, all of it."""

    amount: Number | None = Field(None, description="In the invoice's currency, tax included.")
    lines: Annotated[dict[InvoiceLineId, Number], Field(min_length=1, max_length=500)] | None = Field(
        None, description="Amounts by line id, as the lines are priced: tax on top is added."
    )
    settle: Literal["auto", "refund", "balance"] = Field(
        "auto",
        description="Where goes what was paid: back to the payments (refund), to the customer's balance, or back as far"
        " as the gateways can and the rest to the balance (auto). What is still owed is taken off first.",
    )
    reason: Reason = ""

    def money(self, currency: str) -> Money | None:
        """The amount. Raises InvalidInput for one with more decimals than the currency has."""
        return None if self.amount is None else Money.parse(self.amount, currency)

    def parts(self, currency: str) -> Mapping[str, Money] | None:
        """The amounts of the lines; raises likewise."""
        if self.lines is None:
            return None
        return {line: Money.parse(amount, currency, f"lines.{line}") for line, amount in self.lines.items()}


class CreditNoteLine(BaseModel):
    """The part of an invoice line that was given back: `amount` is without tax."""

    invoice_line: InvoiceLineId
    description: str
    amount: Major
    tax: Major


class CreditNotePreview(BaseModel):
    """What a credit note would come to. Nothing is stored."""

    currency: str
    subtotal: Major
    tax: Major
    total: Major
    off_invoice: Major = Field(description="Taken off what is still owed.")
    refund: Major = Field(description="Sent back to the payments.")
    to_balance: Major = Field(description="Kept as the customer's credit.")
    lines: list[CreditNoteLine]

    @classmethod
    def of(cls, drawn: Drawn) -> Self:
        note, currency = drawn.note, drawn.note.currency
        pairs = zip(drawn.left, note.parts, strict=True)
        return cls(
            currency=currency,
            subtotal=major(note.net.minor, currency),
            tax=major(note.tax.minor, currency),
            total=major(note.total.minor, currency),
            off_invoice=major(drawn.split.owed, currency),
            refund=major(drawn.split.refund, currency),
            to_balance=major(drawn.split.balance, currency),
            lines=[
                CreditNoteLine(
                    invoice_line=each.line.id,
                    description=each.line.description,
                    amount=major(part.net, currency),
                    tax=major(sum(part.taxes), currency),
                )
                for each, part in pairs
                if part.net or any(part.taxes)
            ],
        )


class CreditNote(BaseModel):
    """A part of an invoice given back, tax included. `subtotal` is without tax."""

    id: CreditNoteId
    number: str
    invoice: InvoiceId
    customer: CustomerId
    reason: str
    currency: str
    subtotal: Major
    tax: Major
    total: Major
    off_invoice: Major = Field(description="Taken off what was still owed.")
    refund: Major = Field(description="Sent back to the payments.")
    to_balance: Major = Field(description="Kept as the customer's credit.")
    taxes: list[InvoiceTax]
    issued_at: Utc

    @classmethod
    def of(cls, row: models.CreditNote) -> Self:
        return cls(**_shared(row))


class CreditNoteWithLines(CreditNote):
    """A credit note with its lines."""

    lines: list[CreditNoteLine]

    @classmethod
    def of(cls, row: models.CreditNote) -> Self:
        return cls(**_shared(row), lines=[_line(line, row.currency) for line in row.lines])


class CreditNoteListing(Listing):
    """Which credit notes."""

    q: str | None = Field(None, max_length=255, description="Part of the number, or of the customer's name or e-mail.")
    invoice: str | None = Field(None, max_length=64)
    customer: str | None = Field(None, max_length=64)
    currency: str | None = Field(None, max_length=3)


_MONEY = {
    "subtotal": "net_minor",
    "tax": "tax_minor",
    "total": "total_minor",
    "off_invoice": "owed_minor",
    "refund": "refund_minor",
    "to_balance": "balance_minor",
}


def _shared(row: models.CreditNote) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in ("id", "number", "reason", "currency", "issued_at")},
        **{name: major(getattr(row, column), row.currency) for name, column in _MONEY.items()},
        "invoice": row.invoice_id,
        "customer": row.customer_id,
        "taxes": [InvoiceTax.model_validate(in_major(tax, row.currency)) for tax in row.taxes],
    }


def _line(row: models.CreditNoteLine, currency: str) -> CreditNoteLine:
    return CreditNoteLine(
        invoice_line=row.invoice_line_id,
        description=row.description,
        amount=major(row.net_minor, currency),
        tax=major(row.tax_minor, currency),
    )
