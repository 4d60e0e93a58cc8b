"""Bills that a person should see before anybody is charged (issue 3, guards)."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.currencies import exponent
from app.domain.errors import Conflict
from app.domain.money import Money


@dataclass(frozen=True, slots=True)
class Limits:
    """The most lines, and the greatest amount before tax in whole major units of its currency, that go unseen."""

    lines: int
    amount: int


def concern(amounts: Sequence[Money], limits: Limits) -> str | None:
    """Why a person is to look at a bill of these lines first, as `refuse_abnormal` says it; None: nobody needs to."""
    try:
        refuse_abnormal(amounts, limits)
    except Conflict as refusal:
        return refusal.message
    return None


def refuse_abnormal(amounts: Sequence[Money], limits: Limits) -> None:
    """Raise Conflict for a bill of these lines that has too many of them (`abnormal_lines`) or asks for too much
    (`abnormal_amount`): with a limit of 1,000, lines of 600.00 and 400.01."""
    if len(amounts) > limits.lines:
        raise Conflict(
            f"This invoice would have {len(amounts):,} lines, and more than {limits.lines:,} are looked at first.",
            code="abnormal_lines",
        )
    total = sum(amount.minor for amount in amounts)
    if amounts and total > limits.amount * 10 ** exponent(amounts[0].currency):
        asked = Money(total, amounts[0].currency)
        raise Conflict(
            f"This invoice would come to {asked} before tax, and more than {limits.amount:,} is looked at first.",
            code="abnormal_amount",
        )
