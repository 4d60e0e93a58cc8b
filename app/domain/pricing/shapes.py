"""Prices in and out of their JSON shape, which is the same in the API and in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from decimal import Decimal
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.exact import parse_exact, plain
from app.domain.pricing.base import Price
from app.domain.pricing.percentage import Percentage
from app.domain.pricing.tiers import AnyTier, Graduated, GraduatedPercentage, Stairstep, Tiered, Volume
from app.domain.pricing.units import Package, Standard

_CLASSES: tuple[type[Price], ...] = (
    Standard,
    Graduated,
    Volume,
    Stairstep,
    Package,
    Percentage,
    GraduatedPercentage,
)
MODELS: dict[str, type[Price]] = {cls.model: cls for cls in _CLASSES}


def parse_price(shape: Mapping[str, Any], field: str = "price") -> Price:
    """A price out of its JSON shape: `{"model": "standard", "unit_amount": "9.99"}`. All fields are in API.md.

    Numbers are decimal strings or whole JSON numbers, of at most 12 decimals; null counts as not given. `field` is
    where the shape stands in the request, for the refusal. Raises InvalidInput, naming the field, for an unknown model
    or field, one that is missing, out of range or below zero, and tiers with holes.
    """
    model = shape.get("model")
    if not isinstance(model, str) or model not in MODELS:
        raise InvalidInput(
            f"{field}.model must be one of {', '.join(MODELS)}.", code="unknown_price_model", field=f"{field}.model"
        )
    cls = MODELS[model]
    given = {name: value for name, value in shape.items() if name != "model"}
    values = _values(cls, given, field, f"a {model} price", cls.signed_fields)
    try:
        return cls(**values)
    except InvalidInput as refusal:
        raise InvalidInput(refusal.message, code=refusal.code, field=f"{field}.{refusal.field}") from None


def price_shape(price: Price) -> dict[str, Any]:
    """The JSON shape of a price; `parse_price` reads it back to an equal price."""
    shape: dict[str, Any] = {"model": price.model, **_texts(price)}
    if isinstance(price, Tiered):
        shape["tiers"] = [{"up_to": None, **_texts(tier)} for tier in price.tiers]
    return shape


def _texts(part: Price | AnyTier) -> dict[str, str]:
    values = ((f.name, getattr(part, f.name)) for f in fields(part))
    return {name: plain(value) for name, value in values if isinstance(value, Decimal)}


def _values(
    cls: type[Price] | type[AnyTier], given: Mapping[str, Any], path: str, what: str, signed: frozenset[str]
) -> dict[str, Any]:
    """The constructor arguments of `cls` out of what was given."""
    known = {f.name: f for f in fields(cls)}
    for name in given:
        if name not in known:
            raise InvalidInput(
                f"{what} has no {name}: it has {', '.join(known)}.", code="unknown_field", field=f"{path}.{name}"
            )
    values = {
        name: _value(cls, name, value, f"{path}.{name}", name in signed)
        for name, value in given.items()
        if value is not None or name == "up_to"
    }
    for name, declared in known.items():
        if declared.default is MISSING and name not in values:
            raise InvalidInput(f"{what} needs {name}.", code="missing_field", field=f"{path}.{name}")
    return values


def _value(cls: type[Price] | type[AnyTier], name: str, value: Any, path: str, signed: bool) -> object:
    if name == "tiers" and issubclass(cls, Tiered):
        return _tiers(cls.tier_type, value, path)
    if name == "up_to" and value is None:
        return None
    return parse_exact(value, path, signed=signed)


def _tiers(tier_type: type[AnyTier], rows: object, path: str) -> tuple[AnyTier, ...]:
    if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
        raise InvalidInput(f"{path} must be a list of tiers.", code="invalid_tiers", field=path)
    return tuple(
        tier_type(**_values(tier_type, row, f"{path}.{i}", "A tier", frozenset())) for i, row in enumerate(rows)
    )
