"""Credit notes: giving back a part of an invoice, tax included, never more than what is left of it.

However many notes are written and however they are cut, they sum to the invoice to the cent: each is taken out of what
the ones before left, and the last one takes the remainder. The tax given back is that of the invoice, whatever the rate
is by now (Excise Tax Act, section 232).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.domain.currencies import exponent
from app.domain.errors import Conflict, InvalidInput
from app.domain.exact import major_text, round_quotient, round_shares
from app.domain.money import Money


@dataclass(frozen=True, slots=True)
class LinePart:
    """A part of an invoice line, or all of it, in minor units: without tax, and each of its taxes.

    `inclusive` tells how the line was priced, so how a part of it is named: with the taxes inside or without.
    """

    net: int
    taxes: tuple[int, ...] = ()
    inclusive: bool = False

    @property
    def total(self) -> int:
        return self.net + sum(self.taxes)

    @property
    def priced(self) -> int:
        """The part as it was priced."""
        return self.total if self.inclusive else self.net

    def __sub__(self, other: "LinePart") -> "LinePart":
        taxes = tuple([mine - theirs for mine, theirs in zip(self.taxes, other.taxes, strict=True)])
        return LinePart(self.net - other.net, taxes, self.inclusive)


@dataclass(frozen=True, slots=True)
class CreditNote:
    """The parts given back, one for each line of the invoice, in its order; untouched lines have a part of zero."""

    parts: tuple[LinePart, ...]
    currency: str

    @property
    def net(self) -> Money:
        return Money(sum([part.net for part in self.parts]), self.currency)

    @property
    def tax(self) -> Money:
        return Money(sum([sum(part.taxes) for part in self.parts]), self.currency)

    @property
    def total(self) -> Money:
        return self.net + self.tax


def left_of(lines: Sequence[LinePart], notes: Iterable[CreditNote]) -> list[LinePart]:
    """What is left of the lines of an invoice after the credit notes written so far."""
    left = list(lines)
    for note in notes:
        left = [line - part for line, part in zip(left, note.parts, strict=True)]
    return left


def credit_all(left: Sequence[LinePart], currency: str) -> CreditNote:
    """All that is left. Raises Conflict when nothing is."""
    if not any(part.net or any(part.taxes) for part in left):
        raise Conflict("All of this invoice has been credited already.", code="nothing_left_to_credit")
    return CreditNote(tuple(left), currency)


def credit_amount(left: Sequence[LinePart], amount: Money) -> CreditNote:
    """A total to give back, tax included, taken from all lines and taxes in proportion to what is left of them.

    40.68 of a line of 100.00 with 13.00 tax gives back 36.00 and 4.68. Raises InvalidInput for an amount that is not
    above zero, Conflict for one above what is left.
    """
    total = sum([part.total for part in left])
    _check(amount.minor, total, amount.currency, "amount")
    components = [minor for part in left for minor in (part.net, *part.taxes)]
    shares = iter(round_shares([minor * amount.minor for minor in components], total))
    parts = [LinePart(next(shares), tuple([next(shares) for _ in part.taxes]), part.inclusive) for part in left]
    return CreditNote(tuple(parts), amount.currency)


def credit_lines(
    left: Sequence[LinePart], amounts: Mapping[int, Money], currency: str, names: Sequence[str] = ()
) -> CreditNote:
    """Amounts to give back by line position, named as the line was priced; taxes on top follow in proportion.

    50.00 of a line of 100.00 with 13.00 tax on top gives back 50.00 and 6.50. Raises InvalidInput for an unknown line
    or an amount that is not above zero, Conflict for one above what is left of the line or of the invoice; a refusal
    calls the lines by their `names`, or else by their positions.
    """
    parts = [LinePart(0, (0,) * len(part.taxes), part.inclusive) for part in left]
    for position, amount in amounts.items():
        if not 0 <= position < len(left):
            raise InvalidInput(f"The invoice has no line {position}.", code="unknown_line", field=f"lines.{position}")
        field = f"lines.{names[position] if names else position}"
        _check(amount.minor, left[position].priced, currency, field)
        parts[position] = _part(left[position], amount.minor)
    note = CreditNote(tuple(parts), currency)
    _check(note.total.minor, sum([part.total for part in left]), currency, "lines")
    return note


def _part(left: LinePart, amount: int) -> LinePart:
    if left.inclusive:
        net, *taxes = round_shares([minor * amount for minor in (left.net, *left.taxes)], left.total)
        return LinePart(net, tuple(taxes), True)
    return LinePart(amount, tuple([round_quotient(tax * amount, left.net) for tax in left.taxes]))


def _check(amount: int, left: int, currency: str, field: str) -> None:
    if amount <= 0:
        raise InvalidInput("A credit note gives back more than zero.", code="credit_not_positive", field=field)
    if amount > left:
        at_most = major_text(max(left, 0), exponent(currency))
        raise Conflict(
            f"Only {at_most} {currency} is left to be credited here.", code="credit_exceeds_invoice", field=field
        )
