"""A session of NI-FGEN: its memory, its generation, and its terminals on the bench."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from nifgen.enums import (
    HardwareState,
    OutputMode,
    ScriptTriggerDigitalEdgeEdge,
    ScriptTriggerType,
    StartTriggerDigitalEdgeEdge,
    StartTriggerType,
    Trigger,
)

from device_sim.base.acquiring import AcquiringSession
from device_sim.base.attributes import Attribute, Value
from device_sim.base.instrument import Opening
from device_sim.base.overview import ChannelState, Quantity
from device_sim.bench import Output, Stream
from device_sim.call import Call
from device_sim.drivers.nifgen.errors import ERRORS
from device_sim.drivers.nifgen.generation import (
    SCRIPT_TRIGGERS,
    Generation,
    Plan,
    Signals,
    Wait,
    signals_in,
)
from device_sim.drivers.nifgen.memory import Memory
from device_sim.drivers.nifgen.program import Compiler
from device_sim.drivers.nifgen.signals import Floats, Function, Level, Signal
from device_sim.errors import FUNCTION_NOT_SUPPORTED, DriverError

_MARKERS = range(4)
_FALLING_START = StartTriggerDigitalEdgeEdge.FALLING.value
_FALLING_SCRIPT = ScriptTriggerDigitalEdgeEdge.FALLING.value
_SYNC_OUT = 1002
_EXPORTED = {
    103: "exported_script_trigger_output_terminal",
    105: "ready_for_start_event_output_terminal",
    106: "started_event_output_terminal",
    107: "done_event_output_terminal",
    1001: "marker_event_output_terminal",
    1004: "exported_start_trigger_output_terminal",
}
"""The attribute with the terminal of each signal, by NI's number of the signal."""
_SHORTEST_STEP = 100e-6  # Seconds of a frequency on the bench.
_STANDARD = {
    "amplitude": ("func_amplitude", "V"),
    "frequency": ("func_frequency", "Hz"),
    "DC offset": ("func_dc_offset", "V"),
}
_ARBITRARY = {
    "gain": ("arb_gain", ""),
    "offset": ("arb_offset", "V"),
    "sample rate": ("arb_sample_rate", "S/s"),
}


