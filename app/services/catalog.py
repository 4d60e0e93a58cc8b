"""Products and plans. A price that changes becomes a new version of the plan; what is sold keeps its own."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.db import session
from app.domain.currencies import exponent
from app.domain.errors import Conflict, InvalidInput
from app.domain.periods import Recurrence
from app.domain.pricing import parse_price, price_shape
from app.domain.terms import COUNTED, Billing, FirstPeriod, ProrationMode
from app.models import Plan, Product
from app.queries.base import get
from app.services import charges
from app.services.events import emit
from app.services.history import audit

TAX_BEHAVIORS = ("exclusive", "inclusive")
MAX_TRIAL_DAYS = 730
# How parts of a period are paid, and when: the words that each column takes.
SETTINGS: Mapping[str, Collection[str]] = {
    "bill": tuple(Billing),
    "first_period": tuple(FirstPeriod),
    "proration_upgrade": tuple(ProrationMode),
    "proration_downgrade": tuple(ProrationMode),
    "proration_counted": tuple(sorted(COUNTED)),
}
PRICED = ("currency", "price", "interval", "interval_count", "trial_days", "tax_behavior", "charges", *SETTINGS)


def create_product(values: Mapping[str, Any], at: datetime) -> Product:
    """Add a product. Raises Conflict when its code is taken."""
    row = Product(**values, created_at=at)
    _require(row.name, "name")
    _require(row.code, "code")
    if session().scalar(select(Product.id).where(Product.code == row.code)):
        raise Conflict(f"Another product has the code “{row.code}”.", code="code_taken", field="code")
    session().add(row)
    session().flush()
    audit("product.create", row.id, at, code=row.code)
    emit("product.created", row.id, at)
    return row


def update_product(product_id: str, values: Mapping[str, Any], at: datetime) -> Product:
    """Change a product's name, description, tax category or metadata."""
    row = get(Product, product_id, lock=True)
    for name, value in values.items():
        setattr(row, name, value)
    _require(row.name, "name")
    audit("product.update", row.id, at, fields=sorted(values))
    emit("product.updated", row.id, at, fields=sorted(values))
    return row


def archive_product(product_id: str, at: datetime) -> Product:
    """Sell nothing of a product any more: its plans are archived with it, and who has one keeps it."""
    row = get(Product, product_id, lock=True)
    row.archived_at = row.archived_at or at
    for plan_id in session().scalars(select(Plan.id).where(Plan.product_id == row.id, Plan.archived_at.is_(None))):
        archive_plan(plan_id, at)
    audit("product.archive", row.id, at)
    emit("product.archived", row.id, at)
    return row


def create_plan(values: Mapping[str, Any], at: datetime) -> Plan:
    """Add a plan to a product, or a new version of a plan when its code exists there already.

    `charges`, as `services.charges.add` takes them, are what it asks for besides its own price.
    """
    own = {name: value for name, value in values.items() if name != "charges"}
    row = Plan(**own, created_at=at)
    product = get(Product, row.product_id)
    _check_plan(row)
    latest = (
        session()
        .execute(
            select(Plan.version, Plan.product_id).where(Plan.code == row.code).order_by(Plan.version.desc()).limit(1)
        )
        .first()
    )
    if latest and latest.product_id != product.id:
        raise Conflict(f"A plan of another product has the code “{row.code}”.", code="code_taken", field="code")
    row.version = latest.version + 1 if latest else 1
    session().add(row)
    session().flush()
    charges.add(row, values.get("charges", ()), at)
    audit("plan.create", row.id, at, code=row.code, version=row.version)
    emit("plan.created", row.id, at)
    return row


def update_plan(plan_id: str, values: Mapping[str, Any], at: datetime) -> Plan:
    """Change a plan. A change of price or rhythm makes and gives a new version; a new name changes the plan itself."""
    row = get(Plan, plan_id, lock=True)
    values = {**values, **_as_kept(values)}
    kept = {name: getattr(row, name) for name in ("product_id", "code", "name", "details", *PRICED)}
    kept["charges"] = charges.shapes(row.charges)
    if any(values.get(name, kept[name]) != kept[name] for name in PRICED):
        archive_plan(row.id, at)
        return create_plan({**kept, **values}, at)
    for name in values.keys() - set(PRICED):
        setattr(row, name, values[name])
    _check_plan(row)
    audit("plan.update", row.id, at, fields=sorted(values))
    emit("plan.updated", row.id, at, fields=sorted(values))
    return row


def archive_plan(plan_id: str, at: datetime) -> Plan:
    """Sell a plan no more; who has it keeps it."""
    row = get(Plan, plan_id, lock=True)
    row.archived_at = row.archived_at or at
    audit("plan.archive", row.id, at)
    emit("plan.archived", row.id, at)
    return row


def _as_kept(values: Mapping[str, Any]) -> dict[str, Any]:
    """The prices among the values in the shape that is stored: 29.00 is no other price than 29."""
    kept: dict[str, Any] = {}
    if "price" in values:
        kept["price"] = price_shape(parse_price(values["price"]))
    if "charges" in values:
        kept["charges"] = charges.as_kept(values["charges"])
    return kept


def _check_plan(row: Plan) -> None:
    _require(row.name, "name")
    _require(row.code, "code")
    exponent(row.currency)
    Recurrence.parse(row.interval, 1 if row.interval_count is None else row.interval_count)
    price = parse_price(row.price or {})
    if price.unit_price is not None and price.unit_price < 0:
        raise InvalidInput("A plan's price is not below zero.", code="negative_price", field="price.unit_amount")
    row.price = price_shape(price)
    if not 0 <= (row.trial_days or 0) <= MAX_TRIAL_DAYS:
        raise InvalidInput(f"A trial has 0 to {MAX_TRIAL_DAYS} days.", code="invalid_trial", field="trial_days")
    if row.tax_behavior not in (None, *TAX_BEHAVIORS):
        raise InvalidInput("tax_behavior is exclusive or inclusive.", code="invalid_tax_behavior", field="tax_behavior")
    for name, words in SETTINGS.items():
        if getattr(row, name) not in (None, *words):
            raise InvalidInput(f"{name} is one of {', '.join(words)}.", code="invalid_choice", field=name)


def _require(value: str | None, field: str) -> None:
    if not (value or "").strip():
        raise InvalidInput(f"{field} is missing.", code="missing", field=field)
