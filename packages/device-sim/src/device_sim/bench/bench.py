"""The bench: the wiring of all instruments of a server, through time."""

from __future__ import annotations

import copy
import logging
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device_sim.bench import small_signal
from device_sim.bench.circuit import Circuit, Solution
from device_sim.bench.equations import Vector
from device_sim.bench.netlist import Netlist, channel_key, load_netlist
from device_sim.bench.parts import Connection, Imperfections, Part, Terminal
from device_sim.bench.readings import Converter
from device_sim.bench.review import doubts
from device_sim.bench.settling import Settling
from device_sim.clock import Clock
from device_sim.errors import BenchError
from device_sim.faults import Faults
from device_sim.timeline import Timeline

_log = logging.getLogger(__name__)

_CONTACT = 0.05  # Ohms of a closed contact.
_HISTORY = 4096  # Changes of the past that a measurement can still see.


@dataclass(frozen=True, slots=True)
class State:
    """The exact values at a channel's terminals, without the instrument's own deviations."""

    voltage: float
    """Volts, the mean over the aperture."""

    current: float
    """Amperes out of the high terminal, the mean over the aperture."""

    limited: bool
    """True if the channel's output was at a limit at the end."""


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
        self._contacts: set[tuple[str, str]] = set()
        self.timeline = Timeline()
        self._lock = self.timeline.lock
        self._converters: dict[str, Converter] = {}
        self.faults = Faults()
        now = clock.now()
        for part in self._netlist.parts.values():
            part.since = now
        self._stretches: deque[Settling] = deque(maxlen=_HISTORY)
        self._stretches.append(Settling(self._circuit(now), np.zeros(len(self._capacitors()))))
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
            self._begin_stretch(now)

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
            self._begin_stretch(now)

    def _catch_up(self) -> float:
        """Run everything that is due on the instruments before a change. Return the present."""
        now = self._clock.now()
        self.timeline.advance(now)
        return now

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
    def channels(self) -> list[str]:
        """The channels that are wired, by their lower-case qualified names."""
        return [*self._netlist.connections, *self._cut]

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
            self._begin_stretch(at)

    def join(self, first: str, second: str, *, closed: bool, at: float) -> None:
        """Close or open a contact between two channels of a switch from a time on."""
        pair = (channel_key(first), channel_key(second))
        with self._lock:
            if not (self.is_wired(first) and self.is_wired(second)):
                return
            if closed == (pair in self._contacts):
                return
            (self._contacts.add if closed else self._contacts.discard)(pair)
            self._begin_stretch(at)

    def measure(self, channel: str, begin: float, end: float) -> State:
        """Return the mean of a wired channel over an aperture."""
        key = channel_key(channel)
        with self._lock:
            self._follow_drift(begin)
            voltage = current = 0.0
            limited = False
            for settling, since, until in self._between(begin, end):
                share = (until - since) / (end - begin) if end > begin else 1.0
                solution = settling.mean(since, until)
                limited = bool(solution.modes.get(key, 0))
                if key in settling.circuit.ends:
                    voltage += share * settling.circuit.voltage(solution.observed, key)
                    current += share * settling.circuit.current(solution.observed, key)
                else:
                    voltage += share * _open_voltage(self._terminals.get(key))
            return State(voltage + self._ripple(key, begin, end), current, limited)

    def waveform(self, channel: str, times: npt.ArrayLike) -> Vector:
        """Return the voltages at a channel at some ascending times.

        All times within a stretch are computed together, except for circuits that `is_slow` names.
        """
        key, at = channel_key(channel), np.asarray(times, dtype=float)
        with self._lock:
            if self.is_slow:
                return np.array([self.measure(channel, float(t), float(t)).voltage for t in at])
            volts = np.empty(len(at))
            begins = [stretch.circuit.now for stretch in self._stretches]
            stretch_of = np.maximum(np.searchsorted(begins, at, side="right") - 1, 0)
            for index in np.unique(stretch_of):
                chosen = stretch_of == index
                volts[chosen] = self._course(
                    self._stretches[index], key, np.maximum(at[chosen], begins[index])
                )
            return volts

    @property
    def is_slow(self) -> bool:
        """Whether a point of a waveform takes milliseconds: drift, or diodes and capacitors."""
        parts = self._netlist.parts.values()
        kinds = {part.kind for part in parts}
        return {"diode", "capacitor"} <= kinds or any(part.values["drift"] for part in parts)

    def changes(self, begin: float, end: float) -> list[float]:
        """Return the times between two times at which something on the bench changed."""
        with self._lock:
            times = (stretch.circuit.now for stretch in self._stretches)
            return [time for time in times if begin < time < end]

    def sine(self, channel: str, at: float) -> list[tuple[float, complex]]:
        """Return the sines at a channel at a time: frequency, and RMS voltage with phase."""
        key = channel_key(channel)
        with self._lock:
            circuit, solution = self._at(at)
            if key not in circuit.ends:
                return []
            return [
                (frequency, small_signal.phasor(circuit, solution, key, frequency))
                for frequency in sorted(small_signal.sines(circuit))
            ]

    def impedance(self, channel: str, frequency: float, at: float) -> complex:
        """Return the ohms that a channel sees at a frequency and time, infinity if open."""
        key = channel_key(channel)
        with self._lock:
            circuit, solution = self._at(at)
            if key not in circuit.ends:
                return complex(math.inf)
            return small_signal.impedance(circuit, solution, key, frequency)

    # Time.

    def _course(self, settling: Settling, key: str, times: Vector) -> Vector:
        """Return the voltages at a channel at ascending times within a stretch."""
        circuit = settling.circuit
        if key not in circuit.ends:
            return np.full(len(times), _open_voltage(self._terminals.get(key)))
        volts = np.empty(len(times))
        for piece, solution, change in settling.course(times):
            start = circuit.voltage(solution.observed, key)
            slopes = circuit.nodes.across(solution.by_capacitor, circuit.ends[key])
            volts[piece] = start + np.broadcast_to(slopes, len(change)) @ change
            for frequency in small_signal.sines(circuit):
                phasor = small_signal.phasor(circuit, solution, key, frequency)
                turns = np.exp(2j * math.pi * frequency * times[piece])
                volts[piece] += math.sqrt(2.0) * (phasor * turns).real
        return volts

    def _at(self, time: float) -> tuple[Circuit, Solution]:
        ((settling, time, _),) = self._between(time, time)
        return settling.circuit, settling.solution(time)

    def _ripple(self, key: str, begin: float, end: float) -> float:
        """Return the sines' part of a mean. It is 0 over a whole number of periods."""
        if not small_signal.sines(self._stretches[-1].circuit):
            return 0.0
        middle = (begin + end) / 2.0
        total = 0.0
        for frequency, phasor in self.sine(key, end):
            turn = 2.0 * math.pi * frequency * middle
            sine = (phasor * complex(math.cos(turn), math.sin(turn))).real
            total += math.sqrt(2.0) * sine * float(np.sinc(frequency * (end - begin)))
        return total

    def _between(self, begin: float, end: float) -> Iterator[tuple[Settling, float, float]]:
        """Yield the stretches of time within an aperture, with the part of it that each covers."""
        stretches = self._stretches_since(begin)
        if begin == end:
            since = max(begin, stretches[0].circuit.now)
            yield stretches[0], since, since
            return
        ends = [following.circuit.now for following in stretches[1:]] + [math.inf]
        for index, (settling, until) in enumerate(zip(stretches, ends, strict=True)):
            first = settling.circuit.now if index else -math.inf
            since, until = max(begin, first), min(end, until)
            if since < until:
                # The time before the first known change counts as the begin of the first stretch.
                yield settling, max(since, settling.circuit.now), max(until, settling.circuit.now)

    def _stretches_since(self, time: float) -> list[Settling]:
        """Return the stretch that contains a time, or the first one, and those after it."""
        since = []
        for settling in reversed(self._stretches):
            since.append(settling)
            if settling.circuit.now <= time:
                break
        return since[::-1]

    def _follow_drift(self, at: float) -> None:
        """Update drifting parts for a time. They count as constant over an aperture."""
        if any(part.values["drift"] for part in self._netlist.parts.values()):
            self._begin_stretch(at)

    def _begin_stretch(self, at: float) -> None:
        last = self._stretches[-1]
        at = max(at, last.circuit.now)
        voltages = dict(zip((p.name for p in last.circuit.capacitors), last.at(at), strict=True))
        circuit = self._circuit(at)
        start = np.array([voltages.get(part.name, 0.0) for part in circuit.capacitors])
        self._stretches.append(Settling(circuit, start))

    def _circuit(self, now: float) -> Circuit:
        connections = dict(self._netlist.connections)
        terminals = {key: t for key, t in self._terminals.items() if key in connections}
        parts = [*self._netlist.parts.values(), *self._closed_contacts()]
        return Circuit(parts, connections, terminals, self._netlist.ground, now)

    def _closed_contacts(self) -> Iterator[Part]:
        """Yield a resistor for each wire of a closed contact."""
        connections = self._netlist.connections
        for first, second in sorted(self._contacts):
            if first in connections and second in connections:
                ends = connections[first], connections[second]
                for wire, nets in (
                    ("hi", (ends[0].hi, ends[1].hi)),
                    ("lo", (ends[0].lo, ends[1].lo)),
                ):
                    if nets[0] != nets[1]:
                        name = f"{first} to {second}, {wire}"
                        yield Part(name, "resistor", nets, {"value": _CONTACT})

    def _capacitors(self) -> list[str]:
        return [p.name for p in self._netlist.parts.values() if p.kind == "capacitor"]

    def _begin_faults(self) -> None:
        actions: dict[str, Callable[..., None]] = {
            "open": self.disconnect,
            "drift": lambda part, rate: self.set(part, drift=rate),
            "over-range": self.faults.over_range,
            "fail-call": self.faults.fail_call,
            "stop-answering": self.faults.stop_answering,
        }
        for fault in self._netlist.faults:
            arguments = dict(fault)
            actions[arguments.pop("kind")](**arguments)


def _open_voltage(terminal: Terminal | None) -> float:
    """Return the voltage at a channel's terminals when its wire is broken."""
    level = getattr(terminal, "level", 0.0) if terminal is not None else 0.0
    quantity = getattr(terminal, "quantity", "")
    if quantity == "current":
        return float(getattr(terminal, "high" if level >= 0 else "low"))
    return float(level)
