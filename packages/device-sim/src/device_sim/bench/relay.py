"""Relays of the bench: contacts between two nets that the voltages of their coils move."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from device_sim.bench.logic import LogicLevel
from device_sim.bench.observer import Observer
from device_sim.bench.parts import Part


def coil_of(part: Part) -> Iterator[Part]:
    """Yield the coil of a relay as a resistor; nothing for another part."""
    if part.coil is not None:
        value = {"value": part.values["coil_resistance"]}
        yield Part(f"{part.name} coil", "resistor", part.coil, value)


class Relay:
    """A relay of the bench: its part, its contact, and what its coil does.

    Args:
        part: Its part.
        observer: Reads the bench.
        moved: Called when the contact moves, with the time.
    """

    def __init__(self, part: Part, observer: Observer, moved: Callable[[float], None]) -> None:
        self.is_closed = False
        self._moves_at = math.inf
        """When the contact will move; infinity if it will not."""
        self._observer = observer
        self._moved = moved
        self._is_pulled = False
        self.part = part

    @property
    def part(self) -> Part:
        """Its part."""
        return self._part

    @part.setter
    def part(self, part: Part) -> None:
        self._part = part
        assert part.coil is not None
        limits = (part.values["drop_out"], part.values["pull_in"])
        self._pull = LogicLevel(self._observer, part.coil, *limits, is_high=self._is_pulled)
        contact = {"value": part.values["resistance"]}
        self._coil = list(coil_of(part))
        self._contact = Part(part.name, "resistor", part.nets, contact)

    @property
    def parts(self) -> list[Part]:
        """The parts of which it is made now."""
        return [*self._coil, self._contact] if self.is_closed else self._coil

    # A relay follows its coil all of the time.

    def follows_since(self) -> float:
        """Return that it follows its coil from the begin on."""
        return -math.inf

    def look(self, begin: float, end: float) -> float:
        """Return the first moment of a time at which the coil turns, or the contact moves."""
        change = self._pull.next_change(begin, end)
        return min(end, max(self._moves_at, begin), end if change is None else change.at)

    def act(self, at: float) -> None:
        """Let the coil turn, and the contact move, if that is due."""
        if self._pull.take(at):
            self._turn(at)
        if self._moves_at <= at:
            self._move()
            self._moved(at)

    def _turn(self, at: float) -> None:
        """Begin or cease to pull. The contact follows later, unless the coil turns back before."""
        self._is_pulled = bool(self._pull.is_high)
        moves = self._is_pulled != self.is_closed
        self._moves_at = at + self._part.values["travel"] if moves else math.inf

    def _move(self) -> None:
        """Let the contact follow the coil."""
        self._moves_at = math.inf
        self.is_closed = self._is_pulled
