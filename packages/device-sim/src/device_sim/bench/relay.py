"""A relay of the bench: a contact between two nets that the voltage of its coil moves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from device_sim.bench.observer import Observer
from device_sim.bench.parts import Part
from device_sim.bench.search import Condition, Search
from device_sim.errors import DeviceSimError

_POINTS = 256  # Points in which a search looks at a time without waves.


def coil_of(part: Part) -> Iterator[Part]:
    """Yield the coil of a relay as a resistor; nothing for another part."""
    if part.coil is not None:
        value = {"value": part.values["coil_resistance"]}
        yield Part(f"{part.name} coil", "resistor", part.coil, value)


class Relay:
    """A relay on the timeline of the bench.

    It follows the voltage of its coil through all of the time. So it moves at the same moments,
    whoever looks at the bench, and however seldom.

    Args:
        part: Its part.
        observer: Reads the bench.
        moved: Called when the contact moves, with the time.
        begin: The time from which on it follows its coil.
    """

    def __init__(
        self,
        part: Part,
        observer: Observer,
        moved: Callable[[float], None],
        begin: float,
    ) -> None:
        self.is_closed = False
        self._observer, self._moved = observer, moved
        self._is_pulled = False
        self._moves_at = math.inf
        self._seen = begin
        """The time up to which it has followed its coil."""
        self._until = begin
        self.part = part

    @property
    def part(self) -> Part:
        """Its part."""
        return self._part

    @part.setter
    def part(self, part: Part) -> None:
        self._part = part
        contact = {"value": part.values["resistance"]}
        self._coil = list(coil_of(part))
        self._contact = Part(part.name, "resistor", part.nets, contact)

    @property
    def parts(self) -> list[Part]:
        """The parts of which it is made now."""
        return [*self._coil, self._contact] if self.is_closed else self._coil

    # Methods for the timeline.

    is_looking = True

    def due(self) -> float:
        """Return the next moment that it has not seen, which comes before all other parts."""
        return min(self._moves_at, math.nextafter(self._seen, math.inf))

    def run(self, until: float, now: float) -> None:
        """Follow the coil up to a time, or to the first moment at which something happens."""
        self._until = until
        end = min(until, self._moves_at)
        turned = self._turn_in(self._seen, end)
        self._seen = end if turned is None else turned
        if turned is not None:
            self._is_pulled = not self._is_pulled
            moves = self._is_pulled != self.is_closed
            self._moves_at = turned + self._part.values["travel"] if moves else math.inf
        if self._moves_at <= self._seen:
            self._moves_at = math.inf
            self.is_closed = self._is_pulled
            self._moved(self._seen)

    def fail(self, error: DeviceSimError) -> None:
        """Stay as it is. Who measures such a bench gets the error."""
        self._seen = self._until

    def _turn_in(self, begin: float, end: float) -> float | None:
        """Return when the coil begins or ceases to pull within a time, None if it does not."""
        values, coil = self._part.values, self._part.coil
        assert coil is not None
        pull_in, drop_out = values["pull_in"], values["drop_out"]
        fires = (lambda v: v <= drop_out) if self._is_pulled else (lambda v: v >= pull_in)
        key = self._observer.key_of(coil)
        spacing = min(self._observer.fastest(key), max(end - begin, 0.0) / _POINTS) or math.inf
        search = Search(
            partial(self._observer.across, coil),
            partial(self._observer.changes, key),
            Condition(lambda volts: np.ones(volts.shape, bool), fires),
            spacing,
            armed=True,
        )
        return search.find(begin, end)
