"""The generation of a waveform: triggers, passes, and what was put out at which time."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from device_sim.base.script import Activity, Script
from device_sim.drivers.nifgen.signals import Floats, Level, Signal

_KEPT = 1000  # Pieces of the past.
_CLOSE = 1e-12  # Seconds: what comes so close to the end of a piece does not come any more.

Signals = tuple[Signal, ...]
"""The signal of each channel."""


class Wait(Enum):
    """The triggers that a generation can wait for."""

    START = "start_trigger"
    SCRIPT0 = "script_trigger0"
    SCRIPT1 = "script_trigger1"
    SCRIPT2 = "script_trigger2"
    SCRIPT3 = "script_trigger3"


SCRIPT_TRIGGERS = (Wait.SCRIPT0, Wait.SCRIPT1, Wait.SCRIPT2, Wait.SCRIPT3)


@dataclass(frozen=True, slots=True)
class Play:
    """Put signals out."""

    signals: Signals
    """The signals."""

    passes: float = 1.0
    """The number of periods; infinity for no end."""

    until: Wait | None = None
    """The trigger that ends it, after the period in which it comes."""

    @property
    def period(self) -> float:
        """Return the period of the longest signal."""
        return max(signal.period for signal in self.signals)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for a trigger."""

    trigger: Wait
    """The trigger."""

    levels: tuple[float, ...] | None
    """The voltages meanwhile; None for the last ones."""


@dataclass(frozen=True, slots=True)
class Loop:
    """Repeat a program with pauses."""

    body: Sequence[Node]
    """The program."""

    count: float = math.inf
    """The number of passes."""

    until: Wait | None = None
    """The trigger that ends it, after the pass in which it comes."""


Node = Play | Pause | Loop


def signals_in(program: Sequence[Node]) -> Iterator[Signals]:
    """Yield all signals of a program."""
    for node in program:
        if isinstance(node, Play):
            yield node.signals
        elif isinstance(node, Loop):
            yield from signals_in(node.body)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a generation."""

    program: Sequence[Node]
    """The signals and pauses in turn."""

    waits_for_start: bool
    """True if it starts at a trigger."""

    before: tuple[float, ...]
    """The voltages before the start."""

    after: tuple[float, ...] | None = None
    """The voltages after the end; None for the last ones."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time with one signal on each channel."""

    begin: float
    """Its begin, in seconds since the start."""

    signals: Signals
    """The signals."""


@dataclass(slots=True)
class Track:
    """The pieces that were put out, and those that are known to come."""

    pieces: deque[Piece] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _passed: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, begin: float, signals: Signals) -> None:
        """Begin a piece, and end the one before."""
        if self.pieces:
            last = self.pieces[-1]
            for marker in range(4):
                self._passed[marker] += last.signals[0].markers(marker, begin - last.begin)
        self.pieces.append(Piece(begin, signals))

    def voltages(self, channel: int, seconds: Floats) -> Floats:
        """Return the voltages of a channel at some times since the start."""
        begins = [piece.begin for piece in self.pieces]
        which = np.maximum(np.searchsorted(begins, seconds, side="right") - 1, 0)
        volts = np.empty(seconds.shape)
        for index in np.unique(which):
            piece, chosen = self.pieces[index], which == index
            within = np.maximum(seconds[chosen] - piece.begin, 0.0)
            volts[chosen] = piece.signals[channel].at(within)
        return volts

    def levels(self, seconds: float) -> tuple[float, ...]:
        """Return the voltages of all channels just before a time."""
        begins = [piece.begin for piece in self.pieces]
        piece = self.pieces[max(bisect_right(begins, seconds) - 1, 0)]
        return tuple(signal.before(seconds - piece.begin) for signal in piece.signals)

    def markers(self, marker: int, seconds: float) -> int:
        """Return how often a marker came before a time."""
        last = self.pieces[-1]
        return self._passed[marker] + last.signals[0].markers(marker, seconds - last.begin)


