"""What the prices of a plan come to, while they are being written and afterwards."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from app.domain.errors import BillingError
from app.domain.pricing import Price, PriceRow, price_table
from app.models import Plan
from app.web.admin.forms.plans import PlanForm
from app.web.admin.forms.prices import PriceForm


class PriceTable(NamedTuple):
    """What one price comes to for telling quantities, or why that cannot be said. `measured`: what is counted."""

    title: str
    measured: str
    rows: Sequence[PriceRow]
    refused: str | None = None


OF_VALUE = ("percentage", "graduated_percentage")


def tables_of(form: PlanForm, currency: str) -> list[PriceTable]:
    """A table for each price in the form, as it is filled in so far."""
    tried = form.quantity()
    return [_written(title, part, path, currency, tried) for title, part, path in form.priced]


def tables_of_plan(plan: Plan) -> list[PriceTable]:
    """A table for each price of a plan."""
    prices = [("The plan", plan.pricing), *((charge.name, charge.pricing) for charge in plan.charges)]
    return [_table(title, price, plan.currency, ()) for title, price in prices]


def _written(title: str, part: PriceForm, path: str, currency: str, tried: Sequence[Decimal]) -> PriceTable:
    try:
        return _table(title, part.price(path), currency, tried)
    except BillingError as refusal:
        words = refusal.message.replace(f"{path}.", "").replace("_", " ")
        return PriceTable(title, "", (), words)


def _table(title: str, price: Price, currency: str, tried: Sequence[Decimal]) -> PriceTable:
    measured = "Value of one event" if price.model in OF_VALUE else "Units"
    return PriceTable(title, measured, price_table(price, currency, tried))
