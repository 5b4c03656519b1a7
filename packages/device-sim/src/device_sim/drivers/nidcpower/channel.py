"""One channel of a source-measure unit: its state, its output, its measurements."""

from __future__ import annotations

import math
from enum import Enum

from nidcpower.enums import (
    ApertureTimeUnits,
    InstrumentMode,
    OutputCutoffReason,
    OutputFunction,
    OutputStates,
    SourceMode,
)

from device_sim.base.attributes import Value
from device_sim.base.channels import ChannelId
from device_sim.bench import Bench, Input, State
from device_sim.drivers.nidcpower.engine import Engine, Record
from device_sim.drivers.nidcpower.errors import OPERATION_NOT_SUPPORTED
from device_sim.drivers.nidcpower.lcr import LcrUnit
from device_sim.drivers.nidcpower.models import SmuModel
from device_sim.drivers.nidcpower.sequences import SequenceBook, Step
from device_sim.drivers.nidcpower.setting import (
    OTHER_QUANTITY,
    Getter,
    Setting,
    function_names,
    is_pulsing,
    read_setting,
)
from device_sim.errors import INVALID_VALUE, DriverError

_SIMULATED_FRACTION = 0.01
"""NI's simulated devices measure this part of the limit's range."""

_OVERRANGE = 1.05

# Slew rates and saturation are not modelled, so their cutoffs never trip.
_WATCHED_CUTOFFS = (
    OutputCutoffReason.VOLTAGE_OUTPUT_HIGH,
    OutputCutoffReason.VOLTAGE_OUTPUT_LOW,
    OutputCutoffReason.VOLTAGE_MEASURE_HIGH,
    OutputCutoffReason.VOLTAGE_MEASURE_LOW,
    OutputCutoffReason.CURRENT_MEASURE_HIGH,
    OutputCutoffReason.CURRENT_MEASURE_LOW,
)


class Phase(Enum):
    """Where a channel is in NI-DCPower's programming flow."""

    UNCOMMITTED = "uncommitted"
    COMMITTED = "committed"
    RUNNING = "running"


