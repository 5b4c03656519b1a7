"""The past of the bench: which circuit each channel was in, and since when.

Nets that only the ground joins do not disturb each other. Each such island is a circuit with a
course of its own, which goes on while other islands change.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from device_sim.bench.circuit import Circuit
from device_sim.bench.course import Course
from device_sim.bench.parts import Connection, Part, Terminal

_TIMELESS = 256  # Courses that are kept to be used again.
_KEPT = 4096  # Changes of the past that a measurement can still see.


def net_key(net: str) -> str:
    """Return the key of a net among those of channels, which have no blank."""
    return f"net {net}"


@dataclass(frozen=True, slots=True)
class Island:
    """The nets that parts and channels join, without the ground."""

    parts: tuple[Part, ...]
    """The parts."""

    connections: Mapping[str, Connection]
    """The connections of channels, by their keys."""

    keys: tuple[str, ...]
    """The keys of its channels and nets."""

    @property
    def drifts_since(self) -> float:
        """Return since when a part drifts; infinity if none does."""
        return min((part.since for part in self.parts if part.values["drift"]), default=math.inf)

    def is_same(self, other: Island) -> bool:
        """Return whether this is the other island, and no part of it was changed."""
        return (
            len(self.parts) == len(other.parts)
            and all(one is another for one, another in zip(self.parts, other.parts, strict=True))
            and self.connections == other.connections
        )


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A time without changes of the bench."""

    begin: float
    courses: tuple[Course, ...]
    by_key: Mapping[str, Course]
    """The course of each channel and net."""


