"""Tiers, and the prices that are made of them: graduated, volume, stairstep, graduated percentage."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from app.domain.errors import InvalidInput
from app.domain.exact import EXACT, ZERO, plain
from app.domain.pricing.base import Price, Trail, Usage, quantity_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Units up to and including `up_to` (None: without end), each at `unit_amount`, plus `flat_amount` once."""

    up_to: Decimal | None
    unit_amount: Decimal = ZERO
    flat_amount: Decimal = ZERO

    def cost(self, units: Decimal) -> Decimal:
        """What `units` cost in this tier, flat amount included."""
        return EXACT.fma(units, self.unit_amount, self.flat_amount)

    @property
    def price_text(self) -> str:
        return plain(self.unit_amount)

    @property
    def operands(self) -> dict[str, str]:
        return {"unit_amount": plain(self.unit_amount), "flat_amount": plain(self.flat_amount)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTier:
    """Value up to and including `up_to` (None: without end) at `rate` percent, plus `flat_amount` once."""

    up_to: Decimal | None
    rate: Decimal = ZERO
    flat_amount: Decimal = ZERO

    def cost(self, value: Decimal) -> Decimal:
        """What a `value` costs in this tier, flat amount included."""
        return EXACT.fma(value, self.rate.scaleb(-2, EXACT), self.flat_amount)

    @property
    def price_text(self) -> str:
        return f"{plain(self.rate)} %"

    @property
    def operands(self) -> dict[str, str]:
        return {"rate": plain(self.rate), "flat_amount": plain(self.flat_amount)}


AnyTier = Tier | RateTier


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiered(Price):
    """A price with tiers that cover every quantity exactly once: ascending ends above zero, the last without end."""

    tier_type: ClassVar[type[AnyTier]] = Tier

    tiers: tuple[AnyTier, ...]

    def __post_init__(self) -> None:
        Price.__post_init__(self)
        if not self.tiers or self.tiers[-1].up_to is not None:
            raise InvalidInput(
                "The last tier must be without end: set its up_to to null.", code="tiers_bounded", field="tiers"
            )
        end = ZERO
        for i, tier in enumerate(self.tiers[:-1]):
            if tier.up_to is None or tier.up_to <= end:
                raise InvalidInput(
                    f"Tier {i + 1} must end above {plain(end)}: each up_to is above the one before it, and only the"
                    " last is null.",
                    code="tiers_unordered",
                    field=f"tiers.{i}.up_to",
                )
            end = tier.up_to

    def _split(self, quantity: Decimal) -> Iterator[tuple[AnyTier, Decimal, Decimal]]:
        """The tiers that a quantity reaches, each with the part it covers, as a start and an end."""
        start = ZERO
        for tier in self.tiers:
            if quantity <= start:
                return
            end = quantity if tier.up_to is None else min(quantity, tier.up_to)
            yield tier, start, end
            start = end

    def _tier_of(self, quantity: Decimal) -> AnyTier:
        """The tier a whole quantity falls in; the end of a tier belongs to it."""
        return next(tier for tier in self.tiers if tier.up_to is None or quantity <= tier.up_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graduated(Tiered):
    """Each unit at the price of the tier it falls in; a tier's flat amount is due as soon as a unit falls in it.

    Tiers up to 1,000 at 0.05 and beyond at 0.02 plus 1: 1,200 units cost 1000 × 0.05 + 200 × 0.02 + 1 = 55.
    """

    model: ClassVar[str] = "graduated"

    def _price(self, trail: Trail, usage: Usage) -> None:
        for tier, start, end in self._split(quantity_of(usage)):
            units = EXACT.subtract(end, start)
            values = {"from": plain(start), "to": plain(end), **tier.operands}
            trail.add(
                f"{self.model}_tier", f"{plain(units)} × {_price_text(tier)} ({_reach(tier)})", tier.cost(units), values
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class GraduatedPercentage(Graduated):
    """Each part of a value at the rate of the tier it falls in, plus the flat amounts of the tiers reached.

    Tiers up to 1,000 at 2 % and beyond at 1 % plus 5: a value of 1,500 costs 20 + 5 + 5 = 30.
    """

    model: ClassVar[str] = "graduated_percentage"
    tier_type: ClassVar[type[AnyTier]] = RateTier


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Tiered):
    """All units at the price of the one tier that the whole quantity falls in, plus its flat amount.

    Tiers up to 1,000 at 0.05 and beyond at 0.02 plus 1: 1,200 units cost 1200 × 0.02 + 1 = 25.
    """

    model: ClassVar[str] = "volume"

    def _price(self, trail: Trail, usage: Usage) -> None:
        quantity = quantity_of(usage)
        if quantity:
            tier = self._tier_of(quantity)
            values = {"quantity": plain(quantity), **tier.operands}
            text = f"All {plain(quantity)} × {_price_text(tier)} ({_reach(tier)})"
            trail.add("volume", text, tier.cost(quantity), values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stairstep(Tiered):
    """The flat amount of the tier that the whole quantity falls in, however much of it is used.

    Tiers up to 10 for 50 and beyond for 80: 11 units cost 80.
    """

    model: ClassVar[str] = "stairstep"

    def __post_init__(self) -> None:
        Tiered.__post_init__(self)
        for i, tier in enumerate(self.tiers):
            if isinstance(tier, Tier) and tier.unit_amount:
                raise InvalidInput(
                    "A stairstep has one price for the whole step: put it in flat_amount, or use the volume model for"
                    " a price per unit.",
                    code="stairstep_unit_amount",
                    field=f"tiers.{i}.unit_amount",
                )

    def _price(self, trail: Trail, usage: Usage) -> None:
        quantity = quantity_of(usage)
        if quantity:
            tier = self._tier_of(quantity)
            flat_amount = plain(tier.flat_amount)
            text = f"{plain(quantity)} units: {flat_amount} ({_reach(tier)})"
            trail.add("stairstep", text, tier.flat_amount, {"quantity": plain(quantity), "flat_amount": flat_amount})


def _price_text(tier: AnyTier) -> str:
    return tier.price_text + (f" + {plain(tier.flat_amount)}" if tier.flat_amount else "")


def _reach(tier: AnyTier) -> str:
    return "last tier" if tier.up_to is None else f"tier up to {plain(tier.up_to)}"
