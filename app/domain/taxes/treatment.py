"""The answer to the question which taxes a line bears."""

from dataclasses import dataclass, field
from fractions import Fraction

from app.domain.taxes.rates import Ratio, TaxRate


@dataclass(frozen=True, slots=True)
class ChargedTax:
    """A rate that is charged, and the number it is charged under."""

    rate: TaxRate
    registration_number: str


@dataclass(frozen=True, slots=True)
class TaxTreatment:
    """What applies to a line: the taxes, those on top of others last, and notes to print on the invoice.

    `included` holds, for each tax, its share of a price that includes them all: 13/113 for 13 %.
    """

    taxes: tuple[ChargedTax, ...] = ()
    notes: tuple[str, ...] = ()
    included: tuple[Ratio, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts: list[Fraction] = []
        for tax in self.taxes:
            parts.append(Fraction(*tax.rate.ratio) * (1 + (sum(parts) if tax.rate.compound else 0)))
        shares = (part / (1 + sum(parts)) for part in parts)
        object.__setattr__(self, "included", tuple(share.as_integer_ratio() for share in shares))


UNTAXED = TaxTreatment()
REVERSE_CHARGED = TaxTreatment(notes=("Reverse charge",))