class FgenSession(AcquiringSession[Generation]):
    """The state of one NI-FGEN session."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.memory = Memory(self.model.defaults)
        self._plan = Plan((), waits_for_start=False, before=())
        """The plan of the last generation."""
        self._levels = (0.0,) * len(self.channels)
        """The voltages while nothing is generated."""
        self._put_out: tuple[float, Signals] = (0.0, ())
        """The signals of the generation that are on the bench, and when they began."""
        self.sync_terminal = ""
        """The terminal to which the synchronisation output is exported."""
        self._seen = dict.fromkeys(_MARKERS, 0)
        """How often each marker had come when a client cleared its status."""
        self.connect(self.now)

    # Attributes.

    def combine(self, attribute: Attribute, indices: Sequence[int]) -> Value:
        """Return the value of an attribute, which may be a fact about memory or generation."""
        if attribute.name == "max_waveform_size":
            return self.memory.space
        if attribute.name == "all_marker_events_latched_status":
            came = {marker: self._markers(marker) for marker in _MARKERS}
            return sum(1 << marker for marker in _MARKERS if came[marker] > self._seen[marker])
        return super().combine(attribute, indices)

    def changed(self, attribute: Attribute, indices: Sequence[int]) -> None:
        """Connect or disconnect outputs; forget the markers that came."""
        if attribute.name == "all_marker_events_latched_status":
            self._seen = {marker: self._markers(marker) for marker in _MARKERS}
        if attribute.name in ("output_enabled", "output_impedance", "load_impedance"):
            self.connect(self.now)

    def _markers(self, marker: int) -> int:
        return self.activity.markers(marker, self.now) if self.activity else 0

    def describe(self, index: int) -> ChannelState:
        """Return whether a channel generates, and its settings in the output mode."""
        is_standard = self.get("output_mode") == OutputMode.FUNC.value
        settings = _STANDARD if is_standard else _ARBITRARY
        is_on = self.activity is not None and bool(self.get("output_enabled", index))
        return ChannelState(
            is_on,
            tuple(
                Quantity(name, self.number(attribute, index), unit)
                for name, (attribute, unit) in settings.items()
            ),
        )

    # The flow.

    def commit(self, indices: Sequence[int]) -> None:
        """Check the configuration."""
        self._make_plan()

    def initiate(self, indices: Sequence[int] = ()) -> None:
        """Start the configured generation."""
        plan = self._make_plan()
        self.abort()
        self._plan = plan
        super().initiate(indices)
        self._listen()
        self._attach()

    def make_activity(self, now: float) -> Generation:
        """Return the configured generation."""
        self._seen = dict.fromkeys(_MARKERS, 0)
        return Generation(self._plan, self._begin_piece, now, signal=self._tell)

    def abort(self, indices: Sequence[int] = ()) -> None:
        """End the generation. The outputs stay at their last voltages, or take the idle value."""
        if self.activity is not None:
            self._levels = self._plan.after or self.activity.levels(self.now)
            super().abort()
            self.connect(self.now)

    def disable(self) -> None:
        """End the generation and switch the outputs off."""
        self.set("output_enabled", False)
        super().disable()

    def reset(self, indices: Sequence[int] | None = None) -> None:
        """End the generation, forget all waveforms, and set the attributes to their defaults."""
        self.abort()
        self._levels = (0.0,) * len(self.channels)
        self.sync_terminal = ""
        self.memory = Memory(self.model.defaults)
        super().reset(indices)

    def _make_plan(self) -> Plan:
        """Return the plan of the configuration.

        Raises:
            DriverError: The configuration has an error, or the bench cannot have such a signal.
        """
        compiler = Compiler(
            lambda name, index: self.get(name, index), self.memory, len(self._wires)
        )
        plan = compiler.plan()
        if any(map(self.bench.is_wired, self._wires)):
            steps = [step for signals in signals_in(plan.program) for step in map(_step, signals)]
            if min(steps, default=math.inf) < _SHORTEST_STEP:
                raise DriverError(
                    FUNCTION_NOT_SUPPORTED,
                    "Not simulated: a frequency list with a step below "
                    f"{_SHORTEST_STEP * 1e6:.0f} µs on a bench. Make the steps longer.",
                )
        return plan

    # The state of the generation.

    def voltages(self, index: int, times: Floats) -> Floats:
        """Return the voltages of a channel at some times on the server's clock.

        They are those across the load that the client configured, with the output enabled.
        """
        if self.activity is None:
            return np.full(times.shape, self._levels[index])
        return self.activity.voltages(index, times)

    @property
    def state(self) -> int:
        """NI's hardware state."""
        if self.activity is None:
            return int(HardwareState.IDLE.value)
        self.activity.check()
        if self.activity.finished:
            return int(HardwareState.DONE.value)
        if self.activity.origin is None:
            return int(HardwareState.WAITING_FOR_START_TRIGGER.value)
        return int(HardwareState.RUNNING.value)

    @property
    def is_done(self) -> bool:
        """Return whether nothing is generated any more."""
        return self.state in (HardwareState.IDLE.value, HardwareState.DONE.value)

    def wait_until_done(self, milliseconds: int, call: Call) -> None:
        """Wait for the end of the generation. Without wiring it does not wait, as NI's simulation.

        Raises:
            DriverError: It did not end in time.
        """
        if not any(map(self.bench.is_wired, self._wires)):
            return
        generation = self.activity

        def poll(now: float) -> float | None:
            ended = generation is not self.activity or self.is_done
            return None if ended or generation is None else generation.due()

        if not self.wait(call, poll, self.now + milliseconds / 1000.0):
            raise DriverError(ERRORS.MAX_TIME_EXCEEDED)

    def send_trigger(self, trigger: int, name: str) -> None:
        """Send a software trigger, which works for an edge of any source, too.

        Raises:
            DriverError: There is no such trigger.
        """
        found = [Wait.START]
        if trigger == Trigger.SCRIPT.value:
            names = self._opening.capabilities["script_triggers"].select(name)
            found = [Wait[f"SCRIPT{each[-1]}"] for each in names]
        elif trigger != Trigger.START.value:
            raise DriverError(FUNCTION_NOT_SUPPORTED, f"Not simulated: the trigger {trigger}")
        for each in found:
            if self.activity is not None and not self.loses_trigger(self.now):
                self.activity.send(each, self.now)
        self.lock.notify_all()

    # Triggers from and to other instruments.

    def _listen(self) -> None:
        """Let the digital edges that the attributes name trigger the generation."""
        assert self.activity is not None
        if self.get("start_trigger_type") == StartTriggerType.DIGITAL_EDGE.value:
            rising = self.get("digital_edge_start_trigger_edge") != _FALLING_START
            source = str(self.get("digital_edge_start_trigger_source"))
            self.listen(self.activity, Wait.START, source, rising=rising)
        for number, trigger in enumerate(SCRIPT_TRIGGERS):
            name = f"ScriptTrigger{number}"
            if self._of("script_trigger_type", name) == ScriptTriggerType.DIGITAL_EDGE.value:
                rising = self._of("digital_edge_script_trigger_edge", name) != _FALLING_SCRIPT
                source = str(self._of("digital_edge_script_trigger_source", name))
                self.listen(self.activity, trigger, source, rising=rising)

    def _attach(self) -> None:
        """Put the markers and the synchronisation output onto their terminals."""
        generation = self.activity
        assert generation is not None
        for marker in _MARKERS:
            exported = str(self._of("marker_event_output_terminal", f"Marker{marker}"))
            following = partial(generation.next_marker, marker)
            self._stream(f"marker{marker}event", exported, following)
        self._stream("syncout", self.sync_terminal, generation.next_cycle)

    def _stream(self, own: str, exported: str, following: Callable[[float], float]) -> None:
        if self.activity is not None:
            terminals = tuple(self._terminals(own, exported))
            self.bench.bus.attach(Stream(self.activity, terminals, following))

    def _tell(self, signal: str, at: float) -> bool:
        """Put a signal onto its own terminal, and onto that to which it is exported."""
        if signal.startswith("script_trigger"):
            name = f"ScriptTrigger{signal[-1]}"
            exported = self._of("exported_script_trigger_output_terminal", name)
        else:
            prefix = "exported_" if signal == "start_trigger" else ""
            exported = self.get(f"{prefix}{signal}_output_terminal")
        terminals = self._terminals(signal.replace("_", ""), str(exported))
        return self.bench.bus.pulse(terminals, at)

    def _terminals(self, own: str, exported: str) -> list[str]:
        names = (f"{self.channels.devices[0]}/{own}", exported)
        return [name for name in map(self.terminal, names) if name]

    def _of(self, attribute: str, name: str) -> Value:
        """Return an attribute of a marker or a script trigger."""
        return self.get_attribute(name, self.table[attribute].id, self.table[attribute].kind)

    def export(self, signal: int, name: str, terminal: str) -> None:
        """Put a signal onto a terminal, too.

        Args:
            signal: NI's number of the signal.
            name: The marker or script trigger; empty for other signals.
            terminal: The terminal.

        Raises:
            DriverError: There is no such signal, or it is not simulated.
        """
        if signal == _SYNC_OUT:
            self.sync_terminal = terminal
        elif signal in _EXPORTED:
            self.set(_EXPORTED[signal], terminal, name)
        else:
            raise DriverError(
                FUNCTION_NOT_SUPPORTED, f"Not simulated: the export of the signal {signal}."
            )

    # The bench.

    @property
    def _wires(self) -> list[str]:
        return [channel.qualified for channel in self.channels.channels]

    def connect(self, now: float) -> None:
        """Connect the terminals to the bench."""
        if self.activity is None:
            self._drive(now, now, tuple(map(Level, self._levels)))
        else:
            self._drive(now, *self._put_out)

    def disconnect(self, now: float) -> None:
        """Take the terminals off the bench."""
        for wire in self._wires:
            self.bench.drive(wire, None, now)

    def _begin_piece(self, begin: float, signals: Signals) -> None:
        self._put_out = (begin, signals)
        self._drive(begin, begin, signals)

    def _drive(self, now: float, begin: float, signals: Signals) -> None:
        """Put signals that began at a time onto the bench from now on."""
        for index, (wire, signal) in enumerate(zip(self._wires, signals, strict=True)):
            if not self.bench.is_wired(wire):
                continue
            enabled = bool(self.get("output_enabled", index))
            terminal = self._terminal(index, signal, begin) if enabled else None
            self.bench.drive(wire, terminal, now)

    def _terminal(self, index: int, signal: Signal, begin: float) -> Output:
        """Return a source that has the signal across the load that the client configured."""
        own = self.number("output_impedance", index)
        load = self.number("load_impedance", index)
        share = 0.5 if load < 0.0 else load / (own + load)
        level, wave = signal.level / share, signal.wave(begin, 1.0 / share)
        return Output("voltage", level, -math.inf, math.inf, own, wave)


def _step(signal: Signal) -> float:
    """Return the seconds of the shortest step of a list of frequencies."""
    return min(signal.durations) if isinstance(signal, Function) else math.inf
