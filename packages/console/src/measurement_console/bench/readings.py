"""Keep the last values at the terminals of all channels, and draw some of them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from measurement_console.live.plots import Line, Plot

MOST_SAMPLES = 240
"""Times of which the values are kept; older ones are forgotten."""
_DIGITS = 7
_X_LABEL = "Seconds (0 is now)"
_QUANTITIES = (("volts", "Voltage in V"), ("amperes", "Current in A"))
"""Fields of a channel, and the name of their plot."""


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    values: dict[tuple[str, str], float]
    """By channel and field."""


class Readings:
    """The last readings. One thread adds them, others draw them."""

    def __init__(self) -> None:
        """Begin with no reading."""
        self.count = 0
        """Grows with each change."""
        self._lock = threading.Lock()
        self._samples: deque[_Sample] = deque(maxlen=MOST_SAMPLES)

    def add(self, at: float, channels: Iterable[Any]) -> None:
        """Add the readings of one moment.

        Args:
            at: Time in seconds, of any clock that does not jump.
            channels: Messages Channel of device_sim.v1.
        """
        values = {
            (channel.name, name): getattr(channel, name)
            for channel in channels
            for name, _ in _QUANTITIES
            if channel.HasField(name)
        }
        with self._lock:
            self.count += 1
            self._samples.append(_Sample(at, values))

    def clear(self) -> None:
        """Forget all readings, because the next one does not follow them."""
        with self._lock:
            if self._samples:
                self.count += 1
                self._samples.clear()

    def plots(self, channels: Sequence[str]) -> tuple[int, list[Plot]]:
        """Return the count, and the plots of some channels: one of voltages, one of currents."""
        with self._lock:
            count, samples = self.count, list(self._samples)
        plots = []
        for name, title in _QUANTITIES:
            lines = [_line(samples, channel, name) for channel in channels]
            if lines := [line for line in lines if line is not None]:
                plots.append(Plot(title, _X_LABEL, lines))
        return count, plots


def _line(samples: Sequence[_Sample], channel: str, name: str) -> Line | None:
    """Return a line; None if there is no value. A moment without a value is a gap."""
    found = [sample.values.get((channel, name)) for sample in samples]
    if all(value is None for value in found):
        return None
    x = [round(sample.at - samples[-1].at, 2) for sample in samples]
    y = [float("nan") if value is None else float(f"{value:.{_DIGITS}g}") for value in found]
    return Line(channel, x, y)
