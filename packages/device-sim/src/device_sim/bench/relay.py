"""Relays of the bench: contacts between two nets that the voltages of their coils move."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
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
    """A relay of the bench: its part, its contact, and what its coil does.

    Args:
        part: Its part.
        observer: Reads the bench.
    """

    def __init__(self, part: Part, observer: Observer) -> None:
        self.is_closed = False
        self.moves_at = math.inf
        """When the contact will move; infinity if it will not."""
        self._observer = observer
        self._is_pulled = False
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

    def turn(self, at: float) -> None:
        """Begin or cease to pull. The contact follows later, unless the coil turns back before."""
        self._is_pulled = not self._is_pulled
        moves = self._is_pulled != self.is_closed
        self.moves_at = at + self._part.values["travel"] if moves else math.inf

    def move(self) -> None:
        """Let the contact follow the coil."""
        self.moves_at = math.inf
        self.is_closed = self._is_pulled

    def turn_in(self, begin: float, end: float) -> float | None:
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


class Relays:
    """The relays of a bench on its timeline.

    They follow the voltages of their coils through all of the time. So they move at the same
    moments, whoever looks at the bench, and however seldom. They are one script, because the
    contact of one may switch the coil of another: each looks no further than to the next move.

    Args:
        relays: The relays.
        moved: Called when contacts move, with the time.
        begin: The time from which on they follow their coils.
    """

    is_looking = True

    def __init__(
        self, relays: Collection[Relay], moved: Callable[[float], None], begin: float
    ) -> None:
        self._relays, self._moved = relays, moved
        self._seen = begin
        """The time up to which they have followed their coils."""
        self._until = begin

    def due(self) -> float:
        """Return the next moment that they have not seen, which comes before all other parts."""
        return min(self._moves_at, math.nextafter(self._seen, math.inf))

    def run(self, until: float, now: float) -> None:
        """Follow the coils up to a time, or to the first moment at which something happens."""
        self._until = until
        end = min(until, self._moves_at)
        turns = [(relay.turn_in(self._seen, end), relay) for relay in self._relays]
        self._seen = min((at for at, _ in turns if at is not None), default=end)
        for at, relay in turns:
            if at == self._seen:
                relay.turn(at)
        moving = [relay for relay in self._relays if relay.moves_at <= self._seen]
        for relay in moving:
            relay.move()
        if moving:
            self._moved(self._seen)

    def fail(self, error: DeviceSimError) -> None:
        """Stay as they are. Who measures such a bench gets the error."""
        self._seen = self._until

    @property
    def _moves_at(self) -> float:
        return min((relay.moves_at for relay in self._relays), default=math.inf)
