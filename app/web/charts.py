"""The geometry of charts, in whole numbers: the templates draw what is computed here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zlib import crc32

WIDTH, HEIGHT = 720, 200
TICKS = 4
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Point:
    """A value (minor units or a count), and how it and its label are written."""

    label: str
    value: int
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle in the coordinates of the drawing."""

    point: Point
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid and the value it stands for."""

    y: int
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Points between a lowest and a highest value, both of which are on the grid."""

    title: str
    description: str
    points: Sequence[Point]
    low: int
    high: int
    ticks: Sequence[Tick]
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def id(self) -> str:
        """The same for the same title, so that a refreshed chart keeps it."""
        return f"chart-{crc32(self.title.encode()):x}"

    @property
    def bars(self) -> list[Bar]:
        """A bar for each point, from zero up, or down when it is negative; two thirds of its slot wide."""
        slot, zero = WIDTH // max(len(self.points), 1), self.y(0)
        return [
            Bar(point, n * slot + slot // 6, min(zero, self.y(point.value)), max(1, slot * 2 // 3), self._tall(point))
            for n, point in enumerate(self.points)
        ]

    @property
    def line(self) -> str:
        """The points of a polyline: `0,200 720,0`."""
        gaps = max(len(self.points) - 1, 1)
        return " ".join(f"{WIDTH * n // gaps},{self.y(point.value)}" for n, point in enumerate(self.points))

    def y(self, value: int) -> int:
        """How far down a value lies."""
        return (self.high - value) * HEIGHT // (self.high - self.low)

    def _tall(self, point: Point) -> int:
        return abs(self.y(0) - self.y(point.value))


def plot(title: str, description: str, values: Sequence[tuple[str, int]], show: Callable[[int], str] = str) -> Chart:
    """A chart of (label, value) pairs, at least one. `show` writes a value: `lambda minor: money(Money(minor, "CAD"))`.

    The grid takes round steps and always holds zero: of 0 and 730 it is 0, 200, 400, 600, 800.
    """
    points = [Point(label, value, show(value)) for label, value in values]
    step = _step(max(0, *(p.value for p in points)) - min(0, *(p.value for p in points)))
    low = min(0, *(p.value // step * step for p in points))
    high = max(0, *(-(-p.value // step) * step for p in points))
    high += step if high == low else 0
    grid = range(high, low - 1, -step)
    ticks = [Tick((high - value) * HEIGHT // (high - low), show(value)) for value in grid]
    return Chart(title, description, points, low, high, ticks)


def _step(span: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 … that crosses the span in no more than four steps."""
    power = 1
    while True:
        for step in STEPS:
            if step * power * TICKS >= span:
                return step * power
        power *= 10
