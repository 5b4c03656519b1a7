"""The source-measure engine of one channel: the order of its actions after initiate.

Each action has its own time, even if it is computed later. So the readings of a sequence do not
depend on the load of the machine.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from nidcpower.enums import Event, MeasureWhen, SendSoftwareEdgeTriggerType, TriggerType

from device_sim.base.attributes import Value
from device_sim.base.script import Activity, Script, Waiting
from device_sim.drivers.nidcpower.lcr import LcrRecord
from device_sim.drivers.nidcpower.sequences import Step

Trigger = SendSoftwareEdgeTriggerType

_SHORTEST_STEP = 1e-5  # Seconds of even a step without delay and aperture.
_CATCH_UP = 1000  # Late parts of an endless sequence that are still computed.

TRIGGER_ATTRIBUTES: Mapping[SendSoftwareEdgeTriggerType, str] = {
    Trigger.START: "start_trigger_type",
    Trigger.SOURCE: "source_trigger_type",
    Trigger.MEASURE: "measure_trigger_type",
    Trigger.SEQUENCE_ADVANCE: "sequence_advance_trigger_type",
    Trigger.PULSE: "pulse_trigger_type",
    Trigger.SHUTDOWN: "shutdown_trigger_type",
}
"""The attribute that makes the engine wait for this trigger."""


@dataclass(frozen=True, slots=True)
class Record:
    """One measurement of a channel."""

    voltage: float
    """Volts."""

    current: float
    """Amperes."""

    in_compliance: bool
    """True if the output was at its limit."""

    lcr: LcrRecord | None = None
    """The values of LCR mode."""


class Hardware(Protocol):
    """The hardware that the engine controls."""

    def apply(self, step: Step, at: float, *, bias: bool = False) -> None:
        """Source the channel's setting in a step."""
        ...

    def acquire(self, step: Step, begin: float, end: float) -> Record:
        """Measure over an aperture."""
        ...

    def shut_down(self, at: float) -> None:
        """Switch the output off."""
        ...

    def put_out(self, signal: str, at: float, count: int) -> bool:
        """Put a signal onto its terminals. Return whether another script depends on it.

        Args:
            signal: Its name as in the attributes, such as `source_complete_event`.
            at: The time.
            count: How often the event has occurred.
        """
        ...


