"""The parts between nets, and the actions of instruments on their nets."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from device_sim.bench import waves
from device_sim.bench.waves import Wave
from device_sim.errors import BenchError

MIN_RESISTANCE = 1e-6
"""Ohms of a short: small on any bench, but large enough for the solver."""

_ELEMENTARY_CHARGE_OVER_BOLTZMANN = 11604.518121550082  # K/V, exact in the SI of 2019.
_ZERO_CELSIUS = 273.15


@dataclass(frozen=True, slots=True)
class _Kind:
    required: frozenset[str]
    defaults: Mapping[str, float]


_LINES = frozenset({"amplitude", "frequency", "resistance"})
_KINDS: Mapping[str, _Kind] = {
    "resistor": _Kind(frozenset({"value"}), {}),
    "open": _Kind(frozenset(), {"value": math.inf}),
    "short": _Kind(frozenset(), {"value": MIN_RESISTANCE}),
    "capacitor": _Kind(frozenset({"value"}), {"esr": 1e-3}),
    "inductor": _Kind(frozenset({"value"}), {"resistance": 1e-3}),
    "diode": _Kind(
        frozenset(), {"saturation_current": 1e-12, "ideality": 1.0, "temperature": 25.0}
    ),
    "source": _Kind(
        frozenset({"voltage", "resistance"}), {"amplitude": 0.0, "frequency": 60.0, "phase": 0.0}
    ),
    "square": _Kind(_LINES, {"voltage": 0.0, "phase": 0.0, "duty": 50.0}),
    "triangle": _Kind(_LINES, {"voltage": 0.0, "phase": 0.0}),
    "ramp": _Kind(_LINES, {"voltage": 0.0, "phase": 0.0}),
    "noise": _Kind(frozenset({"amplitude", "rate", "resistance"}), {"voltage": 0.0, "seed": 0.0}),
}
SHAPES = ("square", "triangle", "ramp", "noise")
"""The kinds of sources with a shape other than a sine."""

_POSITIVE = {"esr", "resistance", "saturation_current", "ideality", "frequency", "rate"}
_RESISTORS = {"resistor", "open", "short"}


@dataclass(slots=True)
class Part:
    """A two-terminal part.

    Kinds and their values, in SI units:
        resistor: value.
        open, short: a resistor of infinite resistance, and of a micro-ohm.
        capacitor: value, esr (series resistance, 1 mΩ).
        inductor: value, resistance (1 mΩ).
        diode: anode first; saturation_current, ideality, temperature (°C).
        source: voltage (positive net first), resistance (in series); amplitude (RMS),
            frequency and phase (degrees) of a sine on top.
        square, triangle, ramp: amplitude (peak to peak), frequency, resistance; voltage (its
            middle), phase (degrees), duty (percent high, of a square).
        noise: amplitude (largest deviation), rate (values per second), resistance; voltage, seed.

    Every kind may have `drift`: relative change of its main value per second.
    """

    name: str
    """Unique on the bench."""

    kind: str
    """One of the kinds above."""

    nets: tuple[str, str]
    """The two nets, positive or anode first."""

    values: dict[str, float] = field(default_factory=dict)
    """The values of this kind."""

    since: float = 0.0
    """The start of the drift, on the bench's clock."""

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            known = ", ".join(sorted(_KINDS))
            raise BenchError(
                f"Part {self.name} has the unknown kind '{self.kind}'. The kinds are {known}."
            )
        kind = _KINDS[self.kind]
        missing = kind.required - self.values.keys()
        if missing:
            raise BenchError(
                f"Part {self.name} is a {self.kind} and needs {', '.join(sorted(missing))}."
            )
        given, self.values = self.values, {"drift": 0.0, **kind.defaults}
        for name in kind.required:
            self.values.setdefault(name, given[name])
        self.update(given)

    def update(self, values: Mapping[str, Any]) -> None:
        """Set new values.

        Raises:
            BenchError: The kind has no such value, or the value is invalid.
        """
        for name, value in values.items():
            if name not in self.values:
                known = ", ".join(sorted(self.values))
                raise BenchError(
                    f"Part {self.name} has no value '{name}'. A {self.kind} has {known}."
                )
            self._check(name, value)
        self.values.update({name: float(value) for name, value in values.items()})

    def _check(self, name: str, value: Any) -> None:
        if not _is_number(value):
            raise BenchError(f"Part {self.name}: {name} must be a number, not {value!r:.60}.")
        if name == "value" and self.kind in _RESISTORS:
            if value < 0:  # Infinity is an open circuit.
                raise BenchError(f"Part {self.name}: value must not be below 0, but is {value}.")
            return
        if math.isinf(value):
            raise BenchError(f"Part {self.name}: {name} must be finite.")
        if (name == "value" or name in _POSITIVE) and value <= 0:
            raise BenchError(f"Part {self.name}: {name} must be above 0, not {value}.")
        if name == "duty" and not 0.0 < value < 100.0:
            raise BenchError(f"Part {self.name}: duty must be above 0 and below 100, not {value}.")
        if name == "seed" and (value < 0 or value != int(value)):
            raise BenchError(f"Part {self.name}: seed must be a whole number of at least 0.")
        if name == "temperature" and value <= -_ZERO_CELSIUS:
            raise BenchError(f"Part {self.name}: {value} °C is below absolute zero.")

    def main_value(self, now: float) -> float:
        """Return the value (a source's voltage, a diode's saturation current) with its drift."""
        names = {
            **dict.fromkeys(("source", *SHAPES), "voltage"),
            "diode": "saturation_current",
        }
        nominal = self.values[names.get(self.kind, "value")]
        return nominal * (1.0 + self.values["drift"] * (now - self.since))

    @property
    def thermal_voltage(self) -> float:
        """Return a diode's ideality times k T / q, in volts."""
        kelvin = self.values["temperature"] + _ZERO_CELSIUS
        return self.values["ideality"] * kelvin / _ELEMENTARY_CHARGE_OVER_BOLTZMANN


