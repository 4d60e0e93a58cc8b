"""Which gateway account takes a payment: the seller's rules, in order, and chance by weight among equals."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Case:
    """A payment to be routed: its amount in minor units of its currency, and the payer's country, where it is known.

    `kind` is that of the method (`card`), None for whatever the payer chooses with the gateway.
    """

    currency: str
    minor: int
    country: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """An account takes payments that meet every condition which is not None. Both ends of the amount are included.

    Rules of one `position` share by `weight`; those of the next ones stand in when the first cannot be reached. With
    `on_decline` they also stand in when the payer's bank refuses.
    """

    account_id: str
    position: int = 1
    weight: int = 1
    currency: str | None = None
    country: str | None = None
    kind: str | None = None
    min_minor: int | None = None
    max_minor: int | None = None
    on_decline: bool = False

    def takes(self, case: Case) -> bool:
        """Whether every condition is met. A kind that is not known yet meets any.

        >>> Rule("gac_1", currency="KES", min_minor=100).takes(Case("KES", 100))
        True
        """
        return (
            self.currency in (None, case.currency)
            and self.country in (None, case.country)
            and (self.kind is None or case.kind in (None, self.kind))
            and (self.min_minor is None or self.min_minor <= case.minor)
            and (self.max_minor is None or case.minor <= self.max_minor)
        )


def order(rules: Sequence[Rule], account_ids: Sequence[str], case: Case, draw: str) -> list[str]:
    """The accounts that may take the payment, the one to try first at the front.

    Accounts without any rule come last, in the order given; those whose rules are all about something else are left
    out. `draw` decides by weight among rules of one position, and always in the same way: it is the invoice's id, so
    that a second try does not roll the dice again.
    """
    fitting = [rule for rule in rules if rule.takes(case) and rule.account_id in account_ids]
    chosen: list[str] = []
    for position in sorted({rule.position for rule in fitting}):
        equals = [rule for rule in fitting if rule.position == position]
        while equals:
            rule = _drawn(equals, f"{draw}/{position}")
            equals.remove(rule)
            chosen.append(rule.account_id)
    ruled = {rule.account_id for rule in rules}
    return list(dict.fromkeys([*chosen, *(one for one in account_ids if one not in ruled)]))


def stands_in_on_decline(rules: Sequence[Rule], account_id: str, case: Case) -> bool:
    """Whether an account may be tried after the payer's bank has refused elsewhere."""
    return any(rule.on_decline and rule.account_id == account_id and rule.takes(case) for rule in rules)


def _drawn(rules: Sequence[Rule], draw: str) -> Rule:
    point = int.from_bytes(sha256(draw.encode()).digest()[:8]) % sum(rule.weight for rule in rules)
    for rule in rules:
        point -= rule.weight
        if point < 0:
            return rule
    return rules[-1]
