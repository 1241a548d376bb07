"""Figures as plots: SVG, which needs neither a script nor a style in the page.

The template ``admin/plot.html`` shows one, with the same figures as a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

# As the template has them; the room left of the columns and below is for what is written there.
WIDTH, BASE = 640, 140
LEFT, TOP = 64, 16
MOST_TICKS = 12


class Bar(NamedTuple):
    """A rectangle; ``series`` counts from 0, ``text`` says what it stands for."""

    series: int
    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A column for each label, made of the values of each series.

    Args:
        of: what the labels are.
        series: as many values as there are labels, none below 0, by the name of the series.
    """

    title: str
    of: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[float]]

    @property
    def highest(self) -> float:
        return max(map(sum, self._columns()), default=0)

    def rows(self) -> Iterator[tuple[str, Sequence[float]]]:
        return zip(self.labels, self._columns(), strict=True)

    def bars(self) -> Iterator[Bar]:
        step, scale = self._step(), (BASE - TOP) / (self.highest or 1)
        for number, (label, values) in enumerate(self.rows()):
            top = float(BASE)
            for series, (name, value) in enumerate(zip(self.series, values, strict=True)):
                if value:
                    top -= value * scale
                    x, y = round(LEFT + step * number, 2), round(top, 2)
                    width, height = round(step * 0.8, 2), round(value * scale, 2)
                    yield Bar(series, x, y, width, height, f"{label}, {name}: {value}")

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Some of the labels, and where the middle of their columns is."""
        every = -(-len(self.labels) // MOST_TICKS)
        for number, label in list(enumerate(self.labels))[::every]:
            yield round(LEFT + self._step() * (number + 0.4), 2), label

    def _columns(self) -> Iterator[Sequence[float]]:
        return zip(*self.series.values(), strict=True)

    def _step(self) -> float:
        return (WIDTH - LEFT) / len(self.labels)
