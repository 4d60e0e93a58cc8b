"""Why an amount is what it is: the steps that led to it, each with its operands, so that it can be computed again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a computation.

    `step` names the rule (a key of `explain.RULES`), `text` says it to a person, `amount` is the exact running amount
    in major units after the step (a decimal, or a fraction such as "310/7" before the single rounding), and `values`
    are the operands by name, as strings.
    """

    step: str
    text: str
    amount: str
    values: Mapping[str, str] = field(default_factory=dict, hash=False)

    def as_json(self) -> dict[str, Any]:
        """The step as it is kept with a line; `Step(**kept)` is the step again."""
        return {"step": self.step, "text": self.text, "amount": self.amount, "values": dict(self.values)}


Derivation = tuple[Step, ...]
