"""What a plan charges besides its own price: recurring charges times the seats, and charges for metered usage."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.db import session
from app.domain.errors import InvalidInput, NotFound
from app.domain.pricing import Percentage, Price, parse_price, price_shape
from app.models import Charge, Meter, Plan
from app.queries.base import get

KINDS = ("recurring", "usage")
FIELDS = ("name", "kind", "price", "meter_id")
MOST = 50


def add(plan: Plan, charges: Sequence[Mapping[str, Any]], at: datetime) -> None:
    """Give a new plan its charges, in this order: `name`, `kind` (recurring, usage), `price`, and `meter_id` for usage.

    Raises InvalidInput, naming the field, such as `charges.0.price.rate`.
    """
    if len(charges) > MOST:
        raise InvalidInput(f"A plan has at most {MOST} charges.", code="too_many", field="charges")
    session().add_all(_charge(plan, position, given, at) for position, given in enumerate(charges))
    session().flush()
    session().refresh(plan, ["charges"])


def shapes(rows: Sequence[Charge]) -> list[dict[str, Any]]:
    """Charges as `add` takes them: plans whose shapes are equal charge the same."""
    return [{name: getattr(row, name) for name in FIELDS} for row in rows]


def as_kept(charges: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Charges as given, in the shape that is stored. Raises InvalidInput for a price that is none."""
    return [
        {**{name: given.get(name) for name in FIELDS}, "price": price_shape(_price(given, position))}
        for position, given in enumerate(charges)
    ]


def _charge(plan: Plan, position: int, given: Mapping[str, Any], at: datetime) -> Charge:
    field = f"charges.{position}"
    row = Charge(plan_id=plan.id, position=position, created_at=at, **given)
    if not (row.name or "").strip():
        raise InvalidInput("A charge needs a name.", code="missing", field=f"{field}.name")
    price = _price(given, position)
    row.price = price_shape(price)
    _check_kind(row, price, field)
    return row


def _price(given: Mapping[str, Any], position: int) -> Price:
    return parse_price(given.get("price") or {}, f"charges.{position}.price")


def _check_kind(row: Charge, price: Price, field: str) -> None:
    if row.kind not in KINDS:
        raise InvalidInput(f"kind is one of {', '.join(KINDS)}.", code="invalid_choice", field=f"{field}.kind")
    if (row.kind == "usage") != bool(row.meter_id):
        raise InvalidInput(
            "A usage charge names its meter, and a recurring one has none.",
            code="charge_meter",
            field=f"{field}.meter",
        )
    if row.meter_id:
        _check_meter(row.meter_id, price, f"{field}.meter")


def _check_meter(meter_id: str, price: Price, field: str) -> None:
    """A percentage is asked of the value of each event, which only a meter that sums values knows."""
    try:
        meter = get(Meter, meter_id)
    except NotFound as missing:
        raise InvalidInput(missing.message, code=missing.code, field=field) from None
    if meter.archived_at:
        raise InvalidInput(f"The meter “{meter.code}” is archived.", code="meter_archived", field=field)
    if isinstance(price, Percentage) and meter.aggregation != "sum":
        raise InvalidInput(
            f"A percentage needs a meter that sums up values; “{meter.code}” gives {meter.aggregation}.",
            code="charge_meter",
            field=field,
        )
