"""Send plots of lines to a page, reduced to the points that a plot can show."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from plugin_kit.calling import json_value

MOST_POINTS = 4000
"""Points of one line of a plot. A screen has no more columns."""
MOST_LINES = 8
"""Lines of one plot. They have as many colors."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot."""

    label: str
    """Name of the line."""
    x: Sequence[float]
    """Places of the points."""
    y: Sequence[float]
    """Values at the places."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot of lines with one horizontal axis."""

    name: str
    """What it shows."""
    x_label: str
    """Name and unit of the horizontal axis."""
    lines: Sequence[Line]
    """Its lines."""


def plots_json(plots: Iterable[Plot]) -> str:
    """Return plots as `line-plots.js` takes them; values that are no numbers are gaps."""
    return json.dumps(
        [
            {
                "name": plot.name,
                "x_label": plot.x_label,
                "lines": [
                    {
                        "label": line.label,
                        "x": json_value(list(line.x)),
                        "y": json_value(list(line.y)),
                    }
                    for line in plot.lines
                ],
            }
            for plot in plots
        ]
    )


def reduce_line(line: Line, most: int = MOST_POINTS) -> Line:
    """Return a line of at most `most` points that has the same lowest and highest values.

    The points are split into equal parts. Of each part, the lowest and the highest point stay, and
    the first one that is no number (NaN), which is a gap of the line. So no peak is lost.
    """
    count = min(len(line.x), len(line.y))
    if count <= most:
        return Line(line.label, line.x[:count], line.y[:count])
    parts = max(most // 3, 1)
    kept: list[int] = []
    for part in range(parts):
        inside = range(part * count // parts, (part + 1) * count // parts)
        kept += _kept_of(line.y, inside)
    return Line(line.label, [line.x[one] for one in kept], [line.y[one] for one in kept])


def _kept_of(y: Sequence[float], inside: range) -> list[int]:
    numbers = [index for index in inside if not math.isnan(y[index])]
    kept = {min(numbers, key=y.__getitem__), max(numbers, key=y.__getitem__)} if numbers else set()
    if len(numbers) < len(inside):
        kept.add(next(index for index in inside if math.isnan(y[index])))
    return sorted(kept)
