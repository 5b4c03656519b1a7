"""One channel of a source-measure unit: its programming flow, its output, its measurements."""

from __future__ import annotations

import math
from enum import Enum

from nidcpower.enums import EventOutputBehavior, OutputCutoffReason, OutputStates, Polarity

from device_sim.base.channels import ChannelId
from device_sim.bench import Bench, State, terminal_name
from device_sim.drivers.nidcpower.configuration import SmuConfiguration
from device_sim.drivers.nidcpower.engine import Engine, Record
from device_sim.drivers.nidcpower.lcr import LcrUnit
from device_sim.drivers.nidcpower.models import SmuModel
from device_sim.drivers.nidcpower.sequences import SequenceBook, Step
from device_sim.drivers.nidcpower.setting import OTHER_QUANTITY, Setting

_SIMULATED_FRACTION = 0.01
"""NI's simulated devices measure this part of the limit's range."""

# Slew rates and saturation are not modelled, so their cutoffs never trip.
_WATCHED_CUTOFFS = (
    OutputCutoffReason.VOLTAGE_OUTPUT_HIGH,
    OutputCutoffReason.VOLTAGE_OUTPUT_LOW,
    OutputCutoffReason.VOLTAGE_MEASURE_HIGH,
    OutputCutoffReason.VOLTAGE_MEASURE_LOW,
    OutputCutoffReason.CURRENT_MEASURE_HIGH,
    OutputCutoffReason.CURRENT_MEASURE_LOW,
)


_TOGGLE = EventOutputBehavior.TOGGLE.value
_TOGGLES = (
    "source_complete_event",
    "measure_complete_event",
    "sequence_iteration_complete_event",
    "sequence_engine_done_event",
)
"""The events whose terminal can toggle."""


class Phase(Enum):
    """The states of a channel in NI-DCPower's programming flow."""

    UNCOMMITTED = "uncommitted"
    COMMITTED = "committed"
    RUNNING = "running"


