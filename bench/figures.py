"""What a bench finds, on the screen and in a file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")
_ROW = "{:<34} {:>14} {:>14} {:>8}  {}"


@dataclass(frozen=True, slots=True)
class Figure:
    """How fast ours is, and the floor it is held against: both in `unit`, from the same run on the same machine."""

    name: str
    ours: float
    floor: float
    unit: str

    @property
    def ratio(self) -> float:
        """Ours by the floor. More is better for a rate, less for a time."""
        return self.ours / self.floor


def heading() -> str:
    return _ROW.format("", "ours", "floor", "ratio", "unit")


def line(figure: Figure) -> str:
    return _ROW.format(figure.name, f"{figure.ours:,.3f}", f"{figure.floor:,.3f}", f"{figure.ratio:.2f}", figure.unit)


def keep(figures: Sequence[Figure]) -> None:
    """Write the figures to the results; those of other benches, from earlier runs, stay."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for one in figures:
        kept[one.name] = {"ours": one.ours, "floor": one.floor, "ratio": one.ratio, "unit": one.unit}
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n")
