"""What is known of a payment before it is charged, and the table of rules that decides what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

WINDOW = timedelta(hours=1)  # over which attempts are counted


class Verdict(StrEnum):
    """What to do, from the mildest to the strictest."""

    ALLOW = "allow"
    CHALLENGE = "challenge"  # have the payer's bank ask them (3-D Secure)
    REVIEW = "review"  # charge nothing before a person has looked
    REFUSE = "refuse"


SEVERITY = tuple(Verdict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known. Counts are of the payer's own attempts within the last hour, this one included. Those of the card
    are of whoever has it, as far as the gateway tells cards apart; `card_customers` is how many have it now.

    The gateway's checks are those of the newest payment with the same method: `risk` is normal, elevated or highest;
    None where nothing was checked. `listed` is what the seller's lists say.
    """

    customer_attempts: int = 0
    method_attempts: int = 0
    card_attempts: int = 0
    card_customers: int = 0
    ip_attempts: int = 0
    risk: str | None = None
    cvc: bool | None = None
    address: bool | None = None
    postal_code: bool | None = None
    listed: Verdict | None = None


# What a rule can look at, in words for people; those in COUNTS need a number.
SIGNALS: Mapping[str, str] = {
    "customer_attempts": "Attempts of one customer in an hour",
    "method_attempts": "Attempts with one method in an hour",
    "card_attempts": "Attempts with one card in an hour, whoever's it is",
    "card_customers": "Customers who have the same card",
    "ip_attempts": "Attempts from one address in an hour",
    "cvc_failed": "The bank said the security code is wrong",
    "address_failed": "The bank said the address is wrong",
    "postal_code_failed": "The bank said the postal code is wrong",
    "risk_elevated": "The gateway sees an elevated risk",
    "risk_highest": "The gateway sees the highest risk",
}
COUNTS = ("customer_attempts", "method_attempts", "card_attempts", "card_customers", "ip_attempts")


@dataclass(frozen=True, slots=True)
class Rule:
    """When the signal is there (for counts: `at_least` so many), the verdict is this or a stricter one."""

    signal: str
    verdict: Verdict
    at_least: int = 1


# What holds for sellers who have no rules of their own.
DEFAULTS = (
    Rule("customer_attempts", Verdict.REVIEW, 20),
    Rule("method_attempts", Verdict.REVIEW, 10),
    Rule("ip_attempts", Verdict.REVIEW, 30),
    Rule("cvc_failed", Verdict.CHALLENGE),
    Rule("risk_elevated", Verdict.CHALLENGE),
    Rule("risk_highest", Verdict.REVIEW),
)


def judge(facts: Facts, rules: Sequence[Rule]) -> tuple[Verdict, list[str]]:
    """The strictest verdict of the rules that apply, and their signals. The seller's lists go before all rules.

    >>> judge(Facts(ip_attempts=3), [Rule("ip_attempts", Verdict.REVIEW, 3)])
    (<Verdict.REVIEW: 'review'>, ['ip_attempts'])
    """
    if facts.listed:
        return facts.listed, ["listed"]
    applying = [rule for rule in rules if _applies(rule, facts)]
    strictest = max((rule.verdict for rule in applying), key=SEVERITY.index, default=Verdict.ALLOW)
    return strictest, sorted({rule.signal for rule in applying if rule.verdict is strictest})


def _applies(rule: Rule, facts: Facts) -> bool:
    if rule.signal in COUNTS:
        return bool(getattr(facts, rule.signal) >= rule.at_least)
    subject, _, state = rule.signal.rpartition("_")
    if subject == "risk":
        return facts.risk == state
    return getattr(facts, subject) is False
