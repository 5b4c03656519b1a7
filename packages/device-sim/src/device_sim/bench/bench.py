"""The bench: the wiring of all instruments of a server, through time."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from device_sim.bench.bus import TriggerBus
from device_sim.bench.dut import Dut, LogicLevels
from device_sim.bench.dut_class import make_device
from device_sim.bench.edge_watch import EdgeWatch
from device_sim.bench.equations import Vector
from device_sim.bench.followers import Follower, Followers
from device_sim.bench.grid import Grid
from device_sim.bench.history import History
from device_sim.bench.line_driver import LineDriver
from device_sim.bench.logic import LogicLevel
from device_sim.bench.logic_input import LogicInput
from device_sim.bench.netlist import Netlist, channel_key, load_netlist
from device_sim.bench.observer import Alternating, Observer, Samples, State
from device_sim.bench.parts import Connection, Imperfections, Output, Part, Terminal
from device_sim.bench.places import errors_at
from device_sim.bench.readings import Converter
from device_sim.bench.relay import Relay, coil_of
from device_sim.bench.review import doubts
from device_sim.bench.schedule import DriftSteps, Schedule
from device_sim.bench.terminals import is_terminal
from device_sim.clock import Clock
from device_sim.duts import DigitalDevice
from device_sim.errors import BenchError
from device_sim.faults import Drifting, Faults, Opening, window
from device_sim.nets import OUTPUT_RESISTANCE, NetDrive, NetDriver
from device_sim.timeline import Script, Timeline

_log = logging.getLogger(__name__)

_CONTACT = 0.05  # Ohms of a closed contact.
_LOGIC_HIGH = 3.3  # Volts of a terminal that is high.


@dataclass(frozen=True, slots=True)
class Wire:
    """The connection of a channel in the bench file."""

    channel: str
    """The channel, as the file spells it."""

    nets: tuple[str, str]
    """The nets at its high and low terminal."""

    is_open: bool
    """True if a fault opened it."""


class Bench:
    """Nets and parts between the channels of all instruments, and the faults.

    A channel that the bench file does not mention is not wired. Its instrument then answers as NI's
    simulated devices do. All methods may be called from any thread, while measurements run.

    Args:
        clock: The clock of the instruments.
        netlist: The parts and connections. Without it nothing is wired.
    """

    def __init__(self, clock: Clock, netlist: Netlist | None = None) -> None:
        self._clock = clock
        self._netlist = netlist or Netlist()
        self._terminals: dict[str, Terminal] = {}
        self._cut: dict[str, Connection] = {}
        self._contacts: dict[tuple[str, str], list[Part]] = {}
        self._drivers: dict[LineDriver, list[Part]] = {}
        self.timeline = Timeline()
        self._lock = self.timeline.lock
        self._converters: dict[str, Converter] = {}
        self.faults = Faults(clock)
        now = clock.now()
        for part in self._netlist.parts.values():
            part.since = now
        self._history = History(self._netlist.ground)
        self._observer = Observer(self._history, self._terminals, self._netlist.ground)
        self._openings: dict[str, tuple[float, float]] = {}
        self._drifts: dict[str, tuple[float, float, float]] = {}
        self._schedule = Schedule()
        wired = [key for key in self.channels if is_terminal(key.partition("/")[2])]
        self.bus = TriggerBus(self.timeline, wired, self._put_level)
        """The trigger lines, and the terminals of the instruments."""
        self._relays = {
            name: Relay(part, self._observer, self._rewired)
            for name, part in self._netlist.parts.items()
            if part.coil is not None
        }
        self._duts = {name: self._dut(name) for name in self._netlist.devices}
        for script in self._scripts(wired):
            self.timeline.add(script)
        self._rewired(now)
        for dut in self._duts.values():
            dut.start(now)
        self._begin_faults()

    def _scripts(self, wired: Sequence[str]) -> Iterator[Script]:
        """Yield the scripts of the bench itself. At equal times they run before others."""
        yield self.bus
        yield self._schedule
        yield DriftSteps(self._history.oldest_drift, self._follow_drift)
        followers: list[Follower] = list(self._relays.values())
        followers += self._duts.values()
        followers += [EdgeWatch(terminal, self.bus, self._observer) for terminal in wired]
        yield Followers(followers, self._clock.now())

    def _dut(self, name: str) -> Dut:
        table = self._netlist.devices[name]
        with errors_at(self._netlist.lines[f"device {name}"]):
            device = make_device(table.device_class, table.options, self._netlist.folder)
            if table.pins.keys() != {*device.inputs, *device.outputs}:
                pins = ", ".join(dict.fromkeys((*device.inputs, *device.outputs))) or "none"
                raise BenchError(
                    f"Device {name}: pins must have the net of each pin of {table.device_class}, "
                    f"which are {pins}."
                )
        channels = {pin: channel_key(f"{name}/{pin}") for pin in table.pins}
        levels = LogicLevels(**table.electrical)
        return Dut(name, device, channels, levels, self._observer, self.drive)

    @classmethod
    def load(cls, path: Path, clock: Clock) -> Bench:
        """Read a bench file. Log a warning for each likely mistake in it.

        Raises:
            BenchError: The file has an error. The text says what to change.
        """
        try:
            netlist = load_netlist(path)
            bench = cls(clock, netlist)
        except BenchError as error:
            raise BenchError(f"bench {path.name}: {error}") from error
        for doubt in doubts(netlist):
            _log.warning("bench %s: %s", path.name, doubt)
        return bench

    # For tests.

    @property
    def parts(self) -> dict[str, dict[str, float]]:
        """The values of every part, by its name."""
        with self._lock:
            return {name: dict(part.values) for name, part in self._netlist.parts.items()}

    def list_parts(self) -> list[tuple[Part, bool | None]]:
        """Return copies of all parts, and of each whether its contact is closed.

        This is None for parts other than relays.
        """
        with self._lock:
            self._catch_up()
            return [
                (copy.deepcopy(part), self._relays[name].is_closed if part.coil else None)
                for name, part in self._netlist.parts.items()
            ]

    @property
    def devices(self) -> dict[str, str]:
        """The class of each device under test, by the lower-case name of the device."""
        return {
            name.lower(): table.device_class.rpartition(":")[2]
            for name, table in self._netlist.devices.items()
        }

    def device(self, name: str) -> DigitalDevice:
        """Return a device under test, to look at it or to change it.

        Raises:
            BenchError: The bench has no such device, or its class failed.
        """
        with self._lock:
            self._catch_up()
            dut = self._duts.get(name)
            if dut is None:
                known = ", ".join(sorted(self._duts)) or "none"
                raise BenchError(f"The bench has no device '{name}'. Its devices: {known}.")
            if dut.failure is not None:
                raise dut.failure
            return dut.device

    def set(self, name: str, **values: float) -> None:
        """Set values of a part, or of a device under test, from now on.

        Args:
            name: The part or the device.
            values: Its values by name, for example `value=1000.0` or `drift=1e-6`; see Part, or
                the class of the device.

        Raises:
            BenchError: The part or device does not exist, or has no such value.
        """
        with self._lock:
            if name in self._duts:
                device = self.device(name)
                for key, value in values.items():
                    device.set_value(key, value)
                return
            self._with(name, **values)  # which checks all of them
            now = self._catch_up()
            if "drift" in values:
                self.drift(name, values.pop("drift"))
            if values:
                self._replace(self._with(name, **values), now)

    def _with(self, name: str, **values: float) -> Part:
        """Return a part with other values."""
        part = self._netlist.parts.get(name)
        if part is None:
            known = ", ".join(sorted([*self._netlist.parts, *self._duts])) or "none"
            raise BenchError(f"The bench has no part '{name}'. Its parts: {known}.")
        changed = copy.deepcopy(part)
        changed.update(values)
        return changed

    def _replace(self, part: Part, at: float) -> None:
        self._netlist.parts[part.name] = part
        if part.name in self._relays:
            self._relays[part.name].part = part
        self._rewired(at)

    def drift(
        self, part: str, rate: float, *, after: float = 0.0, lasting: float = math.inf
    ) -> None:
        """Let a part drift. At the end it has its value again.

        Args:
            part: The part.
            rate: Relative change of its main value per second; 0 to end its drift.
            after: Seconds from now to the begin.
            lasting: Seconds that it drifts.

        Raises:
            BenchError: The part does not exist, or the rate is invalid.
            ValueError: The times are invalid.
        """
        with self._lock:
            now = self._catch_up()
            begin, end = window(now, after, lasting)
            self._with(part, drift=rate)  # which checks both
            self._stop_drift(part, now)
            if rate:
                owner = f"drift {part}"
                self._drifts[part] = (rate, begin, end)
                self._schedule.begin(owner, now, begin, partial(self._set_drift, part, rate))
                self._schedule.add(end, owner, partial(self._stop_drift, part))

    def _set_drift(self, part: str, rate: float, at: float) -> None:
        changed = self._with(part, drift=rate)
        changed.since = at
        self._replace(changed, at)

    def _stop_drift(self, part: str, at: float) -> None:
        self._schedule.cancel(f"drift {part}")
        self._drifts.pop(part, None)
        if self._netlist.parts[part].values["drift"]:
            self._set_drift(part, 0.0, at)

    @property
    def drifts(self) -> list[Drifting]:
        """The parts that drift, or will."""
        with self._lock:
            now = self._catch_up()
            return [
                Drifting(part, rate, max(begin - now, 0.0), end - max(begin, now))
                for part, (rate, begin, end) in self._drifts.items()
            ]

    @property
    def open_connections(self) -> list[Opening]:
        """The connections that are open, or will be."""
        with self._lock:
            now = self._catch_up()
            wired = {**self._netlist.connections, **self._cut}
            return [
                Opening(wired[key].channel, max(begin - now, 0.0), end - max(begin, now))
                for key, (begin, end) in self._openings.items()
            ]

    def disconnect(self, channel: str, *, after: float = 0.0, lasting: float = math.inf) -> None:
        """Open the connection of a channel, as if its wire were broken.

        Args:
            channel: The channel.
            after: Seconds from now to the begin.
            lasting: Seconds that it is open.

        Raises:
            BenchError: The channel is not wired, or is open already, or will be.
            ValueError: The times are invalid.
        """
        key = channel_key(channel)
        with self._lock:
            now = self._catch_up()
            begin, end = window(now, after, lasting)
            if key not in self._netlist.connections or key in self._openings:
                raise BenchError(
                    f"Channel '{channel}' is not connected. If it was disconnected before, "
                    "reconnect it first."
                )
            self._openings[key] = (begin, end)
            self._schedule.begin(f"open {key}", now, begin, partial(self._open, key))
            self._schedule.add(end, f"open {key}", partial(self._close, key))

    def reconnect(self, channel: str) -> None:
        """Close a connection that was opened, or will be.

        Raises:
            BenchError: The channel was not disconnected.
        """
        key = channel_key(channel)
        with self._lock:
            now = self._catch_up()
            if key not in self._openings:
                raise BenchError(
                    f"Channel '{channel}' is not connected, or was not disconnected before."
                )
            self._close(key, now)

    def _open(self, key: str, at: float) -> None:
        self._cut[key] = self._netlist.connections.pop(key)
        self._rewired(at)

    def _close(self, key: str, at: float) -> None:
        self._schedule.cancel(f"open {key}")
        del self._openings[key]
        if key in self._cut:
            self._netlist.connections[key] = self._cut.pop(key)
            self._rewired(at)

    def _catch_up(self) -> float:
        """Run everything that is due on the instruments before a change. Return the present."""
        now = self._clock.now()
        self.timeline.advance(now)
        return now

    def picture(self) -> str:
        """Return a picture as SVG of what is wired to what, with each relay as it is now.

        Raises:
            BenchError: schemdraw is not installed, or there is nothing to draw.
        """
        from device_sim.bench.drawing import draw

        with self._lock:
            self._catch_up()
            netlist = self._netlist
            connections = {**netlist.connections, **self._cut}
            if not (netlist.parts or connections):
                raise BenchError(
                    "There is nothing to draw: the bench has neither parts nor connections. "
                    "Start the server with a bench file: device-sim serve --bench FILE."
                )
            parts = list(netlist.parts.values())
            parts += [coil for part in parts for coil in coil_of(part)]
            closed = {name for name, relay in self._relays.items() if relay.is_closed}
            models = {**netlist.models, **self.devices}
            return draw(parts, connections, models, netlist.ground, closed)

    # Digital levels on nets.

    @property
    def nets(self) -> list[str]:
        """The nets of the bench file, without the ground."""
        netlist = self._netlist
        wired = [(c.hi, c.lo) for c in (*netlist.connections.values(), *self._cut.values())]
        pairs = [*(part.all_nets for part in netlist.parts.values()), *wired]
        return sorted({net for pair in pairs for net in pair} - {netlist.ground})

    def read_nets(self, *nets: str) -> dict[str, float]:
        """Return the volts of nets against ground now, by their names.

        A net without any connection to ground has 0 V.

        Args:
            nets: The nets; none for all of them.

        Raises:
            BenchError: The bench has no such net.
        """
        with self._lock:
            self._check_nets(nets)
            now = self._catch_up()
            return {net: self._observer.net_voltage(net, now) for net in nets or self.nets}

    def net_driver(self, name: str) -> NetDriver:
        """Return a driver of nets. It drives none yet.

        Args:
            name: Its name, such as `GPIO1`, for the lists of people. Several may have the same.
        """
        return LineDriver(name, self._change_drives)

    def drives_of(self, net: str) -> list[tuple[str, float, float]]:
        """Return the name, the volts and the ohms of each driver of a net."""
        with self._lock:
            found = [(driver.name, driver.drives.get(net)) for driver in self._drivers]
            return [(name, how.volts, how.resistance) for name, how in found if how]

    def _change_drives(
        self, driver: LineDriver, drives: Mapping[str, NetDrive], released: Collection[str]
    ) -> None:
        with self._lock:
            self._check_nets([*drives, *released])
            kept = {net: how for net, how in driver.drives.items() if net not in released}
            after = {**kept, **drives}
            parts = [self._source(driver.name, net, how) for net, how in after.items()]
            if after == driver.drives:
                return
            now = self._catch_up()
            driver.drives = after
            self._drivers.pop(driver, None)
            if parts:
                self._drivers[driver] = parts
            self._rewired(now)

    def _source(self, name: str, net: str, drive: NetDrive) -> Part:
        values = {"voltage": drive.volts, "resistance": drive.resistance}
        return Part(f"{name} at {net}", "source", (net, self._netlist.ground), values)

    def _check_nets(self, nets: Collection[str]) -> None:
        known = self.nets
        for net in nets:
            if net not in known:
                raise BenchError(
                    f"The bench has no net '{net}', or it is the ground. Its nets: "
                    f"{', '.join(known) or 'none'}."
                )

    # For the instruments.

    @property
    def imperfections(self) -> Imperfections:
        """The deviations of readings from the exact values."""
        return self._netlist.imperfections

    @property
    def models(self) -> Mapping[str, str]:
        """The models that the bench file gives to instruments, by their lower-case names."""
        return self._netlist.models

    @property
    def names(self) -> Mapping[str, str]:
        """The names of these instruments as the file spells them, by their lower-case names."""
        return self._netlist.names

    def line_of(self, what: str) -> int | None:
        """Return the line of `instrument NAME` or `channel KEY` in the file, None if unknown."""
        return self._netlist.lines.get(what)

    @property
    def channels(self) -> list[str]:
        """The channels of instruments that are wired, by their lower-case qualified names."""
        devices = self.devices
        wired = (*self._netlist.connections, *self._cut)
        return [key for key in wired if key.partition("/")[0] not in devices]

    @property
    def wires(self) -> list[Wire]:
        """The connections of the bench file, in its order."""
        with self._lock:
            connections = {**self._netlist.connections, **self._cut}
            return [
                Wire(c.channel, (c.hi, c.lo), key in self._cut)
                for key, c in sorted(connections.items(), key=lambda each: each[1].number)
            ]

    def model_of(self, device: str) -> str | None:
        """Return the model that the bench file gives an instrument, None without one."""
        return self.models.get(device.lower())

    def is_wired(self, channel: str) -> bool:
        """Return whether the bench file connects a channel, even if a fault opened the wire."""
        key = channel_key(channel)
        return key in self._netlist.connections or key in self._cut

    def converter(self, name: str) -> Converter:
        """Return the converter of a channel and quantity, such as `SMU1/0 voltage`."""
        with self._lock:
            if name not in self._converters:
                self._converters[name] = Converter(name.lower(), self.imperfections)
            return self._converters[name]

    def drive(self, channel: str, terminal: Terminal | None, at: float) -> None:
        """Connect a channel's terminal to its nets from a time on. None disconnects it."""
        self.drive_all({channel: terminal}, at)

    def drive_all(self, terminals: Mapping[str, Terminal | None], at: float) -> None:
        """Connect the terminals of several channels from a time on; see `drive`."""
        with self._lock:
            changed = {
                channel_key(channel): terminal
                for channel, terminal in terminals.items()
                if self.is_wired(channel) and self._terminals.get(channel_key(channel)) != terminal
            }
            for key, terminal in changed.items():
                if terminal is None:
                    self._terminals.pop(key, None)
                else:
                    self._terminals[key] = terminal
            if changed:
                self._history.drive(at, changed, self._terminals)

    def join(self, first: str, second: str, *, closed: bool, at: float) -> None:
        """Close or open a contact between two channels of a switch from a time on."""
        pair = (channel_key(first), channel_key(second))
        with self._lock:
            if not (self.is_wired(first) and self.is_wired(second)):
                return
            if closed == (pair in self._contacts):
                return
            if closed:
                self._contacts[pair] = list(self._contact(*pair))
            else:
                del self._contacts[pair]
            self._rewired(at)

    def measure(self, channel: str, begin: float, end: float) -> State:
        """Return the mean of a wired channel over an aperture."""
        with self._lock:
            return self._observer.state(channel_key(channel), begin, end)

    def present(self, channel: str) -> State:
        """Return the values of a wired channel now. This has no effect on the bench."""
        with self._lock:
            now = self._catch_up()
            return self._observer.state(channel_key(channel), now, now)

    def sample(self, channel: str, grid: Grid) -> Samples:
        """Return the voltages and currents at a channel at equidistant times, not in the future.

        All are computed together. In a circuit with diodes and capacitors or inductors, each step
        adds an error of up to a millionth of their voltages and currents.
        """
        with self._lock:
            return self._observer.samples(channel_key(channel), grid)

    def check_devices(self) -> None:
        """Raise the error of a device under test whose class failed, if there is one.

        Raises:
            BenchError: The error.
        """
        for dut in self._duts.values():
            if dut.failure is not None:
                raise dut.failure

    def volts(self, channel: str, times: Vector) -> Vector:
        """Return the voltage at a channel at some ascending times, not in the future."""
        with self._lock:
            return self._observer.volts(channel_key(channel), times)

    def frequency(self, channel: str, begin: float, end: float, low: float, high: float) -> float:
        """Return the hertz of a channel's voltage over a time: whole cycles, by their length.

        Args:
            channel: The channel.
            begin: The begin of the time.
            end: Its end, not in the future.
            low: A cycle begins when the voltage has been at most these volts,
            high: and then reaches these.

        Returns:
            0 if the voltage does not begin two cycles.
        """
        with self._lock:
            level = LogicLevel(self._observer, channel_key(channel), low, high)
            count, first, last = level.rises(begin, end)
            return (count - 1) / (last - first) if count > 1 else 0.0

    def changes(self, channel: str, begin: float, end: float) -> list[float]:
        """Return the times between two times at which the circuit of a channel changed."""
        with self._lock:
            return self._history.changes(channel_key(channel), begin, end)

    def alternating(self, channel: str, begin: float, end: float) -> Alternating:
        """Return the alternating part of the voltage at a channel over an aperture.

        Sines in a circuit without diodes are phasors around the operating point. Every other
        signal is sampled over whole cycles.
        """
        with self._lock:
            return self._observer.alternating(channel_key(channel), begin, end)

    def logic_input(self, terminal: str, start: float) -> LogicInput:
        """Return a logic input at a wired terminal. Its edges count from a time on."""
        with self._lock:
            return LogicInput(channel_key(terminal), self._observer, start)

    def impedance(self, channel: str, frequency: float, at: float) -> complex:
        """Return the ohms that a channel sees at a frequency and time, infinity if open."""
        with self._lock:
            return self._observer.impedance(channel_key(channel), frequency, at)

    # Changing the circuit.

    def _rewired(self, at: float) -> None:
        parts = [part for part in self._netlist.parts.values() if part.coil is None]
        for relay in self._relays.values():
            parts += relay.parts
        for pair in sorted(self._contacts):
            if all(channel in self._netlist.connections for channel in pair):
                parts += self._contacts[pair]
        for driving in self._drivers.values():
            parts += driving
        self._history.rewire(at, parts, dict(self._netlist.connections), self._terminals)

    def _contact(self, first: str, second: str) -> Iterator[Part]:
        """Yield a resistor for each wire of a closed contact."""
        ends = [
            self._netlist.connections.get(channel) or self._cut[channel]
            for channel in (first, second)
        ]
        for wire, nets in (("hi", (ends[0].hi, ends[1].hi)), ("lo", (ends[0].lo, ends[1].lo))):
            if nets[0] != nets[1]:
                name = f"{first} to {second}, {wire}"
                yield Part(name, "resistor", nets, {"value": _CONTACT})

    def _follow_drift(self, at: float) -> None:
        self._history.follow_drift(at, self._terminals)

    # Terminals that are wired to nets.

    def _put_level(self, terminal: str, is_high: bool, at: float) -> None:
        level = _LOGIC_HIGH if is_high else 0.0
        output = Output("voltage", level, -math.inf, math.inf, OUTPUT_RESISTANCE)
        self.drive(terminal, output, at)

    # Faults at the start.

    def _begin_faults(self) -> None:
        actions: dict[str, Callable[..., None]] = {
            "open": self.disconnect,
            "drift": self.drift,
            "over-range": self.faults.over_range,
            "clip-input": self.faults.clip_input,
            "add-noise": self.faults.add_noise,
            "drop-samples": self.faults.drop_samples,
            "lose-triggers": self.faults.lose_triggers,
            "stick-relay": self.faults.stick_relay,
            "bounce-relay": self.faults.bounce_relay,
            "fail-call": self.faults.fail_call,
            "stop-answering": self.faults.stop_answering,
        }
        for number, fault in enumerate(self._netlist.faults):
            arguments = dict(fault)
            with errors_at(self._netlist.lines[f"fault {number}"]):
                actions[arguments.pop("kind")](**arguments)
