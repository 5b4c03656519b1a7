"""What a bench is made of: parts between nets, and what instruments do to their nets."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from device_sim.errors import BenchError

MIN_RESISTANCE = 1e-6
"""Ohms of a short: small against anything on a bench, large against rounding errors."""

_ELEMENTARY_CHARGE_OVER_BOLTZMANN = 11604.518121550082  # K/V, exact in the SI of 2019.
_ZERO_CELSIUS = 273.15


@dataclass(frozen=True, slots=True)
class _Kind:
    required: frozenset[str]
    defaults: Mapping[str, float]


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
}

_POSITIVE = {"esr", "resistance", "saturation_current", "ideality", "frequency"}
_RESISTORS = {"resistor", "open", "short"}


@dataclass(slots=True)
class Part:
    """A two-terminal part.

    Kinds and their values, in SI units:
        resistor: value.
        open, short: a resistor of infinite resistance, and of a micro-ohm.
        capacitor: value, esr (series resistance, 1 mΩ).
        inductor: value, resistance (1 mΩ); only its resistance counts in transients.
        diode: anode first; saturation_current, ideality, temperature (°C).
        source: voltage (positive net first), resistance (in series); amplitude (RMS),
            frequency and phase (degrees) of a sine on top.

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
    """When drift set in, on the bench's clock."""

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            known = ", ".join(sorted(_KINDS))
            raise BenchError(f"part {self.name}: no kind '{self.kind}'; there are {known}")
        kind = _KINDS[self.kind]
        missing = kind.required - self.values.keys()
        if missing:
            raise BenchError(f"part {self.name}: a {self.kind} needs {', '.join(sorted(missing))}")
        given, self.values = self.values, {"drift": 0.0, **kind.defaults}
        for name in kind.required:
            self.values.setdefault(name, given[name])
        self.update(given)

    def update(self, values: Mapping[str, Any]) -> None:
        """Take over new values.

        Raises:
            BenchError: The kind has no such value, or the value is impossible.
        """
        for name, value in values.items():
            if name not in self.values:
                known = ", ".join(sorted(self.values))
                raise BenchError(f"part {self.name}: no value '{name}'; a {self.kind} has {known}")
            self._check(name, value)
        self.values.update({name: float(value) for name, value in values.items()})

    def _check(self, name: str, value: Any) -> None:
        if not _is_number(value):
            raise BenchError(f"part {self.name}: {name} must be a number, not {value!r:.60}")
        if name == "value" and self.kind in _RESISTORS:
            if value < 0:  # Infinite is an open circuit.
                raise BenchError(f"part {self.name}: value must not be below 0, as {value} is")
            return
        if math.isinf(value):
            raise BenchError(f"part {self.name}: {name} must be finite")
        if (name == "value" or name in _POSITIVE) and value <= 0:
            raise BenchError(f"part {self.name}: {name} must be above 0, not {value}")
        if name == "temperature" and value <= -_ZERO_CELSIUS:
            raise BenchError(f"part {self.name}: {value} °C is below absolute zero")

    def main_value(self, now: float) -> float:
        """The value (voltage of a source, saturation current of a diode), drift included."""
        names = {"source": "voltage", "diode": "saturation_current"}
        nominal = self.values[names.get(self.kind, "value")]
        return nominal * (1.0 + self.values["drift"] * (now - self.since))

    @property
    def thermal_voltage(self) -> float:
        """Of a diode: ideality times k T / q, in volts."""
        kelvin = self.values["temperature"] + _ZERO_CELSIUS
        return self.values["ideality"] * kelvin / _ELEMENTARY_CHARGE_OVER_BOLTZMANN


def _is_number(value: Any) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) <= sys.float_info.max
    return isinstance(value, float) and not math.isnan(value)


@dataclass(frozen=True, slots=True)
class Output:
    """What an instrument does to its two terminals: regulate one quantity, limit the other.

    A voltage output holds `level` volts unless its current would leave `low`..`high`; then
    it holds that current. A current output is the dual. Currents count out of the high terminal.
    """

    quantity: str
    """`voltage` or `current`: what is regulated."""

    level: float
    """What is asked for, in volts or amperes."""

    low: float
    """Lower limit of the other quantity."""

    high: float
    """Upper limit of the other quantity."""

    resistance: float = 0.0
    """Programmed output resistance of a voltage output, in ohms."""


@dataclass(frozen=True, slots=True)
class Input:
    """An instrument that only loads its terminals, with this many ohms."""

    resistance: float


Terminal = Output | Input


@dataclass(frozen=True, slots=True)
class Connection:
    """The nets that an instrument channel is wired to."""

    hi: str
    """Net at the high terminal."""

    lo: str
    """Net at the low terminal."""


@dataclass(frozen=True, slots=True)
class Imperfections:
    """Which deviations from the exact values readings have."""

    noise: bool = True
    """Gaussian noise that falls with the aperture."""

    quantization: bool = True
    """Readings are multiples of the converter's step."""

    calibration: bool = True
    """Gain and offset of each channel, drawn once within the model's accuracy."""

    seed: int = 0
    """Where the random numbers start."""