class Channel:
    """The hardware of one channel.

    Args:
        channel: Which one it is.
        smu: The instrument's model.
        bench: What the channel is wired to.
        attribute: Returns the value of an attribute of this channel, by its name.
    """

    def __init__(self, channel: ChannelId, smu: SmuModel, bench: Bench, attribute: Getter) -> None:
        self._device = channel.device
        self._smu = smu
        self._bench = bench
        self._attribute = attribute
        self.wire = channel.qualified
        self.phase = Phase.UNCOMMITTED
        self.sequences = SequenceBook()
        self.engine: Engine | None = None
        self.sourcing: Setting | None = None
        self.latched_cutoffs = 0
        self.lcr = LcrUnit(self.value, bench, self.wire)

    @property
    def wired(self) -> bool:
        """Whether the bench says what the channel is connected to."""
        return self._bench.is_wired(self.wire)

    # The programming flow.

    def commit(self) -> None:
        """Check the attributes against each other and get ready.

        Raises:
            DriverError: They do not fit together.
        """
        for step in self._steps():
            self._check(step)
        if self.phase is Phase.UNCOMMITTED:
            self.phase = Phase.COMMITTED

    def initiate(self, now: float) -> None:
        """Start sourcing (and measuring).

        Raises:
            DriverError: The attributes do not fit together.
        """
        self.commit()
        self._stop()
        sequence = self._sequencing
        finite = self.value("sequence_loop_count_is_finite", {})
        loops = float(self.value("sequence_loop_count", {})) if finite else math.inf
        self.phase = Phase.RUNNING
        self.engine = Engine(
            self,
            self._steps(),
            loops if sequence else 1,
            sequence=sequence,
            pulsing=is_pulsing(lambda name: self.value(name, {})),
            start=now,
        )
        self._bench.timeline.add(self.engine)

    def abort(self) -> None:
        """Stop; the output stays as it is."""
        self.phase = Phase.UNCOMMITTED
        self._stop()

    def _stop(self) -> None:
        self._bench.timeline.discard(self.engine)
        self.engine = None

    def reset(self, now: float) -> None:
        """Stop, switch the output off and forget the sequences."""
        self.abort()
        self.shut_down(now)
        self.sequences = SequenceBook()
        self.latched_cutoffs = 0

    def due(self) -> float:
        """Return when something happens next of itself; infinity for never.

        Raises:
            DeviceSimError: What the channel did of itself has failed.
        """
        if self.engine is None:
            return math.inf
        self.engine.check()
        return self.engine.due()

    @property
    def backlog(self) -> int | None:
        """How many records wait to be fetched; None when there are none and none will come.

        Raises:
            DeviceSimError: What the channel did of itself has failed.
        """
        if self.engine is None:
            return None
        self.engine.check()
        count = len(self.engine.records)
        return None if self.engine.finished and not count else count

    def attribute_changed(self, now: float) -> None:
        """Act on an attribute that was written while the channel runs."""
        if self.phase is not Phase.RUNNING or self.engine is None or self._sequencing:
            return
        if self.sourcing is not None and self.setting({}) != self.sourcing:
            self._check({})
            self.engine.restart(now)

    # What the engine needs.

    def value(self, name: str, step: Step) -> Value:
        """An attribute as it is in a step; times come in seconds."""
        if name == "aperture_seconds":
            return self.aperture(step)
        return step[name] if name in step else self._attribute(name)

    def aperture(self, step: Step | None = None) -> float:
        """Seconds that one measurement takes."""
        step = step or {}
        if self._measures_lcr(step):
            return self.lcr.measurement_seconds(step)
        aperture = float(self.value("aperture_time", step))
        if self.value("aperture_time_units", step) == ApertureTimeUnits.POWER_LINE_CYCLES.value:
            aperture /= float(self.value("power_line_frequency", step))
        return aperture * float(self.value("samples_to_average", step))

    def setting(self, step: Step, *, bias: bool = False) -> Setting:
        """What the attributes ask for in a step."""
        return read_setting(lambda name: self.value(name, step), sinks=self._smu.sinks, bias=bias)

    def apply(self, step: Step, at: float, *, bias: bool = False) -> None:
        """Source what the channel is set to in a step."""
        on = self.value("output_enabled", step) and self.value("output_connected", step)
        self.sourcing = self.setting(step, bias=bias) if on and not self.latched_cutoffs else None
        if self.wired:
            terminal = self.sourcing.terminal() if self.sourcing else None
            self._bench.drive(self.wire, terminal, at)

    def shut_down(self, at: float) -> None:
        """Switch the output off."""
        self.sourcing = None
        self._bench.drive(self.wire, None, at)

    def acquire(self, step: Step, begin: float, end: float) -> Record:
        """Measure over an aperture."""
        state = self.state(begin, end)
        aperture = end - begin
        record = Record(
            self._reading("voltage", state.voltage, aperture),
            self._reading(
                "current", -state.current if self._smu.sinks else state.current, aperture
            ),
            state.limited,
            self.lcr.acquire(step, end) if self._measures_lcr(step) else None,
        )
        self._watch_cutoffs(record.voltage, record.current, end)
        return record

    def _measures_lcr(self, step: Step) -> bool:
        return bool(self.value("instrument_mode", step) == InstrumentMode.LCR.value)

    # Measuring.

    def state(self, begin: float, end: float) -> State:
        """What is at the terminals, exactly."""
        if self.wired:
            return self._bench.measure(self.wire, begin, end)
        if self.sourcing is None:
            return State(0.0, 0.0, False)
        other = OTHER_QUANTITY[self.sourcing.quantity]
        values = {
            self.sourcing.quantity: self.sourcing.level,
            other: _SIMULATED_FRACTION * self.sourcing.limit_range,
        }
        return State(values["voltage"], values["current"], False)

    def output_state(self, which: int, now: float) -> bool:
        """Whether the output is in constant voltage or current operation, or inhibited."""
        if which == OutputStates.INHIBITED.value:
            return bool(self.latched_cutoffs)
        if self.sourcing is None:
            return False
        limited = self.state(now, now).limited
        regulated = self.sourcing.quantity
        holds = OTHER_QUANTITY[regulated] if limited else regulated
        return holds == ("voltage" if which == OutputStates.CONSTANT_VOLTAGE.value else "current")

    def _reading(self, quantity: str, value: float, aperture: float) -> float:
        if not self.wired:
            return value
        limit = self.sourcing.range_of(quantity) if self.sourcing else math.inf
        ranges = self._smu.ranges(quantity)
        chosen = self._smu.range_for(quantity, limit) or ranges[-1]
        if self._bench.faults.is_over_range(self._device):
            return math.nan
        converter = self._bench.converter(f"{self.wire} {quantity}")
        return converter.convert(value, chosen.accuracy, aperture)

    def watch_cutoffs(self, now: float) -> None:
        """Latch the output cutoffs that trip at a time, as the hardware does of itself."""
        if self.sourcing is not None:
            state = self.state(now, now)
            current = -state.current if self._smu.sinks else state.current
            self._watch_cutoffs(state.voltage, current, now)

    def _watch_cutoffs(self, voltage: float, current: float, now: float) -> None:
        """Latch the output cutoffs that a reading trips, and switch the output off."""
        if not self.value("output_cutoff_enabled", {}):
            return
        for reason in _WATCHED_CUTOFFS:
            quantity, kind, side = reason.name.lower().split("_")
            limit = float(self.value(f"output_cutoff_{quantity}_{kind}_limit_{side}", {}))
            value = voltage if quantity == "voltage" else current
            if value > limit if side == "high" else value < limit:
                self.latched_cutoffs |= reason.value
        if self.latched_cutoffs:
            self.shut_down(now)

    # Checks.

    @property
    def _sequencing(self) -> bool:
        return bool(self.value("source_mode", {}) == SourceMode.SEQUENCE.value)

    def _steps(self) -> list[Step]:
        if not self._sequencing:
            return [{}]
        active = str(self.value("active_advanced_sequence", {}))
        level = function_names(lambda name: self.value(name, {})).level
        return self.sequences.steps(active, level)

    def _check(self, step: Step) -> None:
        setting = self.setting(step)
        if self.value("output_function", step) == OutputFunction.CONSTANT_POWER.value:
            raise DriverError(OPERATION_NOT_SUPPORTED, "Constant power is not simulated.")
        if isinstance(setting.terminal(), Input):
            return
        names = function_names(lambda name: self.value(name, step))
        over = _OVERRANGE if self.value("overranging_enabled", step) else 1.0 + 1e-9
        least = _SIMULATED_FRACTION * setting.limit_range * (1.0 - 1e-9)
        for name, value, bound in (
            (names.level, setting.level, setting.level_range),
            (names.limit, setting.high, setting.limit_range),
            (names.limit, setting.low, setting.limit_range),
        ):
            if abs(value) > bound * over and not math.isinf(value):
                raise _outside(name, value, f"its range, {bound:g}")
        if setting.high < least and setting.low > -least:
            raise _outside(names.limit, setting.high, f"1 % of its range, {setting.limit_range:g}")


def _outside(name: str, value: float, what: str) -> DriverError:
    return DriverError(
        INVALID_VALUE, f"Attribute: {name}\nRequested Value: {value:g}\nConflicts with {what}"
    )