class History:
    """The courses of all islands through time.

    Args:
        ground: The net with 0 V.
    """

    def __init__(self, ground: str) -> None:
        self._ground = ground
        self._islands: list[Island] = []
        self._stretches: deque[_Stretch] = deque(maxlen=_KEPT)
        self._timeless: dict[tuple[object, ...], Course] = {}
        """The courses of the present islands that do not depend on the time of their begin."""

    # Changing the present.

    def rewire(
        self,
        at: float,
        parts: Sequence[Part],
        connections: Mapping[str, Connection],
        terminals: Mapping[str, Terminal],
    ) -> None:
        """Begin a stretch in which parts or connections are others."""
        before = list(zip(self._islands, self._last_courses, strict=True))
        self._timeless.clear()
        self._islands = split(parts, connections, self._ground)
        kept = [
            next((course for old, course in before if old.is_same(island)), None)
            for island in self._islands
        ]
        self._begin(at, kept, terminals)

    def drive(
        self, at: float, channels: Collection[str], terminals: Mapping[str, Terminal]
    ) -> None:
        """Begin a stretch in which some channels act in another way."""
        pairs = zip(self._islands, self._last_courses, strict=True)
        kept = [
            course if island.connections.keys().isdisjoint(channels) else None
            for island, course in pairs
        ]
        self._begin(at, kept, terminals)

    def follow_drift(self, at: float, terminals: Mapping[str, Terminal]) -> None:
        """Begin a stretch with the present values of drifting parts, where there are states."""
        pairs = zip(self._islands, self._last_courses, strict=True)
        kept = [None if _follows(island, course) else course for island, course in pairs]
        self._begin(at, kept, terminals)

    def oldest_drift(self) -> float | None:
        """Return the begin of the oldest drift in a circuit with states, None without one."""
        pairs = zip(self._islands, self._last_courses, strict=True)
        times = [island.drifts_since for island, course in pairs if _follows(island, course)]
        return min(times, default=None)

    @property
    def _last_courses(self) -> tuple[Course, ...]:
        return self._stretches[-1].courses if self._stretches else ()

    def _begin(
        self, at: float, kept: Sequence[Course | None], terminals: Mapping[str, Terminal]
    ) -> None:
        """Begin a stretch with a new course for each island that has none."""
        at = max(at, self._stretches[-1].begin) if self._stretches else at
        ended = [course for course in self._last_courses if course not in kept]
        states = {
            part.name: value
            for course in ended
            for part, value in zip(course.circuit.states, course.states(at), strict=True)
        }
        courses = tuple(
            course or self._course(island, at, terminals, states)
            for course, island in zip(kept, self._islands, strict=True)
        )
        by_key = {
            key: course
            for course, island in zip(courses, self._islands, strict=True)
            for key in island.keys
        }
        self._stretches.append(_Stretch(at, courses, by_key))

    def _course(
        self,
        island: Island,
        at: float,
        terminals: Mapping[str, Terminal],
        states: Mapping[str, float],
    ) -> Course:
        acting = {key: terminals[key] for key in island.connections if key in terminals}
        known = (id(island), *acting.items())
        if known in self._timeless:
            return self._timeless[known]
        circuit = Circuit(island.parts, island.connections, acting, self._ground, at)
        start = np.array([states.get(part.name, 0.0) for part in circuit.states])
        course = Course(circuit, start)
        if not circuit.states and not math.isfinite(island.drifts_since):
            if len(self._timeless) >= _TIMELESS:
                self._timeless.clear()
            self._timeless[known] = course
        return course

    # Asking.

    @property
    def begin(self) -> float:
        """The begin of the past that is known."""
        return self._stretches[0].begin

    def last(self, key: str) -> Course | None:
        """Return the present course of a channel or net, None while it is disconnected."""
        return self._stretches[-1].by_key.get(key)

    def changes(self, key: str, begin: float, end: float) -> list[float]:
        """Return the times between two times at which the circuit of a channel or net changed."""
        pieces = list(self.pieces(key, begin, end))
        return [since for _, since, _ in pieces[1:] if begin < since < end]

    def pieces(
        self, key: str, begin: float, end: float
    ) -> Iterator[tuple[Course | None, float, float]]:
        """Yield the courses of a channel or net in a time, with the part that each covers.

        At least one comes, and None while the channel or net is disconnected. The last one may
        begin at the end. A time before the known past counts as its begin.
        """
        course: Course | None = None
        since, is_first = begin, True
        for stretch, until in self._stretches_in(begin, end):
            now = stretch.by_key.get(key)
            if not is_first and now is not course:
                yield course, since, stretch.begin
                since = stretch.begin
            course, is_first, last = now, False, until
        yield course, since, max(last, since)

    def _stretches_in(self, begin: float, end: float) -> Iterator[tuple[_Stretch, float]]:
        """Yield the stretches in a time, each with the end of its part of the time."""
        number = max(bisect_right(self._stretches, begin, key=lambda each: each.begin) - 1, 0)
        while True:
            is_last = number + 1 == len(self._stretches)
            until = math.inf if is_last else self._stretches[number + 1].begin
            yield self._stretches[number], min(until, end)
            if until > end:
                return
            number += 1


def _follows(island: Island, course: Course) -> bool:
    """Return whether states of an island follow parts that drift."""
    return bool(course.circuit.states) and math.isfinite(island.drifts_since)


def split(
    parts: Sequence[Part], connections: Mapping[str, Connection], ground: str
) -> list[Island]:
    """Return the islands of some parts and connections."""
    above: dict[str, str] = {}

    def find(net: str) -> str:
        while above.setdefault(net, net) != net:
            net = above[net]
        return net

    def join(first: str, second: str) -> None:
        if ground not in (first, second):
            above[find(first)] = find(second)

    def root(first: str, second: str) -> str:
        return find(second if first == ground else first)

    pairs = [part.nets for part in parts] + [(c.hi, c.lo) for c in connections.values()]
    for pair in pairs:
        join(*pair)
    members: defaultdict[str, tuple[list[Part], dict[str, Connection]]]
    members = defaultdict(lambda: ([], {}))
    for part in parts:
        members[root(*part.nets)][0].append(part)
    for key, connection in connections.items():
        members[root(connection.hi, connection.lo)][1][key] = connection
    return [
        Island(tuple(found), channels, (*channels, *map(net_key, _nets(found, channels))))
        for found, channels in members.values()
    ]


def _nets(parts: Sequence[Part], connections: Mapping[str, Connection]) -> set[str]:
    pairs = [part.nets for part in parts] + [(c.hi, c.lo) for c in connections.values()]
    return {net for pair in pairs for net in pair}
