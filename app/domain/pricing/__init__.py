"""Prices: what a quantity, or a list of events, costs. One frozen class for each model, one table of them all."""

from app.domain.pricing.base import Price, Priced, Unrounded, Usage
from app.domain.pricing.percentage import Percentage
from app.domain.pricing.shapes import MODELS, parse_price, price_shape
from app.domain.pricing.table import PriceRow, price_table
from app.domain.pricing.tiers import Graduated, GraduatedPercentage, RateTier, Stairstep, Tier, Volume
from app.domain.pricing.units import Package, Standard

__all__ = [
    "MODELS",
    "Graduated",
    "GraduatedPercentage",
    "Package",
    "Percentage",
    "Price",
    "PriceRow",
    "Priced",
    "RateTier",
    "Stairstep",
    "Standard",
    "Tier",
    "Unrounded",
    "Usage",
    "Volume",
    "parse_price",
    "price_shape",
    "price_table",
]