class Generation(Activity):
    """One generation, from initiate to abort.

    Args:
        plan: Its plan.
        begin: Called for each piece, with its time on the server's clock.
        start: Time of initiate.
        signal: Put a signal of the generator onto its terminals; see Activity.
    """

    def __init__(
        self,
        plan: Plan,
        begin: Callable[[float, Signals], None],
        start: float,
        *,
        signal: Callable[[str, float], bool] | None = None,
    ) -> None:
        super().__init__(start)
        self.signal = signal or self.signal
        self._start = start
        self._end = math.inf
        self.track = Track()
        self.track.add(-math.inf, tuple(map(Level, plan.before)))
        self.origin: float | None = None
        """The time of the start; None while it waits for the trigger."""
        self._begin = begin
        self._position = 0.0
        self.begin(self._generate(plan, start))

    def send(self, trigger: Enum, at: float) -> None:
        """Deliver a trigger. One that comes before a script waits for it counts then, but once."""
        if not self.finished and not self._sent[trigger]:
            self._sent[trigger].append(at)

    def waits_since(self, trigger: Enum) -> float | None:
        """Return since when a trigger counts; see `send`."""
        return None if self.finished or self._sent[trigger] else self._start

    def next_marker(self, marker: int, at: float) -> float:
        """Return when a marker comes next, at or after a time on the server's clock.

        This is infinity if no marker comes in what is known to be put out.
        """
        return self._next(at, lambda signal, seconds: signal.next_marker(marker, seconds))

    def next_cycle(self, at: float) -> float:
        """Return when the next cycle of a standard function begins, as `next_marker` does."""
        return self._next(at, lambda signal, seconds: signal.next_cycle(seconds))

    def _next(self, at: float, find: Callable[[Signal, float], float]) -> float:
        if self.origin is None:
            return math.inf
        piece = self.track.pieces[-1]
        signal, begin = piece.signals[0], self.origin + piece.begin
        found = find(signal, max(at - begin, 0.0))
        if begin + found < at:  # The time is that of the one before, but for rounding.
            found = find(signal, math.nextafter(found, math.inf))
        return begin + found if piece.begin + found < self._end - _CLOSE else math.inf

    def voltages(self, channel: int, times: Floats) -> Floats:
        """Return the voltages of a channel at some times on the server's clock."""
        return self.track.voltages(channel, times - (self.origin or 0.0))

    def levels(self, at: float) -> tuple[float, ...]:
        """Return the voltages of all channels at a time on the server's clock."""
        return self.track.levels(at - (self.origin or 0.0))

    def markers(self, marker: int, at: float) -> int:
        """Return how often a marker came before a time on the server's clock."""
        return 0 if self.origin is None else self.track.markers(marker, at - self.origin)

    def _generate(self, plan: Plan, start: float) -> Script:
        if plan.waits_for_start:
            self._begin(start, self.track.pieces[0].signals)
            self.emit("ready_for_start_event", start)
            start = yield Wait.START
        self.origin = start
        self.emit("start_trigger", start)
        self.emit("started_event", start)
        yield from self._run(plan.program)
        self._hold(plan.after)
        self.emit("done_event", start + self._position)

    def _run(self, program: Sequence[Node]) -> Script:
        for node in program:
            if isinstance(node, Play):
                yield from self._play(node)
            elif isinstance(node, Pause):
                self._hold(node.levels)
                arrived = yield node.trigger
                self.emit(node.trigger.value, arrived)
                self._position = max(self._position, arrived - self._started)
            else:
                yield from self._loop(node)

    def _play(self, play: Play) -> Script:
        begin = self._position
        self._end = begin + play.passes * play.period if play.until is None else math.inf
        self._add(play.signals)
        if play.until is None:
            self._position = self._end
            yield from self._step(play.signals, begin, self._position)
            return
        arrived = yield play.until
        passes = max(math.ceil((arrived - self._started - begin) / play.period - 1e-9), 1)
        self._position = self._end = begin + passes * play.period
        yield self._started + self._position

    def _step(self, signals: Signals, begin: float, end: float) -> Script:
        """Put each step of a list of frequencies out in turn."""
        steps = zip(*(signal.steps() for signal in signals), strict=False)
        for number, each in enumerate(steps):
            if number:
                self._begin(self._started + begin, tuple(signal for _, signal in each))
            begin += min(seconds for seconds, _ in each)
            yield self._started + min(begin, end)
            if begin >= end:
                return

    def _loop(self, loop: Loop) -> Script:
        done = 0
        while done < loop.count:
            yield from self._run(loop.body)
            done += 1
            if loop.until is not None and self._sent[loop.until]:
                self._sent[loop.until].popleft()
                return

    @property
    def _started(self) -> float:
        return self.origin or 0.0

    def _hold(self, levels: tuple[float, ...] | None) -> None:
        self._add(tuple(map(Level, levels or self.track.levels(self._position))))

    def _add(self, signals: Signals) -> None:
        self.track.add(self._position, signals)
        first = tuple(next(signal.steps())[1] for signal in signals)
        self._begin(self._started + self._position, first)
