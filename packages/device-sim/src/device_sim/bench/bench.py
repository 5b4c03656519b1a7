"""The bench: the wiring of all instruments of a server, through time."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device_sim.bench import small_signal
from device_sim.bench.circuit import Circuit, Solution
from device_sim.bench.course import Course
from device_sim.bench.equations import Vector
from device_sim.bench.grid import Grid
from device_sim.bench.history import History, net_key
from device_sim.bench.line_driver import LineDriver
from device_sim.bench.netlist import Netlist, channel_key, load_netlist
from device_sim.bench.parts import Connection, Imperfections, Part, Terminal
from device_sim.bench.places import errors_at
from device_sim.bench.readings import Converter
from device_sim.bench.review import doubts
from device_sim.bench.waves import Sine
from device_sim.clock import Clock
from device_sim.errors import BenchError
from device_sim.faults import Faults
from device_sim.nets import NetDrive, NetDriver
from device_sim.timeline import Timeline

_log = logging.getLogger(__name__)

_CONTACT = 0.05  # Ohms of a closed contact.
_POINTS = 8192  # Samples of an alternating voltage that is not a sine,
_CYCLES = 16  # over at most so many cycles.
_SHORTEST = 1e-3  # Seconds over which noise is sampled at least.


@dataclass(frozen=True, slots=True)
class State:
    """The exact values at a channel's terminals, without the instrument's own deviations."""

    voltage: float
    """Volts, the mean over the aperture."""

    current: float
    """Amperes out of the high terminal, the mean over the aperture."""

    limited: bool
    """True if the channel's output was at a limit at the end."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The exact values at a channel's terminals at some times."""

    voltages: Vector
    """Volts."""

    currents: Vector
    """Amperes out of the high terminal."""


@dataclass(frozen=True, slots=True)
class Wire:
    """The connection of a channel in the bench file."""

    channel: str
    """The channel, as the file spells it."""

    nets: tuple[str, str]
    """The nets at its high and low terminal."""

    is_open: bool
    """True if a fault opened it."""


@dataclass(frozen=True, slots=True)
class Alternating:
    """The alternating part of a voltage."""

    rms: float
    """Its effective value, in volts."""

    frequency: float
    """That of its strongest sine, or of its whole cycle, in hertz; NaN without one."""


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
        self.faults = Faults(clock.now)
        now = clock.now()
        for part in self._netlist.parts.values():
            part.since = now
        self._history = History(self._netlist.ground)
        self._rewired(now)
        self._begin_faults()

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

    def list_parts(self) -> list[Part]:
        """Return copies of all parts."""
        with self._lock:
            return copy.deepcopy(list(self._netlist.parts.values()))

    def set(self, name: str, **values: float) -> None:
        """Set values of a part from now on.

        Args:
            name: The part.
            values: Its values by name, for example `value=1000.0` or `drift=1e-6`; see Part.

        Raises:
            BenchError: The part does not exist, or has no such value.
        """
        with self._lock:
            part = self._netlist.parts.get(name)
            if part is None:
                known = ", ".join(sorted(self._netlist.parts)) or "none"
                raise BenchError(f"The bench has no part '{name}'. Its parts: {known}.")
            changed = copy.deepcopy(part)
            changed.update(values)
            now = self._catch_up()
            if "drift" in values:
                changed.since = now
            self._netlist.parts[name] = changed
            self._rewired(now)

    @property
    def drifts(self) -> dict[str, float]:
        """The parts that drift, each with the relative change of its main value per second."""
        return {name: v["drift"] for name, v in self.parts.items() if v["drift"]}

    @property
    def open_connections(self) -> list[str]:
        """The channels whose connection is open."""
        return [wire.channel for wire in self.wires if wire.is_open]

    def disconnect(self, channel: str) -> None:
        """Open the connection of a channel, as if its wire were broken.

        Raises:
            BenchError: The channel is not wired.
        """
        self._rewire(channel, self._netlist.connections, self._cut)

    def reconnect(self, channel: str) -> None:
        """Close a connection that was opened.

        Raises:
            BenchError: The channel was not disconnected.
        """
        self._rewire(channel, self._cut, self._netlist.connections)

    def _rewire(
        self, channel: str, source: dict[str, Connection], target: dict[str, Connection]
    ) -> None:
        key = channel_key(channel)
        with self._lock:
            if key not in source:
                raise BenchError(
                    f"Channel '{channel}' is not connected, or was not disconnected before."
                )
            now = self._catch_up()
            target[key] = source.pop(key)
            self._rewired(now)

    def _catch_up(self) -> float:
        """Run everything that is due on the instruments before a change. Return the present."""
        now = self._clock.now()
        self.timeline.advance(now)
        return now

    def picture(self) -> str:
        """Return a picture as SVG of what the bench file wires to what.

        Raises:
            BenchError: schemdraw is not installed, or there is nothing to draw.
        """
        from device_sim.bench.drawing import draw

        with self._lock:
            netlist = self._netlist
            connections = {**netlist.connections, **self._cut}
            if not (netlist.parts or connections):
                raise BenchError(
                    "There is nothing to draw: the bench has neither parts nor connections. "
                    "Start the server with a bench file: device-sim serve --bench FILE."
                )
            return draw(list(netlist.parts.values()), connections, netlist.models, netlist.ground)

    # Digital levels on nets.

    @property
    def nets(self) -> list[str]:
        """The nets of the bench file, without the ground."""
        netlist = self._netlist
        wired = [(c.hi, c.lo) for c in (*netlist.connections.values(), *self._cut.values())]
        pairs = [*(part.nets for part in netlist.parts.values()), *wired]
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
            return {net: self._net_voltage(net, now) for net in nets or self.nets}

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

    def _net_voltage(self, net: str, at: float) -> float:
        found = self._at(net_key(net), at)
        if found is None:
            return 0.0
        circuit, solution = found
        return float(circuit.nodes.across(solution.observed, (net, self._netlist.ground)))

    # For the instruments.

    @property
    def imperfections(self) -> Imperfections:
        """The deviations of readings from the exact values."""
        return self._netlist.imperfections

    @property
    def models(self) -> Mapping[str, str]:
        """The models that the bench file gives to instruments, by their lower-case names."""
        return self._netlist.models

    def line_of(self, what: str) -> int | None:
        """Return the line of `instrument NAME` or `channel KEY` in the file, None if unknown."""
        return self._netlist.lines.get(what)

    @property
    def channels(self) -> list[str]:
        """The channels that are wired, by their lower-case qualified names."""
        return [*self._netlist.connections, *self._cut]

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
        key = channel_key(channel)
        with self._lock:
            if not self.is_wired(channel) or self._terminals.get(key) == terminal:
                return
            if terminal is None:
                self._terminals.pop(key, None)
            else:
                self._terminals[key] = terminal
            self._history.drive(at, key, self._terminals)

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
            self._history.follow_drift(begin, self._terminals)
            return self._state(channel_key(channel), begin, end)

    def present(self, channel: str) -> State:
        """Return the values of a wired channel now. This has no effect on the bench."""
        with self._lock:
            now = self._catch_up()
            return self._state(channel_key(channel), now, now)

    def _state(self, key: str, begin: float, end: float) -> State:
        begin, end = max(begin, self._history.begin), max(end, self._history.begin)
        voltage = current = 0.0
        limited = False
        for course, since, until in self._history.pieces(key, begin, end):
            share = (until - since) / (end - begin) if end > begin else 1.0
            if not share:
                continue
            if course is None:
                voltage += share * _open_voltage(self._terminals.get(key))
                limited = False
                continue
            circuit, last = course.circuit, course.solution(until)
            limited = bool(last.modes.get(key, 0))
            observed = course.mean(since, until) if until > since else last.observed
            voltage += share * float(circuit.voltage(observed, key))
            current += share * float(circuit.current(observed, key))
        return State(voltage, current, limited)

    def sample(self, channel: str, grid: Grid) -> Samples:
        """Return the voltages and currents at a channel at equidistant times, not in the future.

        All are computed together. In a circuit with diodes and capacitors or inductors, each step
        adds an error of up to a millionth of their voltages and currents.
        """
        key = channel_key(channel)
        with self._lock:
            self._history.follow_drift(grid.begin, self._terminals)
            early = grid.count_before(self._history.begin)
            known = grid.part(min(early, grid.count - 1), grid.count)
            known = known.not_before(self._history.begin)
            pieces = list(self._history.pieces(key, known.begin, known.end))
            parts = [
                self._sampled(pieces[number][0], key, part)
                for number, part in known.split([since for _, since, _ in pieces])
            ]
            values = np.concatenate(parts, axis=1)
            # Before the known past, everything was as at its begin.
            before = np.repeat(values[:, :1], grid.count - values.shape[1], axis=1)
            voltages, currents = np.concatenate((before, values), axis=1)
            return Samples(voltages, currents)

    def _sampled(self, course: Course | None, key: str, grid: Grid) -> Vector:
        if course is None:
            level = np.full(grid.count, _open_voltage(self._terminals.get(key)))
            return np.array([level, np.zeros(grid.count)])
        circuit = course.circuit

        def probe(observed: Vector) -> Vector:
            return np.array([circuit.voltage(observed, key), circuit.current(observed, key)])

        return course.values(grid, probe)

    def changes(self, channel: str, begin: float, end: float) -> list[float]:
        """Return the times between two times at which the circuit of a channel changed."""
        with self._lock:
            return self._history.changes(channel_key(channel), begin, end)

    def alternating(self, channel: str, begin: float, end: float) -> Alternating:
        """Return the alternating part of the voltage at a channel over an aperture.

        Sines in a circuit without diodes are phasors around the operating point. Every other
        signal is sampled over whole cycles.
        """
        key = channel_key(channel)
        with self._lock:
            found = self._at(key, end)
            if found is None or not found[0].waves:
                return Alternating(0.0, math.nan)
            circuit, solution = found
            if circuit.diodes or not all(isinstance(wave, Sine) for wave in circuit.waves):
                return self._sampled_alternating(channel, circuit, begin, end)
            parts = [
                (abs(small_signal.phasor(circuit, solution, key, frequency)), frequency)
                for frequency in small_signal.sines(circuit)
            ]
            strongest, frequency = max(parts)
            rms = math.hypot(*(amplitude for amplitude, _ in parts))
            return Alternating(rms, frequency if strongest else math.nan)

    def _sampled_alternating(
        self, channel: str, circuit: Circuit, begin: float, end: float
    ) -> Alternating:
        period = max(wave.period for wave in circuit.waves)
        cycles = min(max(math.floor((end - begin) / period), 1), _CYCLES)
        length = cycles * period if math.isfinite(period) else max(end - begin, _SHORTEST)
        spacing = length / _POINTS
        volts = self.sample(channel, Grid(end - length, spacing, _POINTS)).voltages
        rms = float(volts.std())
        return Alternating(rms, 1.0 / period if rms and math.isfinite(period) else math.nan)

    def impedance(self, channel: str, frequency: float, at: float) -> complex:
        """Return the ohms that a channel sees at a frequency and time, infinity if open."""
        key = channel_key(channel)
        with self._lock:
            found = self._at(key, at)
            if found is None:
                return complex(math.inf)
            return small_signal.impedance(*found, key, frequency)

    # Time.

    def _at(self, key: str, time: float) -> tuple[Circuit, Solution] | None:
        """Return the circuit of a channel at a time, None if it is disconnected."""
        time = max(time, self._history.begin)
        ((course, time, _),) = self._history.pieces(key, time, time)
        return None if course is None else (course.circuit, course.solution(time))

    def _rewired(self, at: float) -> None:
        parts = [*self._netlist.parts.values()]
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

    def _begin_faults(self) -> None:
        actions: dict[str, Callable[..., None]] = {
            "open": self.disconnect,
            "drift": lambda part, rate: self.set(part, drift=rate),
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


def _open_voltage(terminal: Terminal | None) -> float:
    """Return the voltage at a channel's terminals when its wire is broken."""
    level = getattr(terminal, "level", 0.0) if terminal is not None else 0.0
    quantity = getattr(terminal, "quantity", "")
    if quantity == "current":
        return float(getattr(terminal, "high" if level >= 0 else "low"))
    return float(level)
