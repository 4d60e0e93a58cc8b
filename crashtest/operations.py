"""Which operations each gateway has, and in which of them processes were killed: one table."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from app.gateways import gateway_class
from app.gateways.base import Capability
from crashtest import acts

# What a gateway declares → the acts that are killed because of it. Killed workers do the rest of each.
OPERATIONS: Mapping[Capability, Sequence[acts.Act]] = {
    Capability.SAVE_METHOD: (acts.charge,),
    Capability.HOSTED: (acts.show, acts.come_back, acts.give_up),
    Capability.CAPTURE: (acts.reserve, acts.capture, acts.void),
    Capability.REFUND: (acts.refund,),
    Capability.PAYOUT: (acts.tell_payout,),
    Capability.WEBHOOKS: (acts.take,),
}
NAMES = tuple(dict.fromkeys(act.__name__ for done in OPERATIONS.values() for act in done))


def operations_of(gateway: str) -> set[str]:
    """The names of the acts that a gateway has part in."""
    can = gateway_class(gateway).capabilities
    return {act.__name__ for capability, done in OPERATIONS.items() if capability in can for act in done}


def table(gateways: Sequence[str], steps: Counter[tuple[str, str, str]]) -> Iterator[str]:
    """How many processes were killed in each operation of each gateway; what a gateway does not have is left empty."""
    yield f"{'':<10}" + "".join(f"{name:>12}" for name in NAMES)
    for gateway in sorted(gateways):
        has = operations_of(gateway)
        counts = [str(_killed(steps, gateway, name)) if name in has else "" for name in NAMES]
        yield f"{gateway:<10}" + "".join(f"{count:>12}" for count in counts)


def _killed(steps: Counter[tuple[str, str, str]], gateway: str, name: str) -> int:
    return sum(times for (where, act, _), times in steps.items() if (where, act) == (gateway, name))
