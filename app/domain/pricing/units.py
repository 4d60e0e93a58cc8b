"""Prices without tiers: per unit and per package."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from app.domain.errors import InvalidInput
from app.domain.exact import EXACT, ZERO, plain
from app.domain.pricing.base import Price, Trail, Usage, quantity_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard(Price):
    """A price per unit beyond the free units. It may be negative, for a line that gives money back.

    `Standard(unit_amount=Decimal("0.05"), free_units=Decimal(200))` asks 50 for 1,200 units: (1200 - 200) × 0.05.
    """

    model: ClassVar[str] = "standard"
    signed_fields: ClassVar[frozenset[str]] = frozenset({"unit_amount"})

    unit_amount: Decimal
    free_units: Decimal = ZERO

    @property
    def unit_price(self) -> Decimal:
        return self.unit_amount

    def _price(self, trail: Trail, usage: Usage) -> None:
        quantity = quantity_of(usage)
        billable, less_free = beyond(quantity, self.free_units)
        units, unit_amount = plain(quantity), plain(self.unit_amount)
        trail.add(
            "units",
            f"{units}{less_free} × {unit_amount}",
            EXACT.multiply(billable, self.unit_amount),
            {"quantity": units, "free_units": plain(self.free_units), "unit_amount": unit_amount},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Package(Price):
    """A price per package; a started package counts whole.

    `Package(package_size=Decimal(100), package_amount=Decimal(5))` asks 15 for 201 units: 3 packages × 5.
    """

    model: ClassVar[str] = "package"

    package_size: Decimal
    package_amount: Decimal
    free_units: Decimal = ZERO

    def __post_init__(self) -> None:
        Price.__post_init__(self)
        if self.package_size <= 0:
            raise InvalidInput("A package must hold more than zero units.", code="empty_package", field="package_size")

    def _price(self, trail: Trail, usage: Usage) -> None:
        quantity = quantity_of(usage)
        billable, less_free = beyond(quantity, self.free_units)
        packages = EXACT.divide_int(billable, self.package_size)
        if EXACT.remainder(billable, self.package_size):
            packages += 1
        values = {"quantity": quantity, "free_units": self.free_units, "package_size": self.package_size}
        trail.add(
            "packages",
            f"{plain(quantity)}{less_free}: {plain(packages)} packages of {plain(self.package_size)}"
            f" × {plain(self.package_amount)}",
            EXACT.multiply(packages, self.package_amount),
            {name: plain(value) for name, value in values.items()} | {"package_amount": plain(self.package_amount)},
        )


def beyond(quantity: Decimal, free_units: Decimal) -> tuple[Decimal, str]:
    """The units to be paid, and the words that say which were free."""
    if not free_units:
        return quantity, ""
    return max(EXACT.subtract(quantity, free_units), ZERO), f" less {plain(free_units)} free"