class Channel:
    """One channel and its hardware.

    Args:
        channel: Its instrument and name.
        smu: The instrument's model.
        bench: The wiring of the channel.
        configuration: The attributes of the channel.
    """

    def __init__(
        self, channel: ChannelId, smu: SmuModel, bench: Bench, configuration: SmuConfiguration
    ) -> None:
        self._device, self._number = channel.device, channel.number
        self._smu = smu
        self._bench = bench
        self.configuration = configuration
        self.wire = channel.qualified
        self.phase = Phase.UNCOMMITTED
        self.engine: Engine | None = None
        self.sourcing: Setting | None = None
        self.latched_cutoffs = 0
        self.lcr = LcrUnit(configuration.value, bench, self.wire)

    @property
    def wired(self) -> bool:
        """Return whether the bench file connects the channel."""
        return self._bench.is_wired(self.wire)

    # The programming flow.

    def commit(self) -> None:
        """Check the attributes against each other and prepare the channel.

        Raises:
            DriverError: The attributes contradict each other.
        """
        for step in self.configuration.steps():
            self.configuration.check(step)
        if self.phase is Phase.UNCOMMITTED:
            self.phase = Phase.COMMITTED

    def initiate(self, now: float) -> None:
        """Start sourcing (and measuring).

        Raises:
            DriverError: The attributes contradict each other.
        """
        self.commit()
        self._stop()
        configuration = self.configuration
        self.phase = Phase.RUNNING
        self.engine = Engine(
            self,
            configuration.value,
            configuration.steps(),
            configuration.loops,
            sequence=configuration.is_sequencing,
            pulsing=configuration.is_pulsing,
            start=now,
        )
        self._bench.timeline.add(self.engine)

    def abort(self) -> None:
        """Stop. The output stays as it is."""
        self.phase = Phase.UNCOMMITTED
        self._stop()

    def _stop(self) -> None:
        self._bench.timeline.discard(self.engine)
        self.engine = None

    def reset(self, now: float) -> None:
        """Stop, switch the output off and delete the sequences."""
        self.abort()
        self.shut_down(now)
        self.configuration.sequences = SequenceBook()
        self.latched_cutoffs = 0

    def due(self) -> float:
        """Return the time of the channel's next activity, infinity if there is none.

        Raises:
            DeviceSimError: An activity of the channel failed.
        """
        if self.engine is None:
            return math.inf
        self.engine.check()
        return self.engine.due()

    @property
    def backlog(self) -> int | None:
        """Return the number of records to fetch; None if there are none and none will come.

        Raises:
            DeviceSimError: An activity of the channel failed.
        """
        if self.engine is None:
            return None
        self.engine.check()
        count = len(self.engine.records)
        return None if self.engine.finished and not count else count

    def attribute_changed(self, now: float) -> None:
        """React to an attribute that was written while the channel runs."""
        if self.phase is not Phase.RUNNING or self.engine is None:
            return
        if self.configuration.is_sequencing or self.sourcing is None:
            return
        if self.configuration.setting({}) != self.sourcing:
            self.configuration.check({})
            self.engine.restart(now)

    # Methods for the engine.

    def apply(self, step: Step, at: float, *, bias: bool = False) -> None:
        """Source the channel's setting in a step."""
        value = self.configuration.value
        on = value("output_enabled", step) and value("output_connected", step)
        is_sourcing = on and not self.latched_cutoffs
        self.sourcing = self.configuration.setting(step, bias=bias) if is_sourcing else None
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
            self.lcr.acquire(step, end) if self.configuration.measures_lcr(step) else None,
        )
        self._watch_cutoffs(record.voltage, record.current, end)
        return record

    def put_out(self, signal: str, at: float, count: int) -> bool:
        """Put a signal onto its own terminal, and onto that to which it is exported."""
        if self._bench.bus.is_idle:
            return False
        value = self.configuration.value
        own = signal.removeprefix("exported_").replace("_", "")
        names = [f"{self._device}/engine{self._number}/{own}"]
        if self._number == "0":
            names.append(f"{self._device}/{own}")
        names.append(str(value(f"{signal}_output_terminal", {})))
        terminals = [terminal_name(name, self._device) for name in names]
        if signal in _TOGGLES and value(f"{signal}_output_behavior", {}) == _TOGGLE:
            return self._bench.bus.edge(terminals, at, rising=bool(count % 2))
        if not signal.endswith("_event"):
            return self._bench.bus.pulse(terminals, at)
        width = float(value(f"{signal}_pulse_width", {}))
        is_high = value(f"{signal}_pulse_polarity", {}) == Polarity.HIGH.value
        return self._bench.bus.pulse(terminals, at, width, active_high=is_high)

    # Measuring.

    def state(self, begin: float, end: float) -> State:
        """Return the exact values at the terminals."""
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
        """Return whether the output is in constant voltage or current operation, or inhibited."""
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
        chosen = self._smu.range_for(quantity, limit) or self._smu.ranges[quantity][-1]
        if self._bench.faults.is_over_range(self._device):
            return math.nan
        converter = self._bench.converter(f"{self.wire} {quantity}")
        return converter.convert(value, chosen.accuracy, aperture)

    def watch_cutoffs(self, now: float) -> None:
        """Latch the output cutoffs that trip at a time. The hardware does this by itself."""
        if self.sourcing is not None:
            state = self.state(now, now)
            current = -state.current if self._smu.sinks else state.current
            self._watch_cutoffs(state.voltage, current, now)

    def _watch_cutoffs(self, voltage: float, current: float, now: float) -> None:
        """Latch the output cutoffs that a reading trips, and switch the output off."""
        get = self.configuration.get
        if not get("output_cutoff_enabled"):
            return
        for reason in _WATCHED_CUTOFFS:
            quantity, kind, side = reason.name.lower().split("_")
            limit = float(get(f"output_cutoff_{quantity}_{kind}_limit_{side}"))
            value = voltage if quantity == "voltage" else current
            if value > limit if side == "high" else value < limit:
                self.latched_cutoffs |= reason.value
        if self.latched_cutoffs:
            self.shut_down(now)
