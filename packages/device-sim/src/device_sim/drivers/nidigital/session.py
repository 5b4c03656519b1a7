"""A session of NI-Digital: its pins and sites, its levels and timing, its memory, and its burst."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from nidigital.enums import (
    DigitalEdge,
    PPMUOutputFunction,
    SelectedFunction,
    TriggerType,
)

from device_sim.base.attributes import Attribute, Value
from device_sim.base.channels import tokens
from device_sim.base.instrument import InstrumentSession, Opening
from device_sim.base.overview import ChannelState, Quantity
from device_sim.call import Call
from device_sim.drivers.nidigital.bursting import BenchBurst, Plan, Wait
from device_sim.drivers.nidigital.electronics import PinElectronics, PpmuSetting
from device_sim.drivers.nidigital.errors import ERRORS
from device_sim.drivers.nidigital.files.digipat import PatternFile
from device_sim.drivers.nidigital.levels import Levels, Termination
from device_sim.drivers.nidigital.loaded_sheets import LoadedSheets
from device_sim.drivers.nidigital.memory import DigitalMemory
from device_sim.drivers.nidigital.models import DigitalModel
from device_sim.drivers.nidigital.pattern import PinState
from device_sim.drivers.nidigital.pins import NO_SITE, PinMap, Place, key
from device_sim.drivers.nidigital.results import (
    CyclesToAcquire,
    HistoryCycle,
    HistorySettings,
    HistoryTrigger,
)
from device_sim.drivers.nidigital.timing import TimeSets
from device_sim.errors import INVALID_VALUE, UNKNOWN_CHANNEL, DriverError

_DIGITAL = SelectedFunction.DIGITAL.value
_PPMU = SelectedFunction.PPMU.value
FLAGS = tuple(f"seqflag{number}" for number in range(4))
REGISTERS = tuple(f"reg{number}" for number in range(16))


class DigitalSession(InstrumentSession):
    """The state of one NI-Digital session."""

    model: DigitalModel

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        names = (channel.qualified for channel in self.channels.channels)
        self.electronics = {
            index: PinElectronics(self.bench, name)
            for index, name in enumerate(names)
            if self.bench.is_wired(name)
        }
        """The electronics of each channel that the bench file connects, by its index."""
        self._run: BenchBurst | None = None
        """The last burst on the bench."""
        self._begin()

    def _begin(self) -> None:
        """Set all that is not an attribute to its value after a reset."""
        self.pin_map: PinMap | None = None
        self.disabled: set[int] = set()
        """The sites that a client disabled."""
        self.burst_sites: list[int] | None = None
        """The sites of the next burst; None for all."""
        self.sheets = LoadedSheets()
        self.time_sets = TimeSets(self.model.period)
        self.memory = DigitalMemory()
        self.flags = dict.fromkeys(FLAGS, False)
        self.registers = dict.fromkeys(REGISTERS, 0)
        self.static: dict[int, PinState] = {}
        """The states that clients wrote to channels."""
        self.clocks: set[int] = set()
        """The channels whose clock generator runs."""
        self.sourcing: set[int] = set()
        """The channels whose PPMU a client let source."""
        self.burst: Plan | None = None
        """The last burst."""

    # Attributes.

    def combine(self, attribute: Attribute, indices: Sequence[int]) -> Value:
        """Return the value of an attribute, which may be a fact about the session."""
        if attribute.name == "clock_generator_is_running":
            return indices[0] in self.clocks
        return super().combine(attribute, indices)

    def reset_attribute(self, attribute: Attribute, channel_name: str) -> None:
        """Set an attribute of channels to its default."""
        indices = self.select(channel_name)
        for index in indices:
            self.attributes.channels[index].values_of(attribute).changed.pop(attribute.name, None)
        self.changed(attribute, indices)

    def write(self, name: str, value: Value, indices: Sequence[int]) -> None:
        """Set an attribute of channels by their indices."""
        attribute = self.table[name]
        self.changed(attribute, self.attributes.write(attribute, indices, value))

    def describe(self, index: int) -> ChannelState:
        """Return whether a channel drives, and its levels."""
        function = self.get("selected_function", index)
        if function == _PPMU:
            kind, unit = ("voltage", "V") if self._forces_voltage(index) else ("current", "A")
            level = self.number(f"ppmu_{kind}_level", index)
            return ChannelState(True, (Quantity(f"{kind} level", level, unit),))
        levels = tuple(Quantity(name, self.number(name, index), "V") for name in ("vil", "vih"))
        drives = self.static.get(index, PinState.X) in (PinState.ZERO, PinState.ONE)
        return ChannelState(function == _DIGITAL and drives, levels)

    def levels_of(self, index: int) -> Levels:
        """Return the levels of a channel."""
        get = self.number
        return Levels(
            vil=get("vil", index),
            vih=get("vih", index),
            vol=get("vol", index),
            voh=get("voh", index),
            vterm=get("vterm", index),
            termination=Termination(int(get("termination_mode", index))),
            iol=get("active_load_iol", index),
            ioh=get("active_load_ioh", index),
            vcom=get("active_load_vcom", index),
        )

    # Pins, sites and channels.

    @property
    def pins(self) -> PinMap:
        """The pin map; one without pins before a client loads one."""
        return self.pin_map or _NO_PINS

    def require_pin_map(self) -> PinMap:
        """Return the pin map.

        Raises:
            DriverError: The client did not load one.
        """
        if self.pin_map is None:
            raise DriverError(INVALID_VALUE, "The session has no pin map. Load one first.")
        return self.pin_map

    def load_pin_map(self, pin_map: PinMap) -> None:
        """Set the pin map.

        Raises:
            DriverError: The session has one already.
        """
        if self.pin_map is not None:
            raise DriverError(
                INVALID_VALUE, "The session has a pin map already. Reset the session first."
            )
        self.pin_map = pin_map

    def places(self, text: str) -> list[Place]:
        """Return the channels that a client names, with their pins and sites.

        Args:
            text: Pins, pin groups and channels, such as `PinA, site0/PinB, Dev1/3`. A pin stands
                for all its sites. An empty text names all channels.

        Raises:
            DriverError: A name does not exist.
        """
        named = tokens(text)
        if not named:
            return [self.pins.of_channel(index) for index in range(len(self.channels))]
        return [place for token in named for place in self._expand(token)]

    def _expand(self, token: str) -> list[Place]:
        found = self.pins.expand(token)
        if found is not None:
            return found
        return [self.pins.of_channel(index) for index in super().select(token)]

    def select(self, channel_name: str) -> list[int]:
        """Return the indices of the channels that a client names, by pin, channel or instrument."""
        return [place.channel for place in self.places(channel_name)]

    def enabled_places(self, text: str) -> list[Place]:
        """Return the channels as `places`, without those of disabled sites."""
        return [place for place in self.places(text) if place.site not in self.disabled]

    def enabled_sites(self, text: str = "") -> list[int]:
        """Return the enabled sites among those that a client names."""
        return [site for site in self.pins.select_sites(text) if site not in self.disabled]

    def channels_of(self, pins: Iterable[str], sites: Iterable[int]) -> list[int]:
        """Return the channels of some pins on some sites, and of pins of the system."""
        wanted = {*sites, NO_SITE}
        found = [
            place.channel
            for pin in pins
            for place in self.pins.expand(pin) or ()
            if place.site in wanted
        ]
        return list(dict.fromkeys(found))

    def qualified(self, index: int) -> str:
        """Return the name of a channel with that of its instrument."""
        return self.channels.channels[index].qualified

    # Levels and timing.

    def apply_levels(self, sheet: str, sites: Sequence[int]) -> None:
        """Set the levels of pins on some sites as a sheet says.

        Raises:
            DriverError: The sheet is not loaded, or has a value or pin that does not exist.
        """
        rows = [(row, self._pins_in_sheet(row.pin)) for row in self.sheets.levels(sheet)]
        for row, pins in rows:
            indices = self.channels_of(pins, sites)
            for name, value in row.values.items():
                self.write(name, value, indices)

    def apply_timing(self, sheet: str, sites: Sequence[int]) -> None:
        """Replace the time sets by those of a sheet, with the edges of pins on some sites.

        Raises:
            DriverError: The sheet is not loaded, or has a value or pin that does not exist.
        """
        rows = self.sheets.time_sets(sheet)
        time_sets = TimeSets(self.model.period)
        for row in rows:
            time_sets.create(row.name, row.period)
            for each in row.pins:
                indices = self.channels_of(self._pins_in_sheet(each.pin), sites)
                time_sets.replace_edges(row.name, map(self.qualified, indices), each.edges)
        self.time_sets = time_sets

    def _pins_in_sheet(self, name: str) -> tuple[str, ...]:
        pins = self.require_pin_map().pins_of(name)
        if pins is None:
            raise DriverError(
                INVALID_VALUE, f"The sheet names the pin {name}, which the pin map does not have."
            )
        return pins

    # The function of channels.

    def changed(self, attribute: Attribute, indices: Sequence[int]) -> None:
        """Connect channels as their function says."""
        if attribute.name == "selected_function":
            for index in indices:
                self._connect(index)

    def _connect(self, index: int) -> None:
        """Let a wired channel do what its function says."""
        pin = self.electronics.get(index)
        if pin is None:
            return
        function = self.get("selected_function", index)
        if function == _DIGITAL:
            pin.levels = self.levels_of(index)
            if index in self.clocks:
                pin.generate(self.number("clock_generator_frequency", index), self.now)
                return
            pin.write(self.static.get(index, PinState.X), self.now)
        elif function == SelectedFunction.DISCONNECT.value:
            pin.disconnect(self.now)
        else:
            pin.turn_off(self.now)  # A PPMU sources only after the call for it.

    def _drives_pattern(self, index: int) -> bool:
        """Return whether the levels and the states of a channel are on the bench."""
        return index in self.electronics and self.get("selected_function", index) == _DIGITAL

    # Static states, the PPMU, and the frequency counter.

    def write_static(self, indices: Iterable[int], state: PinState) -> None:
        """Let channels drive a state, or cease to drive with X."""
        for index in indices:
            self.static[index] = state
            if self._drives_pattern(index):
                self._connect(index)

    def read_static(self, index: int) -> PinState:
        """Return the state that the comparators of a channel find. Without wiring it is L."""
        if not self._drives_pattern(index):
            return PinState.L
        pin = self.electronics[index]
        pin.levels = self.levels_of(index)
        if self.is_done:
            pin.connect(self.now)
        return pin.read(self.now)

    def source_ppmu(self, indices: Sequence[int]) -> None:
        """Let the PPMUs of channels source."""
        self.write("selected_function", _PPMU, indices)
        for index in indices:
            if index in self.electronics:
                self.electronics[index].source(self._ppmu_setting(index), self.now)
        self.sourcing.update(indices)

    def _ppmu_setting(self, index: int) -> PpmuSetting:
        get = self.number
        if self._forces_voltage(index):
            limit = get("ppmu_current_limit_range", index)
            return PpmuSetting("voltage", get("ppmu_voltage_level", index), -limit, limit)
        low, high = get("ppmu_voltage_limit_low", index), get("ppmu_voltage_limit_high", index)
        return PpmuSetting("current", get("ppmu_current_level", index), low, high)

    def _forces_voltage(self, index: int) -> bool:
        return bool(self.get("ppmu_output_function", index) == PPMUOutputFunction.VOLTAGE.value)

    def measure_ppmu(self, indices: Sequence[int], quantity: str, call: Call) -> list[float]:
        """Return the `voltage` or `current` at channels, averaged over their apertures."""
        begin = self.now
        ends = {
            index: begin + self.number("ppmu_aperture_time", index)
            for index in indices
            if index in self.electronics
        }
        if ends:
            self.sleep(call, max(ends.values()))
        return [self._ppmu_reading(index, quantity, begin, ends.get(index)) for index in indices]

    def _ppmu_reading(self, index: int, quantity: str, begin: float, end: float | None) -> float:
        """Return the reading of a channel in a time, or without an end a simulated one."""
        if self.bench.faults.is_over_range(self.channels.channels[index].device):
            return math.nan
        if end is None:
            return self._simulated_reading(index, quantity)
        if self.get("selected_function", index) == SelectedFunction.DISCONNECT.value:
            return 0.0
        name = "limit" if self._forces_voltage(index) else "level"
        span = self.number(f"ppmu_current_{name}_range", index)
        accuracy = self.model.accuracy(quantity, span)
        return self.electronics[index].measure(quantity, begin, end, accuracy)

    def _simulated_reading(self, index: int, quantity: str) -> float:
        """Return the reading without wiring: the level that the PPMU sources, 0 otherwise."""
        forced = "voltage" if self._forces_voltage(index) else "current"
        is_sourced = index in self.sourcing and self.get("selected_function", index) == _PPMU
        return (
            self.number(f"ppmu_{forced}_level", index) if is_sourced and forced == quantity else 0.0
        )

    def start_clocks(self, indices: Sequence[int], *, select_digital: bool) -> None:
        """Let channels generate their clocks."""
        if select_digital:
            self.write("selected_function", _DIGITAL, indices)
        self.clocks.update(indices)
        for index in indices:
            if self._drives_pattern(index):
                self._connect(index)

    def stop_clocks(self, indices: Sequence[int]) -> None:
        """Stop the clocks of channels. They drive their static states again."""
        self.clocks.difference_update(indices)
        for index in indices:
            if self._drives_pattern(index):
                self._connect(index)

    def measure_frequencies(self, indices: Sequence[int], call: Call) -> list[float]:
        """Return the hertz at channels over their measurement times; 0 without wiring."""
        begin = self.now
        ends = {
            index: begin + self.number("frequency_counter_measurement_time", index)
            for index in indices
            if self._drives_pattern(index)
        }
        if ends:
            self.sleep(call, max(ends.values()))
        for index in ends:
            self.electronics[index].levels = self.levels_of(index)
        return [
            self.electronics[index].frequency(begin, ends[index]) if index in ends else 0.0
            for index in indices
        ]

    # Patterns.

    def load_pattern(self, file: PatternFile) -> None:
        """Keep a pattern.

        Raises:
            DriverError: The pin map does not have one of its pins.
        """
        known = self.require_pin_map()
        for pin in file.pattern.pins:
            if known.pins_of(pin) is None:
                raise DriverError(
                    INVALID_VALUE, f"The pattern has the pin {pin}, which the pin map does not."
                )
        self.memory.patterns[file.pattern.name] = file

    def columns_of(self, pins: str) -> list[int]:
        """Return where the states of pins stand in those of the last burst's pattern.

        Args:
            pins: Pins and pin groups; empty for all pins of the pattern.

        Raises:
            DriverError: The pattern does not have one.
        """
        of_pattern = self.burst.file.pattern.pins if self.burst is not None else ()
        places = {key(pin): column for column, pin in enumerate(of_pattern)}
        named = [pin for token in tokens(pins) for pin in self.pins.pins_of(token) or (token,)]
        for pin in named:
            if key(pin) not in places:
                raise DriverError(UNKNOWN_CHANNEL, f"Pin: {pin}\nPins: {', '.join(of_pattern)}")
        return [places[key(pin)] for pin in named] or list(places.values())

    # Bursts.

    def begin_burst(self, label: str, sites: Sequence[int], *, select_digital: bool) -> None:
        """Start a pattern on the enabled ones of some sites. A burst that runs is ended.

        Raises:
            DriverError: There is no such pattern, a waveform that it sources has no samples, or it
                has what a bench does not run.
        """
        file, first = self.memory.find(label)
        enabled = [site for site in sites if site not in self.disabled]
        self.memory.check_sources(file, enabled)
        self.abort()
        if select_digital:
            self.write("selected_function", _DIGITAL, self.channels_of(file.pattern.pins, enabled))
        plan = self._plan(file, first, enabled)
        waits_in_vain = plan.waits_for_start and self.loses_trigger(self.now)
        run = self._begin_run(plan) if plan.is_wired or waits_in_vain else None
        self.burst, self._run = plan, run

    def _plan(self, file: PatternFile, first: int, sites: Sequence[int]) -> Plan:
        pins = {
            site: [self._electronics_of(pin, site) for pin in file.pattern.pins] for site in sites
        }
        return Plan(
            file,
            first,
            pins,
            dict(self.time_sets.by_name),
            self._history_settings(),
            self.get("start_trigger_type") != TriggerType.NONE.value,
        )

    def _electronics_of(self, pin: str, site: int) -> PinElectronics | None:
        """Return the electronics of a pin that the pattern drives on the bench."""
        index = self.pins.channel_of(pin, site)
        if index is None or not self._drives_pattern(index):
            return None
        found = self.electronics[index]
        found.levels = self.levels_of(index)
        found.is_masked = bool(self.get("mask_compare", index))
        return found

    def _history_settings(self) -> HistorySettings:
        def number(name: str) -> int:
            return int(self.number(name))

        return HistorySettings(
            trigger=HistoryTrigger(number("history_ram_trigger_type")),
            cycle_number=number("cycle_number_history_ram_trigger_cycle_number"),
            label=str(self.get("pattern_label_history_ram_trigger_label")),
            vector_offset=number("pattern_label_history_ram_trigger_vector_offset"),
            cycle_offset=number("pattern_label_history_ram_trigger_cycle_offset"),
            pretrigger_samples=number("history_ram_pretrigger_samples"),
            cycles_to_acquire=CyclesToAcquire(number("history_ram_cycles_to_acquire")),
            max_samples=number("history_ram_max_samples_to_acquire_per_site"),
        )

    def _begin_run(self, plan: Plan) -> BenchBurst:
        plan.check()
        run = BenchBurst(plan, self.bench, self.now, self._tell_start)
        self.timeline.add(run)
        if self.get("start_trigger_type") == TriggerType.DIGITAL_EDGE.value:
            rising = self.get("digital_edge_start_trigger_edge") != DigitalEdge.FALLING.value
            source = str(self.get("digital_edge_start_trigger_source"))
            self.listen(run, Wait.START, source, rising=rising)
        return run

    def _tell_start(self, at: float) -> None:
        """Put the start trigger onto its terminals."""
        exported = str(self.get("exported_start_trigger_output_terminal"))
        names = map(self.terminal, (f"{self.channels.devices[0]}/starttrigger", exported))
        self.bench.bus.pulse([name for name in names if name], at)

    def initiate(self, indices: Sequence[int] = ()) -> None:
        """Start the pattern of the start label on the configured sites."""
        sites = list(self.pins.sites) if self.burst_sites is None else self.burst_sites
        self.begin_burst(str(self.get("start_label")), sites, select_digital=False)

    def abort(self, indices: Sequence[int] = ()) -> None:
        """Stop the burst."""
        if self._run is not None:
            self._run.end(self.now)
            with self.lock:
                self.lock.notify_all()

    def send_start_trigger(self) -> None:
        """Start a burst that waits for the start trigger. Without wiring none waits."""
        if self._run is not None and not self.loses_trigger(self.now):
            self._run.send(Wait.START, self.now)
        self.lock.notify_all()

    def check_jump_trigger(self, name: str) -> None:
        """Raise DriverError if there is no such conditional jump trigger."""
        self._opening.capabilities["conditional_jump_triggers"].select(name)

    @property
    def is_done(self) -> bool:
        """Return whether no burst runs."""
        return self._run is None or self._run.is_done

    def wait_until_done(self, seconds: float, call: Call) -> None:
        """Wait for the end of the burst. Without wiring it does not wait, as NI's simulation.

        Raises:
            DriverError: It did not end in time, or failed.
        """
        if math.isnan(seconds):
            raise DriverError(INVALID_VALUE, f"Timeout: {seconds}")
        run = self._run
        if run is None:
            return

        def poll(now: float) -> float | None:
            return None if run is not self._run or run.is_done else run.next_look()

        if not self.wait(call, poll, self.now + seconds):
            raise DriverError(ERRORS.MAX_TIME_EXCEEDED)
        run.check_run()

    # Results.

    def results_of(self, sites: Iterable[int]) -> list[int]:
        """Return those of some sites that have results: enabled ones of the last burst."""
        ran = self.burst.sites if self.burst is not None else ()
        return [site for site in sites if site in ran and site not in self.disabled]

    def has_passed(self, site: int) -> bool:
        """Return whether a site had no failure in the last burst."""
        result = self._run.result(site) if self._run is not None else None
        return result is None or result.passed

    def fail_count(self, place: Place) -> int:
        """Return the failed comparisons of a channel in the last burst."""
        return self._run.fail_count(place.pin, place.site) if self._run is not None else 0

    def history(self, site: int) -> Sequence[HistoryCycle]:
        """Return the cycles in the history RAM of a site."""
        return self._run.history(site) if self._run is not None else ()

    # The end.

    def reset(self, indices: Sequence[int] | None = None) -> None:
        """Stop the burst, forget pins, time sets, patterns and waveforms, reset all attributes."""
        self.abort()
        self._run = None
        self.attributes.reset()
        self._begin()
        for index in self.electronics:
            self._connect(index)

    def disable(self) -> None:
        """Stop the burst and disconnect all channels."""
        self.abort()
        everywhere = range(len(self.channels))
        self.write("selected_function", SelectedFunction.DISCONNECT.value, everywhere)

    def close(self) -> None:
        """Stop the burst and take all channels off the bench."""
        with self.lock:
            self.catch_up()
            self.abort()
            for pin in self.electronics.values():
                pin.disconnect(self.now)


_NO_PINS = PinMap()


def single(places: Sequence[Place], text: str) -> Place:
    """Return the first of some places.

    Raises:
        DriverError: There is none.
    """
    if not places:
        raise DriverError(UNKNOWN_CHANNEL, f"Pin: {text}")
    return places[0]
