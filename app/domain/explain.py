"""Computing a derivation again: every step from its operands alone, compared with what it claims."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, floor

from app.domain.currencies import exponent
from app.domain.derivation import Derivation
from app.domain.errors import InvalidInput
from app.domain.money import Money


class Operands:
    """The operands of a step by name. Numbers are exact; one that a step does not have is zero."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __call__(self, name: str) -> Fraction:
        return Fraction(self._values.get(name, "0"))

    def text(self, name: str) -> str:
        return self._values.get(name, "")


Rule = Callable[[Fraction, Operands], Fraction]


def recompute(derivation: Derivation) -> Fraction:
    """The amount a derivation ends with, in major units, after computing each step anew from its operands.

    The rules are written a second time here, in plain fractions, so that they check those that priced the line. Raises
    InvalidInput for a step without a rule and for one whose amount differs from what its operands give.
    """
    amount = Fraction(0)
    for position, step in enumerate(derivation, start=1):
        rule = RULES.get(step.step)
        if rule is None:
            raise InvalidInput(f"Step {position} follows no known rule, “{step.step}”.", code="unknown_step")
        amount = rule(amount, Operands(step.values))
        if amount != Fraction(step.amount):
            raise InvalidInput(
                f"Step {position} (“{step.text}”) claims {step.amount}, but its operands give {amount}.",
                code="derivation_differs",
            )
    return amount


def _units(before: Fraction, of: Operands) -> Fraction:
    return before + max(of("quantity") - of("free_units"), Fraction(0)) * of("unit_amount")


def _packages(before: Fraction, of: Operands) -> Fraction:
    billable = max(of("quantity") - of("free_units"), Fraction(0))
    return before + ceil(billable / of("package_size")) * of("package_amount")


def _tier(before: Fraction, of: Operands) -> Fraction:
    return before + (of("to") - of("from")) * of("unit_amount") + of("flat_amount")


def _rate_tier(before: Fraction, of: Operands) -> Fraction:
    return before + (of("to") - of("from")) * of("rate") / 100 + of("flat_amount")


def _volume(before: Fraction, of: Operands) -> Fraction:
    return before + of("quantity") * of("unit_amount") + of("flat_amount")


def _round(before: Fraction, of: Operands) -> Fraction:
    return Fraction(Money.rounded(before, of.text("currency")).amount)


def _share(of: Operands) -> Fraction:
    """A share of an amount in whole minor units, away from zero or towards it, as the operand says."""
    scale = 10 ** exponent(of.text("currency"))
    exact = abs(of("of") * of("share")) * scale
    minor = ceil(exact) if of.text("rounding") == "away" else floor(exact)
    return Fraction(minor if of("of") >= 0 else -minor, scale)


def _discount_share(before: Fraction, of: Operands) -> Fraction:
    return before * (of("amount") - of("discount")) / of("amount")


RULES: dict[str, Rule] = {
    "given": lambda before, of: before + of("amount"),
    "units": _units,
    "packages": _packages,
    "graduated_tier": _tier,
    "graduated_percentage_tier": _rate_tier,
    "volume": _volume,
    "stairstep": lambda before, of: before + of("flat_amount"),
    "percentage": lambda before, of: before + of("value") * of("rate") / 100,
    "each_event": lambda before, of: before + of("events") * of("amount"),
    "minimum": lambda before, of: max(before, of("minimum_amount")),
    "maximum": lambda before, of: min(before, of("maximum_amount")),
    "credit": lambda before, _: -before,
    "round": _round,
    "prorate": lambda before, of: before * of("numerator") / of("denominator"),
    "discount_share": _discount_share,
    "credit_limit": lambda before, of: -of("left") if abs(before) > abs(of("left")) else before,
    "left": lambda _, of: of("amount") - of("discount") - of("credited"),
    "discount": lambda before, of: before - _share(of),
    "tax": lambda before, of: before + _share(of),
    "tax_included": lambda before, of: before + _share(of) - of("tax"),
}