class Engine(Activity):
    """Runs the steps of one channel.

    Args:
        hardware: The channel.
        value: Return an attribute's value in a step.
        steps: The steps to run. A single point is one empty step.
        loops: The number of runs; infinity for no end.
        sequence: True for a sequence, which has its own events.
        pulsing: True if each step is a pulse.
        start: Time of the channel's initiate.
    """

    def __init__(
        self,
        hardware: Hardware,
        value: Callable[[str, Step], Value],
        steps: list[Step],
        loops: float,
        *,
        sequence: bool,
        pulsing: bool,
        start: float,
    ) -> None:
        super().__init__(start)
        self._start = start
        self._hardware = hardware
        self.signal = self._put_out
        self._value_in = value
        self._steps = steps
        self._loops = loops
        self._sequence = sequence
        self._pulsing = pulsing
        self._occurred: Counter[int] = Counter()
        self._seen: Counter[int] = Counter()
        self.records: deque[Record] = deque(maxlen=int(self._value("measure_buffer_size")) or None)
        self._begin_scripts(start, triggered=False)

    def _begin_scripts(self, at: float, *, triggered: bool) -> None:
        self.begin(self._source(at, triggered=triggered))
        if self._value("measure_when") == MeasureWhen.ON_MEASURE_TRIGGER.value:
            self.begin(self._measure_on_trigger())

    def _put_out(self, signal: str, at: float) -> bool:
        return self._hardware.put_out(signal, at, self._count(signal))

    # Methods for the channel.

    def restart(self, at: float) -> None:
        """Begin the step again, because its level has changed. The start trigger has come."""
        self.stop()
        self._begin_scripts(at, triggered=True)

    def send(self, trigger: Enum, at: float) -> None:
        """Deliver a trigger. It is lost if no script waits for it."""
        if trigger is Trigger.SHUTDOWN:
            self._hardware.shut_down(at)
            self.stop()
        super().send(trigger, at)

    def waits_since(self, trigger: Enum) -> float | None:
        """Return since when a script waits for a trigger. The shutdown trigger always counts."""
        return self._start if trigger is Trigger.SHUTDOWN else super().waits_since(trigger)

    def take_event(self, event: int) -> bool:
        """Return whether the event has occurred since this last returned True."""
        if self._occurred[event] <= self._seen[event]:
            return False
        self._seen[event] = self._occurred[event]
        return True

    def has_event(self, event: int) -> bool:
        """Return whether `take_event` would return True."""
        return self._occurred[event] > self._seen[event]

    # The scripts.

    def _source(self, start: float, *, triggered: bool) -> Script:
        now = start
        if not triggered:
            now = yield from self._wait(Trigger.START, now)
        loop = 0
        while loop < self._loops:
            if loop:
                now = yield from self._wait(Trigger.SEQUENCE_ADVANCE, now)
            begin = now
            for step in self._steps:
                now = yield from self._wait(Trigger.SOURCE, now)
                now = yield from self._run_step(step, now)
            loop += 1
            if self._sequence:
                self._occur(Event.SEQUENCE_ITERATION_COMPLETE, now)
            if math.isinf(self._loops):
                now = self._skip(begin, now, len(self._steps))
        if self._sequence:
            self._occur(Event.SEQUENCE_ENGINE_DONE, now)

    def _run_step(self, step: Step, now: float) -> Generator[Waiting, float, float]:
        begin = now
        if self._pulsing:
            self._hardware.apply(step, now, bias=True)
            now = yield now + self._value("pulse_bias_delay", step)
            self._occur(Event.READY_FOR_PULSE_TRIGGER, now)
            now = yield from self._wait(Trigger.PULSE, now)
        pulse = now
        self._hardware.apply(step, now)
        now = yield now + self._value("source_delay", step)
        self._occur(Event.SOURCE_COMPLETE, now)
        when = self._value("measure_when", step)
        if when == MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE.value:
            now = yield from self._measure(step, now)
        if self._pulsing:
            now = yield max(now, pulse + self._value("pulse_on_time", step))
            self._hardware.apply(step, now, bias=True)
            now = yield now + self._value("pulse_off_time", step)
            self._occur(Event.PULSE_COMPLETE, now)
        if self._value("sequence_step_delta_time_enabled", step):
            now = yield max(now, begin + self._value("sequence_step_delta_time", step))
        return (yield max(now, begin + _SHORTEST_STEP))

    def _measure(self, step: Step, now: float) -> Generator[Waiting, float, float]:
        finite = self._value("measure_record_length_is_finite", step)
        remaining = self._value("measure_record_length", step) if finite else math.inf
        while remaining > 0:
            begin = now
            now = yield begin + self._value("aperture_seconds", step)
            self.records.append(self._hardware.acquire(step, begin, now))
            remaining -= 1
            now = yield now + self._value("measure_complete_event_delay", step)
            self._occur(Event.MEASURE_COMPLETE, now)
            now = yield max(now, begin + _SHORTEST_STEP)
            if math.isinf(remaining):
                now = self._skip(begin, now, 1)
        return now

    def _measure_on_trigger(self) -> Script:
        while True:
            now = yield Trigger.MEASURE
            self.emit("exported_measure_trigger", now)
            yield from self._measure({}, now)

    def _skip(self, begin: float, end: float, parts: int) -> float:
        """Return the begin of the next repeat of an endless loop. Late repeats are left out.

        Args:
            begin: Begin of the last repeat.
            end: End of the last repeat.
            parts: The number of its steps or measurements.
        """
        return max(end, self.now - _CATCH_UP / parts * (end - begin))

    def _awaits(self, trigger: SendSoftwareEdgeTriggerType) -> bool:
        return bool(self._value(TRIGGER_ATTRIBUTES[trigger]) != TriggerType.NONE.value)

    def _occur(self, event: Event, at: float) -> None:
        self._occurred[event.value] += 1
        self.emit(f"{event.name.lower()}_event", at)

    def _count(self, signal: str) -> int:
        """Return how often an event has occurred, by the name of its signal; 0 for a trigger."""
        event = Event.__members__.get(signal.removesuffix("_event").upper())
        return self._occurred[event.value] if event else 0

    def _wait(
        self, trigger: SendSoftwareEdgeTriggerType, now: float
    ) -> Generator[Waiting, float, float]:
        """Wait for a trigger, if there is one to wait for. Return its time."""
        if self._awaits(trigger):
            now = yield trigger
        self.emit(f"exported_{trigger.name.lower()}_trigger", now)
        return now

    def _value(self, name: str, step: Step | None = None) -> float:
        return float(self._value_in(name, step or {}))
