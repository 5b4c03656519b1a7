"""A session of NI-Digital: its pins and sites, its levels and timing, its memory, and its burst."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nidigital.enums import PPMUOutputFunction, SelectedFunction

from device_sim.base.attributes import Attribute, Value
from device_sim.base.channels import tokens
from device_sim.base.instrument import InstrumentSession, Opening
from device_sim.base.overview import ChannelState, Quantity
from device_sim.call import Call
from device_sim.drivers.nidigital.files.digipat import PatternFile
from device_sim.drivers.nidigital.levels import Levels, Termination
from device_sim.drivers.nidigital.loaded_sheets import LoadedSheets
from device_sim.drivers.nidigital.memory import DigitalMemory
from device_sim.drivers.nidigital.models import DigitalModel
from device_sim.drivers.nidigital.pattern import PinState
from device_sim.drivers.nidigital.pins import NO_SITE, PinMap, Place, key
from device_sim.drivers.nidigital.results import HistoryCycle
from device_sim.drivers.nidigital.timing import TimeSets
from device_sim.errors import INVALID_VALUE, UNKNOWN_CHANNEL, DriverError

_DIGITAL = SelectedFunction.DIGITAL.value
_PPMU = SelectedFunction.PPMU.value
FLAGS = tuple(f"seqflag{number}" for number in range(4))
REGISTERS = tuple(f"reg{number}" for number in range(16))


@dataclass(frozen=True, slots=True)
class BurstOf:
    """A burst: what runs or ran, on which sites."""

    file: PatternFile
    """The pattern."""

    sites: tuple[int, ...]
    """The sites."""


class DigitalSession(InstrumentSession):
    """The state of one NI-Digital session."""

    model: DigitalModel

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
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
        self.burst: BurstOf | None = None
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
            is_voltage = self.get("ppmu_output_function", index) == PPMUOutputFunction.VOLTAGE.value
            kind, unit = ("voltage", "V") if is_voltage else ("current", "A")
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

    # Static states, the PPMU, and the frequency counter, without a bench.

    def write_static(self, indices: Iterable[int], state: PinState) -> None:
        """Let channels drive a state, or cease to drive with X."""
        self.static.update(dict.fromkeys(indices, state))

    def read_static(self, index: int) -> PinState:
        """Return the state that the comparators of a channel find."""
        return PinState.L

    def source_ppmu(self, indices: Sequence[int]) -> None:
        """Let the PPMUs of channels source."""
        self.write("selected_function", _PPMU, indices)

    def measure_ppmu(self, index: int, *, is_voltage: bool) -> float:
        """Return the volts or amperes at a channel."""
        if self.get("selected_function", index) != _PPMU:
            return 0.0
        forces_voltage = self.get("ppmu_output_function", index) == PPMUOutputFunction.VOLTAGE.value
        if forces_voltage != is_voltage:
            return 0.0
        return self.number("ppmu_voltage_level" if is_voltage else "ppmu_current_level", index)

    def start_clocks(self, indices: Sequence[int], *, select_digital: bool) -> None:
        """Let channels generate their clocks."""
        if select_digital:
            self.write("selected_function", _DIGITAL, indices)
        self.clocks.update(indices)

    def measure_frequency(self, index: int, call: Call) -> float:
        """Return the hertz at a channel."""
        return 0.0

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
        """Start a pattern on the enabled ones of some sites.

        Raises:
            DriverError: There is no such pattern, or a waveform that it sources has no samples.
        """
        file, _ = self.memory.find(label)
        enabled = tuple(site for site in sites if site not in self.disabled)
        self.memory.check_sources(file, list(enabled))
        if select_digital:
            self.write("selected_function", _DIGITAL, self.channels_of(file.pattern.pins, enabled))
        self.burst = BurstOf(file, enabled)

    def initiate(self, indices: Sequence[int] = ()) -> None:
        """Start the pattern of the start label on the configured sites."""
        sites = list(self.pins.sites) if self.burst_sites is None else self.burst_sites
        self.begin_burst(str(self.get("start_label")), sites, select_digital=False)

    def abort(self, indices: Sequence[int] = ()) -> None:
        """Stop the burst."""

    def send_start_trigger(self) -> None:
        """Start a burst that waits for the start trigger. Without wiring none waits."""

    def check_jump_trigger(self, name: str) -> None:
        """Raise DriverError if there is no such conditional jump trigger."""
        self._opening.capabilities["conditional_jump_triggers"].select(name)

    @property
    def is_done(self) -> bool:
        """Return whether no burst runs."""
        return True

    def wait_until_done(self, seconds: float, call: Call) -> None:
        """Wait for the end of the burst. Without wiring it does not wait, as NI's simulation.

        Raises:
            DriverError: It did not end in time.
        """

    def results_of(self, sites: Iterable[int]) -> list[int]:
        """Return those of some sites that have results: enabled ones of the last burst."""
        ran = self.burst.sites if self.burst is not None else ()
        return [site for site in sites if site in ran and site not in self.disabled]

    def has_passed(self, site: int) -> bool:
        """Return whether a site had no failure in the last burst."""
        return True

    def fail_count(self, place: Place) -> int:
        """Return the failed comparisons of a channel in the last burst."""
        return 0

    def history(self, site: int) -> Sequence[HistoryCycle]:
        """Return the cycles in the history RAM of a site."""
        return ()

    # The end.

    def reset(self, indices: Sequence[int] | None = None) -> None:
        """Stop the burst, forget pins, time sets, patterns and waveforms, reset all attributes."""
        self.abort()
        self.attributes.reset()
        self._begin()

    def disable(self) -> None:
        """Stop the burst and disconnect all channels."""
        self.abort()
        everywhere = range(len(self.channels))
        self.write("selected_function", SelectedFunction.DISCONNECT.value, everywhere)


_NO_PINS = PinMap()


def single(places: Sequence[Place], text: str) -> Place:
    """Return the first of some places.

    Raises:
        DriverError: There is none.
    """
    if not places:
        raise DriverError(UNKNOWN_CHANNEL, f"Pin: {text}")
    return places[0]
