"""A session of NI-SCOPE: the acquisition, and the samples that it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from niscope.enums import (
    FetchRelativeTo,
    TriggerCoupling,
    TriggerModifier,
    TriggerSlope,
    TriggerType,
    TriggerWindowMode,
    VerticalCoupling,
    WhichTrigger,
)

from device_sim.base.acquiring import AcquiringSession
from device_sim.base.attributes import Attribute, Value
from device_sim.base.configuration import refuse
from device_sim.base.disturbed import Disturbed
from device_sim.base.instrument import Opening
from device_sim.base.overview import ChannelState, Quantity
from device_sim.bench import Condition, Grid, Input, Search, edge, window
from device_sim.call import Call
from device_sim.drivers.niscope.acquisition import Acquisition, Plan, Scale, Volts, Wait
from device_sim.drivers.niscope.configuration import ScopeConfiguration
from device_sim.drivers.niscope.errors import ERRORS
from device_sim.drivers.niscope.filters import HighPass, LowPass, Signal
from device_sim.drivers.niscope.measure.results import Results
from device_sim.drivers.niscope.models import ScopeModel
from device_sim.errors import (
    FUNCTION_NOT_SUPPORTED,
    INVALID_VALUE,
    UNKNOWN_CHANNEL,
    DriverError,
)
from device_sim.timeline import LOOK

MOST_SAMPLES = 2**24
"""Largest number of samples of an acquisition or of an answer."""

_PERIOD = 100  # Samples in a period of the signal without wiring.
_AMPLITUDE = 0.25  # Its amplitude as a fraction of the range.
_SHIFT = math.radians(5.0)  # Its phase from one channel to the next.

_AC_CORNER = 10.0  # Hertz at which AC coupling of a channel loses 3 dB.
_REJECTED = 50e3  # Hertz above or below which the path of the trigger rejects.
_MEAN = 0.1  # Seconds whose mean AC coupling of the trigger takes away.
_WITHOUT_HIGH = (TriggerCoupling.HF_REJECT.value, TriggerCoupling.AC_PLUS_HF_REJECT.value)
_WITHOUT_MEAN = (TriggerCoupling.AC.value, TriggerCoupling.AC_PLUS_HF_REJECT.value)
_LOADS = ("input_impedance", "probe_attenuation", "vertical_coupling")

_ANALOG = (TriggerType.EDGE.value, TriggerType.HYSTERESIS.value, TriggerType.WINDOW.value)
_SENT = (TriggerType.SOFTWARE.value, TriggerType.DIGITAL.value)

_SOURCES = {
    Wait.TRIGGER: "trigger_source",
    Wait.START: "acq_arm_source",
    Wait.ARM: "arm_ref_trig_src",
    Wait.ADVANCE: "record_arm_source",
}
"""The attribute with the source of each trigger."""
_SENDABLE = {
    WhichTrigger.START.value: Wait.START,
    WhichTrigger.ARM_REFERENCE.value: Wait.ARM,
    WhichTrigger.REFERENCE.value: Wait.TRIGGER,
    WhichTrigger.ADVANCE.value: Wait.ADVANCE,
}
"""The trigger that each number of a software trigger sends."""
_BY_SOFTWARE = "VAL_SW_TRIG_FUNC"
_SIGNALS = {
    "ref_trigger": 1,
    "start_trigger": 2,
    "end_of_acquisition_event": 3,
    "end_of_record_event": 4,
    "advance_trigger": 5,
    "ready_for_advance_event": 6,
    "ready_for_start_event": 7,
    "ready_for_ref_event": 10,
}
"""The signals that can be exported, with NI's numbers."""
_EDGES = {
    True: (TriggerSlope.POSITIVE.value, TriggerSlope.SLOPE_EITHER.value),
    False: (TriggerSlope.NEGATIVE.value, TriggerSlope.SLOPE_EITHER.value),
}
"""The slopes that each edge has, rising or falling."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of one channel's record."""

    index: int
    """The index of the channel."""

    scale: Scale
    """The vertical settings with which it was taken."""

    number: int
    """The number of the record."""

    begin: int
    """The number of its first sample in the record."""

    volts: Volts
    """The samples in volts."""

    rate: float
    """Samples per second."""

    since_trigger: float
    """Seconds from the trigger to the first sample."""

    at: float
    """Time of the first sample, in seconds."""