def _is_number(value: Any) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) <= sys.float_info.max
    return isinstance(value, float) and not math.isnan(value)


def wave_of(part: Part) -> Wave | None:
    """Return the wave of a source on top of its voltage, None if it has none."""
    values = part.values
    amplitude = values.get("amplitude", 0.0)
    if not amplitude:
        return None
    if part.kind == "noise":
        return waves.noise(amplitude, values["rate"], int(values["seed"]))
    frequency, phase = values["frequency"], values["phase"]
    if part.kind == "source":
        return waves.Sine(frequency, amplitude, phase)
    half, begin = amplitude / 2.0, -phase / 360.0 / frequency
    if part.kind == "square":
        duty = values["duty"] / 100.0
        return waves.square(-half, half, frequency, duty=duty, begin=begin)
    make = waves.triangle if part.kind == "triangle" else waves.ramp
    return make(-half, half, frequency, begin=begin)


@dataclass(frozen=True, slots=True)
class Connection:
    """The nets that an instrument channel is wired to."""

    hi: str
    """Net at the high terminal."""

    lo: str
    """Net at the low terminal."""

    channel: str = ""
    """The channel, as the bench file spells it."""

    number: int = 0
    """Its place in the bench file."""


@dataclass(frozen=True, slots=True)
class Output:
    """The action of an instrument on its two terminals: regulate one quantity, limit the other.

    A voltage output holds `level` volts, unless its current would leave `low`..`high`. Then it
    holds that current. A current output is the dual. Currents count out of the high terminal.
    """

    quantity: str
    """`voltage` or `current`: the regulated quantity."""

    level: float
    """The set value, in volts or amperes."""

    low: float
    """Lower limit of the other quantity."""

    high: float
    """Upper limit of the other quantity."""

    resistance: float = 0.0
    """Programmed output resistance of a voltage output, in ohms."""

    wave: Wave | None = None
    """A wave on top of the level of a voltage output."""


@dataclass(frozen=True, slots=True)
class Input:
    """An instrument that only loads its terminals."""

    resistance: float
    """In ohms."""

    capacitance: float = 0.0
    """Between the terminals, in farads."""

    coupling: float = 0.0
    """Of a capacitor in series to the resistance, in farads; 0 without one."""

    def parts(self, name: str, connection: Connection) -> tuple[Connection, list[Part]]:
        """Return the nets of the resistance, and the capacitors."""
        inner, parts = connection, []
        if self.coupling:
            inner = Connection(f"{name} behind its coupling", connection.lo)
            nets = (connection.hi, inner.hi)
            parts.append(Part(f"{name} coupling", "capacitor", nets, {"value": self.coupling}))
        if self.capacitance and connection.hi != connection.lo:
            nets, values = (connection.hi, connection.lo), {"value": self.capacitance}
            parts.append(Part(f"{name} capacitance", "capacitor", nets, values))
        return inner, parts


Terminal = Output | Input


@dataclass(frozen=True, slots=True)
class Imperfections:
    """The deviations of readings from the exact values."""

    noise: bool = True
    """Gaussian noise that falls with the aperture."""

    quantization: bool = True
    """Readings are multiples of the converter's step."""

    calibration: bool = True
    """Gain and offset of each channel, drawn once within the model's accuracy."""

    seed: int = 0
    """Seed of the random numbers."""
