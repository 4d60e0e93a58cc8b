"""What can go wrong between us and a gateway, and whether the gateway has done its work by then."""

import random
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What goes wrong with one call."""

    RATE_LIMIT = "rate_limit"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    HALF = "half"
    GARBAGE = "garbage"
    SLOW = "slow"
    DECLINE = "decline"


class Wire(StrEnum):
    """What becomes of the answer on its way back."""

    WHOLE = "whole"
    HALF = "half"
    GARBAGE = "garbage"
    DROPPED = "dropped"
    HANGING = "hanging"


@dataclass(frozen=True, slots=True)
class Effect:
    """`executes`: the gateway does what it is asked. `status`: it answers with that error instead of the truth."""

    executes: bool
    wire: Wire = Wire.WHOLE
    status: int | None = None


EFFECTS: Mapping[FaultKind, Effect] = {
    FaultKind.RATE_LIMIT: Effect(False, status=429),
    FaultKind.ERROR_BEFORE: Effect(False, status=500),
    FaultKind.ERROR_AFTER: Effect(True, status=500),
    FaultKind.TIMEOUT_BEFORE: Effect(False, Wire.HANGING),
    FaultKind.TIMEOUT_AFTER: Effect(True, Wire.HANGING),
    FaultKind.DROP_BEFORE: Effect(False, Wire.DROPPED),
    FaultKind.DROP_AFTER: Effect(True, Wire.DROPPED),
    FaultKind.HALF: Effect(True, Wire.HALF),
    FaultKind.GARBAGE: Effect(True, Wire.GARBAGE),
    FaultKind.SLOW: Effect(True),
    FaultKind.DECLINE: Effect(True),
}
NO_EFFECT = Effect(True)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, for the next call whose `METHOD /path` begins with `on`.

    `seconds` is how long a time-out hangs, or how late a slow answer comes; `code` is the gateway's own word for a
    decline.
    """

    kind: FaultKind
    on: str = "POST "
    seconds: float = 60
    code: str = ""

    @property
    def effect(self) -> Effect:
        """What the fault does to a call."""
        return EFFECTS[self.kind]


class Faults:
    """The faults to come: those asked for, in order, and then random ones at a rate, the same for the same seed.

    `struck` counts those that came.
    """

    def __init__(self) -> None:
        self.struck = 0
        self._lock = threading.Lock()
        self._asked: deque[Fault] = deque()
        self._random = random.Random(0)  # noqa: S311 (chance, no secret)
        self._rate = 0.0
        self._drawn: Sequence[Fault] = ()

    def add(self, *faults: Fault) -> None:
        """These come next, one for each call that they fit."""
        with self._lock:
            self._asked.extend(faults)

    def draw(self, rate: float, seed: int, faults: Sequence[Fault]) -> None:
        """From now on, each call that nothing was asked for gets one of these with a probability of `rate`."""
        with self._lock:
            self._random = random.Random(seed)  # noqa: S311 (chance, no secret)
            self._rate, self._drawn = rate, faults

    def clear(self) -> None:
        """From now on nothing fails."""
        with self._lock:
            self._asked.clear()
            self._rate, self._drawn = 0.0, ()

    def take(self, line: str) -> Fault | None:
        """The fault of this call (`METHOD /path`), if it has one."""
        with self._lock:
            fault = next((fault for fault in self._asked if line.startswith(fault.on)), None)
            if fault:
                self._asked.remove(fault)
            else:
                fitting = [fault for fault in self._drawn if line.startswith(fault.on)]
                fault = self._random.choice(fitting) if fitting and self._random.random() < self._rate else None
            self.struck += fault is not None
            return fault