class ScopeSession(AcquiringSession[Acquisition]):
    """The state of one NI-SCOPE session."""

    configuration_class = ScopeConfiguration
    model: ScopeModel

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.results = Results(self)
        self.connect(self.now)

    # The terminals.

    def wire(self, index: int) -> str:
        """Return the name of a channel on the bench."""
        return self.channels.channels[index].qualified

    def is_wired(self, index: int) -> bool:
        """Return whether the bench file connects a channel."""
        return self.bench.is_wired(self.wire(index))

    def connect(self, now: float) -> None:
        """Load the nets with the impedance of the inputs, times the attenuation of their probes."""
        for index in range(len(self.channels)):
            probe = self.number("probe_attenuation", index)
            ohms = self.number("input_impedance", index) * probe
            is_ac = self.get("vertical_coupling", index) == VerticalCoupling.AC.value
            coupling = 1.0 / (2.0 * math.pi * _AC_CORNER * ohms) if is_ac else 0.0
            terminal = Input(ohms, self.model.capacitance / probe, coupling)
            self.bench.drive(self.wire(index), terminal, now)

    def describe(self, index: int) -> ChannelState:
        """Return the vertical settings of a channel."""
        units = {"vertical_range": "V", "vertical_offset": "V", "input_impedance": "Ω"}
        return ChannelState(
            setpoints=tuple(
                Quantity(name.replace("_", " "), self.number(name, index), unit)
                for name, unit in units.items()
            )
        )

    def changed(self, attribute: Attribute, indices: Sequence[int]) -> None:
        """Load the nets with another impedance or coupling."""
        if attribute.name in _LOADS:
            self.connect(self.now)

    def disconnect(self, now: float) -> None:
        """Take the inputs off the nets."""
        for index in range(len(self.channels)):
            self.bench.drive(self.wire(index), None, now)

    def disable(self) -> None:
        """Abort, and set the attributes to their defaults, as NI's tests find them."""
        self.reset()

    # Attributes.

    @property
    def configuration(self) -> ScopeConfiguration:
        """The configuration of the first channel, with the timing of all."""
        found: ScopeConfiguration = self.attributes.channels[0]
        return found

    @property
    def enabled(self) -> list[int]:
        """The indices of the enabled channels."""
        return [i for i in range(len(self.channels)) if self.get("channel_enabled", i)]

    def combine(self, attribute: Attribute, indices: Sequence[int]) -> Value:
        """Return the value of an attribute, which may be a fact about the acquisition."""
        name, activity = attribute.name, self.activity
        if name == "enabled_channels":
            return ",".join(self.channels.names[index] for index in self.enabled)
        if name == "records_done":
            return len(activity.records) if activity else 0
        if name == "points_done":
            return float(len(activity.records) * activity.plan.length) if activity else 0.0
        if name.endswith("_terminal_name"):
            signal = name.removesuffix("_terminal_name")
            return f"/{self.channels.devices[0]}/{signal.title().replace('_', '')}"
        if name == "trigger_auto_triggered":
            return activity is not None and activity.auto_triggered
        return super().combine(attribute, indices)

    def select_enabled(self, channel_name: str) -> list[int]:
        """Return the channels that a client names, or the enabled ones if it names none.

        Raises:
            DriverError: One is not enabled.
        """
        chosen = self.select(channel_name) if channel_name.strip() else self.enabled
        for index in chosen:
            if not self.get("channel_enabled", index):
                name = self.channels.names[index]
                raise DriverError(ERRORS.CHANNEL_NOT_ENABLED, f"Channel: {name}")
        return chosen

    # The acquisition.

    def commit(self, indices: Sequence[int]) -> None:
        """Check the attributes that belong together.

        Raises:
            DriverError: The instrument or the simulation cannot do what they say.
        """
        if not self.enabled:
            raise DriverError(ERRORS.CHANNEL_NOT_ENABLED, "No channel is enabled. Enable one.")
        length, records = self.configuration.length, int(self.number("horz_num_records"))
        if length * records * len(self.enabled) > MOST_SAMPLES:
            raise DriverError(
                INVALID_VALUE,
                f"{records} records of {length} samples on {len(self.enabled)} channels are more "
                f"than the simulation stores. Acquire up to {MOST_SAMPLES} samples.",
            )
        self._trigger_source()

    def _trigger_source(self) -> int | None:
        """Return the channel with the analog trigger, None if the trigger is not an analog one.

        Raises:
            DriverError: There is no such channel.
        """
        if self.get("trigger_type") not in _ANALOG:
            return None
        name = str(self.get("trigger_source"))
        if name.startswith("/") or not name.rpartition("/")[2].isdecimal():
            return None  # A terminal, such as VAL_EXTERNAL.
        chosen = self.channels.select(name)
        if len(chosen) != 1:
            raise DriverError(UNKNOWN_CHANNEL, f"Trigger source: {name}")
        return chosen[0]

    def initiate(self, indices: Sequence[int] = ()) -> None:
        """Start the configured acquisition. Edges on the terminals of its triggers are heard."""
        super().initiate(indices)
        assert self.activity is not None
        slope = self.get("trigger_slope")
        edges = [edge for edge, slopes in _EDGES.items() if slope in slopes]
        for trigger in self.activity.plan.awaited:
            terminal = str(self.get(_SOURCES[trigger]))
            for rising in edges if trigger is Wait.TRIGGER else (True,):
                self.listen(self.activity, trigger, terminal, rising=rising)

    def make_activity(self, now: float) -> Acquisition:
        """Return the configured acquisition."""
        self.commit(())
        source = self._trigger_source()
        is_searched = source is not None and self.is_wired(source)
        plan = self._plan()
        return Acquisition(
            plan,
            partial(self._sample, plan),
            now,
            loses=self.loses_trigger,
            signal=self._put_out,
            is_heard=self._is_heard,
            search=self._search(source) if is_searched and source is not None else None,
        )

    def _awaited(self) -> Iterator[Wait]:
        """Yield the triggers that come by a terminal or by software.

        Raises:
            DriverError: The bench cannot have such a trigger.
        """
        if not any(map(self.is_wired, self.enabled)):
            return  # Without wiring, a digitizer triggers itself, as NI's simulated ones do.
        for trigger, attribute in _SOURCES.items():
            source = str(self.get(attribute))
            if trigger is not Wait.TRIGGER and (source == _BY_SOFTWARE or self.terminal(source)):
                yield trigger
        kind = self.get("trigger_type")
        if kind in _SENT or (kind in _ANALOG and self._trigger_source() is None):
            yield Wait.TRIGGER
        elif kind not in _ANALOG and kind != TriggerType.IMMEDIATE.value:
            name = TriggerType(kind).name.lower()
            raise _cannot(f"a {name} trigger on a bench. Use an edge or window trigger.")

    # Triggers from and to other instruments.

    def send_trigger(self, which: int) -> None:
        """Send a software trigger. If none of its kind is awaited, it triggers the record.

        Raises:
            DriverError: There is no such trigger.
        """
        if which not in _SENDABLE:
            raise DriverError(INVALID_VALUE, f"Trigger: {which}")
        if self.activity is not None:
            wanted = _SENDABLE[which]
            is_awaited = wanted in self.activity.plan.awaited
            self.activity.send(wanted if is_awaited else Wait.TRIGGER, self.now)

    def export(self, signal: int, terminal: str) -> None:
        """Put a signal onto a terminal, too.

        Raises:
            DriverError: There is no such signal, or it is not simulated.
        """
        names = [name for name, number in _SIGNALS.items() if number == signal]
        if not names:
            raise _cannot(f"the export of the signal {signal}.")
        self.set(_exported(names[0]), terminal)

    def _terminals(self, signal: str) -> list[str]:
        """Return the terminals of a signal: its own, and the one to which it is exported."""
        own = f"{self.channels.devices[0]}/{signal.replace('_', '')}"
        exported = str(self.get(_exported(signal)))
        return [name for name in map(self.terminal, (own, exported)) if name]

    def _put_out(self, signal: str, at: float) -> bool:
        return self.bench.bus.pulse(self._terminals(signal), at)

    def _is_heard(self) -> bool:
        return not self.bench.bus.is_idle and any(
            self.bench.bus.is_used(name) for s in _SIGNALS for name in self._terminals(s)
        )

    def _plan(self) -> Plan:
        configuration = self.configuration
        return Plan(
            scales={index: self._scale(index) for index in self.enabled},
            rate=configuration.rate,
            length=configuration.length,
            before=configuration.samples_before_trigger,
            records=int(self.number("horz_num_records")),
            holdoff=self.number("trigger_holdoff"),
            quiet=self.number("start_to_ref_trigger_holdoff"),
            delay=self.number("trigger_delay_time"),
            awaited=frozenset(self._awaited()),
            is_automatic=self.get("trigger_modifier") != TriggerModifier.NO_TRIGGER_MOD.value,
        )

    def _scale(self, index: int) -> Scale:
        return Scale(
            self.number("vertical_range", index),
            self.number("vertical_offset", index),
            self.get("vertical_coupling", index) == VerticalCoupling.GND.value,
        )

    def _search(self, source: int) -> Callable[[], Callable[[float, float], float | None]]:
        condition = self._condition()
        spacing = 1.0 / self.configuration.rate
        wire = self.wire(source)

        volts = self._coupled(source, self.get("trigger_coupling"))
        changes = partial(self.bench.changes, wire)
        return lambda: Search(volts, changes, condition, spacing).find

    def _limited(self, index: int) -> Signal:
        """Return the signal of a channel within its bandwidth."""
        wire, wanted = self.wire(index), self.number("max_input_frequency", index)
        limit = min(wanted, self.model.bandwidth) if wanted > 0.0 else self.model.bandwidth

        def signal(grid: Grid) -> Volts:
            return self.bench.sample(wire, grid).voltages

        return partial(LowPass(limit).passed, signal)

    def _coupled(self, index: int, coupling: Value) -> Signal:
        """Return the signal of a channel in the path of the trigger."""
        signal = self._limited(index)
        if coupling == TriggerCoupling.LF_REJECT.value:
            return partial(HighPass(_REJECTED).passed, signal)
        if coupling in _WITHOUT_HIGH:
            signal = partial(LowPass(_REJECTED).passed, signal)
        if coupling not in _WITHOUT_MEAN:
            return signal
        wire = self.wire(index)

        def without_mean(grid: Grid) -> Volts:
            return signal(grid) - self.bench.measure(wire, grid.begin - _MEAN, grid.begin).voltage

        return without_mean

    def _condition(self) -> Condition:
        kind = self.get("trigger_type")
        if kind == TriggerType.WINDOW.value:
            return window(
                self.number("trigger_window_low_level"),
                self.number("trigger_window_high_level"),
                entering=self.get("trigger_window_mode") == TriggerWindowMode.ENTERING.value,
            )
        has_hysteresis = kind == TriggerType.HYSTERESIS.value
        return edge(
            self.number("trigger_level"),
            self.number("trigger_hysteresis") if has_hysteresis else 0.0,
            rising=self.get("trigger_slope") == TriggerSlope.POSITIVE.value,
        )

    # Samples.

    def _sample(self, plan: Plan, grid: Grid) -> Mapping[int, Volts]:
        scales = plan.scales.items()
        return {i: self._measure(i, scale, grid) for i, scale in scales if self.is_wired(i)}

    def _measure(self, index: int, scale: Scale, grid: Grid) -> Volts:
        """Return the readings of a wired channel."""
        accuracy = self.model.accuracy(scale.range)
        volts = np.zeros(grid.count) if scale.is_grounded else self._limited(index)(grid)
        channel = self.channels.channels[index]
        disturbed = Disturbed(self.bench.faults, channel.device, grid, channel.qualified)
        converter = self.bench.converter(f"{self.wire(index)} waveform")
        volts = disturbed.with_noise(volts) - scale.offset
        readings = converter.convert_all(volts, accuracy)
        # A signal beyond the range gives the last code of the converter.
        half = scale.range / 2.0 * disturbed.range
        readings = np.clip(disturbed.overloaded(readings), -half, half - accuracy.step)
        return scale.offset + disturbed.without_lost(readings)

    def _simulated(self, index: int, scale: Scale, begin: int, end: int) -> Volts:
        """Return samples of a channel without wiring, by their numbers from the trigger."""
        step = self.model.step(scale.range)
        if self.bench.faults.is_over_range(self.channels.channels[index].device):
            period = np.full(_PERIOD, 0.5 * scale.range - step)
        elif scale.is_grounded:
            period = np.zeros(_PERIOD)
        else:
            turns = (begin + np.arange(_PERIOD)) % _PERIOD / _PERIOD
            period = _AMPLITUDE * scale.range * np.sin(2.0 * math.pi * turns + _SHIFT * index)
        readings = np.rint(period / step) * step + scale.offset
        return np.resize(readings, end - begin)

    # Fetching.

    @property
    def is_complete(self) -> bool:
        """Return whether no acquisition is in progress."""
        return self.activity is None or self.activity.finished

    def fetch(
        self,
        indices: Sequence[int],
        count: int,
        timeout: float,
        call: Call,
        *,
        goes_on: bool = False,
    ) -> list[Excerpt]:
        """Return a part of each wanted record, as the fetch attributes say.

        Args:
            indices: The channels.
            count: Number of samples; negative for all.
            timeout: Seconds to wait; 0 for what there is, negative for no end.
            call: The waiting call.
            goes_on: True if a signal without wiring may go on after the record.

        Raises:
            DriverError: No acquisition was initiated, or it does not end in time.
        """
        activity = self.activity
        if activity is None:
            raise DriverError(ERRORS.NO_DATA)
        first, last = self._wanted(activity.plan.records)
        count = activity.plan.length if count < 0 else count
        if count * (last - first) * len(indices) > MOST_SAMPLES:
            raise DriverError(INVALID_VALUE, f"Fetch up to {MOST_SAMPLES} samples, not {count}.")
        self._await(activity, last, timeout, call)
        begin = self._position(activity)
        if self.get("_fetch_relative_to") == FetchRelativeTo.READ_POINTER.value:
            activity.read_pointer = min(begin + count, activity.plan.length)
        return [
            self._excerpt(activity, number, index, begin, count, goes_on=goes_on)
            for number in range(first, last)
            for index in indices
        ]

    def same_part(self, excerpt: Excerpt, index: int) -> Excerpt:
        """Return the part of another channel that was taken at the same time."""
        if self.activity is None:
            raise DriverError(ERRORS.NO_DATA)
        where = (excerpt.number, index, excerpt.begin, len(excerpt.volts))
        return self._excerpt(self.activity, *where, goes_on=True)

    def _wanted(self, records: int) -> tuple[int, int]:
        """Return the first record to fetch and the one after the last, of so many."""
        first = int(self.number("_fetch_record_number"))
        _check("_fetch_record_number", first, 0, records - 1)
        number = int(self.number("_fetch_num_records"))
        last = records if number < 0 else first + number
        _check("_fetch_num_records", last, first, records)
        return first, last

    def _await(self, activity: Acquisition, records: int, timeout: float, call: Call) -> None:
        def poll(now: float) -> float | None:
            activity.check()
            if len(activity.records) >= records or activity is not self.activity:
                return None
            return now + LOOK if activity.is_looking else activity.due()

        if math.isnan(timeout):
            raise DriverError(INVALID_VALUE, f"Timeout: {timeout}")
        deadline = math.inf if timeout < 0.0 else self.now + timeout
        done = self.wait(call, poll, deadline)
        if activity is not self.activity:
            raise DriverError(ERRORS.NO_DATA)
        if not done and timeout != 0.0:
            raise DriverError(ERRORS.MAX_TIME_EXCEEDED)

    def _position(self, activity: Acquisition) -> int:
        """Return the number of the first sample to fetch in a record."""
        starts = {
            FetchRelativeTo.READ_POINTER.value: activity.read_pointer,
            FetchRelativeTo.NOW.value: activity.plan.length,
            FetchRelativeTo.TRIGGER.value: activity.plan.before,
        }
        start = starts.get(int(self.number("_fetch_relative_to")), 0)
        position = start + int(self.number("_fetch_offset"))
        _check("_fetch_offset", position, 0, activity.plan.length)
        return position

    def _excerpt(
        self,
        activity: Acquisition,
        number: int,
        index: int,
        begin: int,
        count: int,
        *,
        goes_on: bool,
    ) -> Excerpt:
        plan = activity.plan
        if index not in plan.scales:
            name = self.channels.names[index]
            raise DriverError(ERRORS.CHANNEL_NOT_ENABLED, f"Channel: {name}, at initiate")
        scale = plan.scales[index]
        end = begin + count if goes_on else min(begin + count, plan.length)
        if number >= len(activity.records):  # not acquired yet
            return Excerpt(index, scale, number, begin, np.empty(0), plan.rate, 0.0, 0.0)
        record = activity.records[number]
        if index in record.samples:
            volts = record.samples[index][begin:end]
        else:
            volts = self._simulated(index, scale, begin - plan.before, end - plan.before)
        at = record.begin + begin / plan.rate
        return Excerpt(index, scale, number, begin, volts, plan.rate, at - record.trigger, at)

    # Automatic setup.

    def set_up(self) -> None:
        """Choose ranges and trigger by the present signals; NI's documentation lists the rest."""
        self.abort()
        ranges = self.model.steps["ranges"]
        grid = Grid.over(self.now - 0.02, self.now, 10_000)
        spans = {}
        for index in filter(self.is_wired, range(len(self.channels))):
            volts = self.bench.sample(self.wire(index), grid).voltages
            low, high = float(volts.min()), float(volts.max())
            if high - low >= 0.1 * ranges[0]:
                spans[index] = (low, high)
                peak = 2.0 * max(abs(low), abs(high))
                fits = next((r for r in ranges if r >= peak), ranges[-1])
                self.set("vertical_range", fits, self.channels.names[index])
        self.set("vertical_offset", 0.0)
        self.set("horz_num_records", 1)
        self.set("horz_enforce_realtime", True)
        self.set("horz_record_ref_position", 50.0)
        self.set("trigger_type", TriggerType.IMMEDIATE.value)
        if spans:
            index, (low, high) = next(iter(spans.items()))
            self.set("trigger_type", TriggerType.EDGE.value)
            self.set("trigger_source", self.channels.names[index])
            self.set("trigger_level", (low + high) / 2.0)
        else:
            self.set("channel_enabled", True)
        self.set("trigger_slope", TriggerSlope.POSITIVE.value)
        self.set("trigger_coupling", TriggerCoupling.DC.value)
        self.set("trigger_delay_time", 0.0)
        self.set("trigger_holdoff", 0.0)


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise refuse(name, value)


def _exported(signal: str) -> str:
    """Return the attribute with the terminal to which a signal is exported."""
    prefix = "exported_" if signal.endswith("_trigger") else ""
    return f"{prefix}{signal}_output_terminal"


def _cannot(what: str) -> DriverError:
    return DriverError(FUNCTION_NOT_SUPPORTED, f"The simulation cannot do {what}")
