"""A digital device on the nets of a bench: its inputs follow nets, its outputs drive them."""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from device_sim.bench.logic import LogicLevel
from device_sim.bench.observer import Observer
from device_sim.bench.parts import Output, Terminal
from device_sim.bench.waves import Track
from device_sim.duts import DigitalDevice
from device_sim.errors import BenchError

_log = logging.getLogger(__name__)

_SHORTEST = 1e-9  # Seconds of a delay: a device that reacts at once could stop time.
_FALLS_AT, _RISES_AT = 0.3, 0.7  # Parts of the logic swing.
_LONGEST = 100_000  # Steps of one track, which stay in memory.

Drive = Callable[[str, "Terminal | None", float], None]
"""Let a terminal act on its nets from a time on."""


@dataclass(frozen=True, slots=True)
class LogicLevels:
    """The electrical side of a device."""

    low: float = 0.0
    """Volts of a low output."""

    high: float = 3.3
    """Volts of a high output."""

    resistance: float = 50.0
    """Ohms of an output."""


@dataclass(order=True, slots=True)
class _Pending:
    at: float
    number: int
    pin: str = field(compare=False)
    is_high: bool | None = field(compare=False)


class Dut:
    """A device as a follower of its nets.

    Args:
        name: Its name.
        device: What it does.
        channels: The channel of each of its pins, by the key.
        levels: Its voltages.
        observer: Reads the bench.
        drive: Lets its outputs act.
    """

    def __init__(
        self,
        name: str,
        device: DigitalDevice,
        channels: Mapping[str, str],
        levels: LogicLevels,
        observer: Observer,
        drive: Drive,
    ) -> None:
        self.name, self.device = name, device
        self.failure: BenchError | None = None
        """The error of its class that stopped it; None if it runs."""
        self._channels, self._levels = channels, levels
        self._observer, self._drive = observer, drive
        swing = levels.high - levels.low
        self._is_inverted = swing < 0.0
        thresholds = sorted(levels.low + part * swing for part in (_FALLS_AT, _RISES_AT))
        self._inputs = {
            pin: LogicLevel(observer, channels[pin], *thresholds, is_high=self._is_inverted)
            for pin in device.inputs
        }
        self._tracks: dict[str, Track] = {}
        """The voltage of each output that drives."""
        self._pending: list[_Pending] = []
        self._count = 0
        self._now = 0.0

    def start(self, at: float) -> None:
        """Let it begin."""
        self._now = at
        self._guarded(self.device.attach, self._ask)

    # It follows its inputs all of the time.

    def follows_since(self) -> float:
        """Return that it follows its nets from the begin on, unless it failed."""
        return -math.inf if self.failure is None else math.inf

    def look(self, begin: float, end: float) -> float:
        """Return the first moment of a time at which an input or an output changes."""
        changes = (level.next_change(begin, end) for level in self._inputs.values())
        times = [change.at for change in changes if change is not None]
        if self._pending:
            times.append(max(self._pending[0].at, begin))
        return min((*times, end))

    def act(self, at: float) -> None:
        """Change the outputs that are due, and let the device see its edges."""
        self._now = at
        while self._pending and self._pending[0].at <= at:
            change = heapq.heappop(self._pending)
            self._put(change.pin, change.is_high, at)
        for pin, level in self._inputs.items():
            if level.take(at):
                is_high = bool(level.is_high) is not self._is_inverted
                self._guarded(self.device.put_edge, pin, is_high, at)

    # Outputs.

    def _ask(self, pin: str, is_high: bool | None, delay: float) -> None:
        if pin not in self.device.outputs:
            raise BenchError(f"It has no output '{pin}'.")
        self._count += 1
        at = self._now + max(delay, _SHORTEST)
        heapq.heappush(self._pending, _Pending(at, self._count, pin, is_high))

    def _put(self, pin: str, is_high: bool | None, at: float) -> None:
        channel, track = self._channels[pin], self._tracks.get(pin)
        if is_high is None:
            self._tracks.pop(pin, None)
            self._drive(channel, None, at)
            return
        volts = self._levels.high if is_high else self._levels.low
        if track is not None and track.last == volts:
            return
        if track is None or track.version > _LONGEST or self._observer.is_stepped(channel):
            self._tracks[pin] = track = Track(before=volts)
            resistance = self._levels.resistance
            self._drive(channel, Output("voltage", 0.0, -math.inf, math.inf, resistance, track), at)
        else:
            track.write(at, volts)

    def _guarded(self, call: Callable[..., None], *arguments: object) -> None:
        """Call the class of a user. An error of it stops the device, and nothing else."""
        try:
            call(*arguments)
        except Exception as error:
            self.failure = BenchError(f"device {self.name}: {type(error).__name__}: {error}")
            _log.exception(
                "The device %s of the bench stopped, because its class failed", self.name
            )
            for pin in self._tracks:
                self._drive(self._channels[pin], None, self._now)
            self._tracks.clear()
