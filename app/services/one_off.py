"""Lines that people write: a description and a price, and no plan behind them."""

from dataclasses import dataclass
from decimal import Decimal

from app.domain.errors import InvalidInput
from app.domain.exact import parse_exact
from app.domain.invoicing import DraftLine, priced_line
from app.domain.pricing import parse_price
from app.domain.taxes import UNTAXED, TaxTreatment, check_category


@dataclass(frozen=True, slots=True)
class OneOff:
    """A line of a one-off invoice: `unit_amount` in major units, times `quantity`, before tax."""

    description: str
    unit_amount: str | int | Decimal
    quantity: str | int | Decimal = 1
    tax_category: str = "service"
    inclusive: bool = False


def check(line: OneOff, currency: str, field: str = "") -> None:
    """Raise InvalidInput, naming the field, for a line that no invoice in this currency could have."""
    check_category(line.tax_category)
    priced(line, currency, field)


def priced(line: OneOff, currency: str, field: str = "", treatment: TaxTreatment = UNTAXED) -> DraftLine:
    """The line with its amount, rounded once, half away from zero: 2.5 hours at 120.00 are 300.00.

    `field` is where the line stands in the request; empty: it is the request. Raises InvalidInput, naming the field,
    also for an amount below zero or beyond what can be stored.
    """
    where = f"{field}." if field else ""
    if not line.description.strip():
        raise InvalidInput("A line needs a description.", code="missing", field=f"{where}description")
    quantity = parse_exact(line.quantity, f"{where}quantity")
    each = parse_exact(line.unit_amount, f"{where}unit_amount", signed=True)
    price = parse_price({"model": "standard", "unit_amount": each}, field)
    try:
        draft = priced_line(line.description, price, quantity, currency, treatment, inclusive=line.inclusive)
    except InvalidInput as refusal:
        raise InvalidInput(refusal.message, code=refusal.code, field=f"{where}unit_amount") from None
    if draft.amount.minor < 0:
        raise InvalidInput(
            "A line is not below zero: use a credit note.", code="negative_amount", field=f"{where}unit_amount"
        )
    return draft
