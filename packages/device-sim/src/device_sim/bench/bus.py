"""The trigger lines of the chassis, and the terminals of the instruments: who hears which edge.

An edge has a time. It is heard at that time by all activities that then wait for it. If none does,
it is lost. A terminal that the bench file wires to a net is that net: an edge puts a voltage onto
the net, and a voltage that crosses the thresholds of logic inputs is an edge.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from device_sim.errors import DeviceSimError
from device_sim.timeline import Script, Timeline

_PULSE = 250e-9  # Seconds of a pulse, unless its instrument says otherwise.


class Listener(Script, Protocol):
    """An activity that waits for triggers."""

    def waits_since(self, trigger: Enum) -> float | None:
        """Return since when it waits for a trigger, None if it does not wait for it now."""
        ...

    def send(self, trigger: Enum, at: float) -> None:
        """Deliver a trigger."""
        ...


@dataclass(frozen=True, slots=True)
class Ear:
    """An activity that an edge on a terminal triggers."""

    listener: Listener
    """The activity."""

    trigger: Enum
    """Its trigger."""

    terminal: str
    """The terminal, by its one name; see terminals."""

    rising: bool
    """The edge."""

    is_deaf: Callable[[float], bool]
    """Return whether a fault keeps a trigger from coming at a time."""


@dataclass(slots=True)
class Stream:
    """Pulses of an activity whose times are known in advance, such as the markers of a waveform."""

    source: Script
    """The activity."""

    terminals: tuple[str, ...]
    """The terminals."""

    following: Callable[[float], float]
    """Return the begin of the first pulse at or after a time; infinity if none is known."""

    width: float = _PULSE
    """Seconds of a pulse."""

    seen: float = -math.inf
    """The begin of the last pulse that somebody waited for."""


@dataclass(order=True, slots=True)
class _Edge:
    at: float
    number: int
    terminal: str = field(compare=False)
    rising: bool = field(compare=False)


class TriggerBus:
    """The terminals of all instruments, as a script on the timeline.

    Args:
        timeline: The timeline of the server.
        wired: The terminals that are wired to nets.
        put: Put the level of such a terminal onto its net, from a time on.
    """

    def __init__(
        self,
        timeline: Timeline,
        wired: Collection[str],
        put: Callable[[str, bool, float], None],
    ) -> None:
        self._timeline = timeline
        self._wired = frozenset(wired)
        self._put = put
        self._ears: list[Ear] = []
        self._streams: list[Stream] = []
        self._edges: list[_Edge] = []
        self._count = 0

    # Methods for the instruments.

    def listen(self, ear: Ear) -> None:
        """Trigger an activity by edges, as long as the activity is on the timeline."""
        self._ears = [each for each in self._ears if self._timeline.has(each.listener)]
        self._ears.append(ear)

    def attach(self, stream: Stream) -> None:
        """Add pulses whose times are known, as long as their activity is on the timeline."""
        self._streams = [each for each in self._streams if self._timeline.has(each.source)]
        self._streams.append(stream)

    def pulse(
        self,
        terminals: Iterable[str],
        at: float,
        width: float = _PULSE,
        *,
        active_high: bool = True,
    ) -> bool:
        """Put a pulse onto terminals. Return whether anything depends on it.

        If so, an activity must let others run before it goes on.
        """
        first = self.edge(terminals, at, rising=active_high)
        return self.edge(terminals, at + width, rising=not active_high) or first

    def edge(self, terminals: Iterable[str], at: float, *, rising: bool) -> bool:
        """Put one edge onto terminals. Return what `pulse` returns."""
        used = {terminal for terminal in terminals if terminal and self.is_used(terminal)}
        for terminal in used:
            self._count += 1
            heapq.heappush(self._edges, _Edge(at, self._count, terminal, rising))
        return bool(used)

    @property
    def is_idle(self) -> bool:
        """Whether no edge has any effect, whatever its terminal is."""
        return not (self._ears or self._wired)

    def is_used(self, terminal: str) -> bool:
        """Return whether an activity may hear an edge on a terminal, or a net may get it."""
        return terminal in self._wired or bool(self._ears_of(terminal))

    # Methods for what makes edges.

    def waiting_since(self, terminal: str) -> float | None:
        """Return since when an activity waits for an edge of a terminal, None if none does."""
        times = [ear.listener.waits_since(ear.trigger) for ear in self._ears_of(terminal)]
        return min((time for time in times if time is not None), default=None)

    def deliver(self, terminal: str, at: float, *, rising: bool) -> None:
        """Trigger all activities that wait for such an edge at a time."""
        for ear in self._ears_of(terminal):
            since = ear.listener.waits_since(ear.trigger)
            hears = ear.rising is rising and since is not None and since <= at
            if hears and not ear.is_deaf(at):
                ear.listener.send(ear.trigger, at)

    def _ears_of(self, terminal: str) -> list[Ear]:
        return [e for e in self._ears if e.terminal == terminal and self._timeline.has(e.listener)]

    # Methods for the timeline.

    is_looking = False

    def due(self) -> float:
        """Return the time of the next edge that anybody waits for."""
        first = self._edges[0].at if self._edges else math.inf
        return min((first, *map(self._next_of, self._streams)))

    def run(self, until: float, now: float) -> None:
        """Deliver the edges of the next time at which there are any."""
        at = self.due()
        for stream in self._streams:
            if self._next_of(stream) <= at:
                stream.seen = at
                self.pulse(stream.terminals, at, stream.width)
        while self._edges and self._edges[0].at <= at:
            edge = heapq.heappop(self._edges)
            if edge.terminal in self._wired:
                self._put(edge.terminal, edge.rising, edge.at)
            else:
                self.deliver(edge.terminal, edge.at, rising=edge.rising)

    def fail(self, error: DeviceSimError) -> None:
        """Forget the edges of a time at which the bench had an error. Who measures gets it."""
        at = self._edges[0].at if self._edges else -math.inf
        self._edges = [edge for edge in self._edges if edge.at > at]

    def _next_of(self, stream: Stream) -> float:
        if not self._timeline.has(stream.source):
            return math.inf
        since = [self._needed_since(terminal) for terminal in stream.terminals]
        begin = min(since, default=math.inf)
        if begin == math.inf:
            return math.inf
        return stream.following(max(math.nextafter(stream.seen, math.inf), begin - stream.width))

    def _needed_since(self, terminal: str) -> float:
        """Return the time from which on the edges of a terminal matter; infinity if they do not."""
        if terminal in self._wired:
            return 0.0
        since = self.waiting_since(terminal)
        return math.inf if since is None else since
