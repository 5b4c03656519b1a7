"""The source-measure engine of one channel: what happens when, once it is initiated.

The engine is a script of the server's timeline. Each thing it does happens at its own time, however
late somebody looks, so that the readings of a sequence do not depend on the load of the machine.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from nidcpower.enums import Event, MeasureWhen, SendSoftwareEdgeTriggerType, TriggerType

from device_sim.base.attributes import Value
from device_sim.drivers.nidcpower.lcr import LcrRecord
from device_sim.drivers.nidcpower.sequences import Step
from device_sim.errors import DeviceSimError

Trigger = SendSoftwareEdgeTriggerType

_SHORTEST_STEP = 1e-5  # Seconds that even a step without delay and aperture takes.
_CATCH_UP = 1000  # Parts of something without end that are made up for when nobody has looked.

TRIGGER_ATTRIBUTES: Mapping[SendSoftwareEdgeTriggerType, str] = {
    Trigger.START: "start_trigger_type",
    Trigger.SOURCE: "source_trigger_type",
    Trigger.MEASURE: "measure_trigger_type",
    Trigger.SEQUENCE_ADVANCE: "sequence_advance_trigger_type",
    Trigger.PULSE: "pulse_trigger_type",
    Trigger.SHUTDOWN: "shutdown_trigger_type",
}
"""The attribute that says whether the engine waits for a trigger."""


@dataclass(frozen=True, slots=True)
class Record:
    """One measurement of a channel."""

    voltage: float
    """Volts."""

    current: float
    """Amperes."""

    in_compliance: bool
    """Whether the output was at its limit."""

    lcr: LcrRecord | None = None
    """What it measured in LCR mode."""


class Hardware(Protocol):
    """What the engine does things to."""

    def apply(self, step: Step, at: float, *, bias: bool = False) -> None:
        """Source what the channel is set to in a step."""
        ...

    def acquire(self, step: Step, begin: float, end: float) -> Record:
        """Measure over an aperture."""
        ...

    def shut_down(self, at: float) -> None:
        """Switch the output off."""
        ...


Waiting: TypeAlias = "float | SendSoftwareEdgeTriggerType"
"""A time, or a trigger."""

Script: TypeAlias = "Generator[Waiting, float, None]"


class Engine:
    """Runs the steps of one channel.

    Args:
        hardware: The channel.
        value: Returns an attribute of the channel as it is in a step.
        steps: What to go through; one empty step stands for a single point.
        loops: How often; infinity for ever.
        sequence: Whether this is a sequence, with the events of one.
        pulsing: Whether each step is a pulse.
        start: When the channel was initiated.
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
        self._hardware = hardware
        self._value_in = value
        self._steps = steps
        self._loops = loops
        self._sequence = sequence
        self._pulsing = pulsing
        self._occurred: Counter[int] = Counter()
        self._seen: Counter[int] = Counter()
        self._sent: dict[SendSoftwareEdgeTriggerType, deque[float]] = {
            trigger: deque() for trigger in Trigger
        }
        self._now = start
        self._failure: DeviceSimError | None = None
        self.records: deque[Record] = deque(maxlen=int(self._value("measure_buffer_size")) or None)
        self._scripts: list[tuple[Script, Waiting]] = []
        self._add(self._source(start), start)
        if self._value("measure_when") == MeasureWhen.ON_MEASURE_TRIGGER.value:
            self._add(self._measure_on_trigger(), start)

    # What the timeline asks.

    def due(self) -> float:
        """Return when it goes on; infinity if it has ended or waits for a trigger."""
        return min((self._due(waiting) for _, waiting in self._scripts), default=math.inf)

    def run(self, until: float, now: float) -> None:
        """Do what is due at or before `until`."""
        self._now = now
        while (due := self.due()) <= until:
            entry = min(self._scripts, key=lambda each: self._due(each[1]))
            self._scripts.remove(entry)
            self._resume(entry, due)

    def fail(self, error: DeviceSimError) -> None:
        """Go on no more; whoever asks gets the error."""
        self._failure = error
        self._scripts.clear()

    # What the channel asks.

    def check(self) -> None:
        """Raise the error that ended the engine, if one did."""
        if self._failure is not None:
            raise self._failure

    @property
    def finished(self) -> bool:
        """Whether nothing more comes, not even with a trigger."""
        return not self._scripts

    def restart(self, at: float) -> None:
        """Begin the step again because its level has changed; the start trigger has come."""
        self._scripts.clear()
        self._add(self._source(at, triggered=True), at)
        if self._value("measure_when") == MeasureWhen.ON_MEASURE_TRIGGER.value:
            self._add(self._measure_on_trigger(), at)

    def send(self, trigger: SendSoftwareEdgeTriggerType, at: float) -> None:
        """Have a trigger arrive; one that nobody waits for is lost."""
        if trigger is Trigger.SHUTDOWN:
            self._hardware.shut_down(at)
            self._scripts.clear()
        elif any(waiting is trigger for _, waiting in self._scripts):
            self._sent[trigger].append(at)

    def take_event(self, event: int) -> bool:
        """Whether the event has occurred since this was last true."""
        if self._occurred[event] <= self._seen[event]:
            return False
        self._seen[event] = self._occurred[event]
        return True

    def has_event(self, event: int) -> bool:
        """Whether `take_event` would be true."""
        return self._occurred[event] > self._seen[event]

    # The scripts.

    def _source(self, start: float, *, triggered: bool = False) -> Script:
        now = start
        if not triggered and self._awaits(Trigger.START):
            now = yield Trigger.START
        loop = 0
        while loop < self._loops:
            if loop and self._awaits(Trigger.SEQUENCE_ADVANCE):
                now = yield Trigger.SEQUENCE_ADVANCE
            begin = now
            for step in self._steps:
                if self._awaits(Trigger.SOURCE):
                    now = yield Trigger.SOURCE
                now = yield from self._run_step(step, now)
            loop += 1
            if self._sequence:
                self._emit(Event.SEQUENCE_ITERATION_COMPLETE)
            if math.isinf(self._loops):
                now = self._skip(begin, now, len(self._steps))
        if self._sequence:
            self._emit(Event.SEQUENCE_ENGINE_DONE)

    def _run_step(self, step: Step, now: float) -> Generator[Waiting, float, float]:
        begin = now
        if self._pulsing:
            self._hardware.apply(step, now, bias=True)
            now = yield now + self._value("pulse_bias_delay", step)
            self._emit(Event.READY_FOR_PULSE_TRIGGER)
            if self._awaits(Trigger.PULSE):
                now = yield Trigger.PULSE
        pulse = now
        self._hardware.apply(step, now)
        now = yield now + self._value("source_delay", step)
        self._emit(Event.SOURCE_COMPLETE)
        when = self._value("measure_when", step)
        if when == MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE.value:
            now = yield from self._measure(step, now)
        if self._pulsing:
            now = yield max(now, pulse + self._value("pulse_on_time", step))
            self._hardware.apply(step, now, bias=True)
            now = yield now + self._value("pulse_off_time", step)
            self._emit(Event.PULSE_COMPLETE)
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
            self._emit(Event.MEASURE_COMPLETE)
            now = yield max(now, begin + _SHORTEST_STEP)
            if math.isinf(remaining):
                now = self._skip(begin, now, 1)
        return now

    def _measure_on_trigger(self) -> Script:
        while True:
            now = yield Trigger.MEASURE
            yield from self._measure({}, now)

    # How scripts go on.

    def _skip(self, begin: float, end: float, parts: int) -> float:
        """Return when the next repeat of something endless begins: late ones are left out.

        Args:
            begin: When the last repeat began.
            end: When it ended.
            parts: How many steps or measurements it had.
        """
        return max(end, self._now - _CATCH_UP / parts * (end - begin))

    def _add(self, script: Script, at: float) -> None:
        waiting = next(script, None)
        if waiting is not None:
            self._scripts.append((script, waiting))

    def _resume(self, entry: tuple[Script, Waiting], at: float) -> None:
        script, waiting = entry
        if isinstance(waiting, Trigger):
            self._sent[waiting].popleft()
        with contextlib.suppress(StopIteration):
            self._scripts.append((script, script.send(at)))

    def _due(self, waiting: Waiting) -> float:
        if isinstance(waiting, Trigger):
            return self._sent[waiting][0] if self._sent[waiting] else math.inf
        return waiting

    def _awaits(self, trigger: SendSoftwareEdgeTriggerType) -> bool:
        return bool(self._value(TRIGGER_ATTRIBUTES[trigger]) != TriggerType.NONE.value)

    def _emit(self, event: Event) -> None:
        self._occurred[event.value] += 1

    def _value(self, name: str, step: Step | None = None) -> float:
        return float(self._value_in(name, step or {}))
