"""Debts that will not be paid: how much of them is tax, which is then not owed to the state."""

from app.domain.exact import round_quotient


def tax_within(owed: int, asked: int, tax: int) -> int:
    """The tax in what is still owed of an invoice that asked for `asked` with `tax` in it, all in minor units.

    63.00 owed of 113.00 with 13.00 tax hold 63 × 13/113 = 7.25, rounded half away from zero. For a debt that is written
    off or recovered in parts, take the difference before and after each, and the parts sum up. Source: Excise Tax Act,
    section 231.
    """
    return round_quotient(tax * owed, asked) if asked else 0
