"""The setting of a channel's output: the attributes that belong to each output function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nidcpower.enums import (
    ComplianceLimitSymmetry,
    InstrumentMode,
    LCRDCBiasSource,
    OutputFunction,
)

from device_sim.base.attributes import Value
from device_sim.base.overview import Quantity
from device_sim.bench import Input, Output, Terminal

Getter = Callable[[str], Value]
"""Return the value of an attribute of one channel."""


@dataclass(frozen=True, slots=True)
class Names:
    """The attributes of one output function."""

    quantity: str
    """The regulated quantity: `voltage` or `current`."""

    level: str
    """Attribute with the level."""

    limit: str
    """Attribute with the symmetric limit. With `_high` and `_low`: the asymmetric limits."""

    level_range: str
    """Attribute with the range of the level."""

    limit_range: str
    """Attribute with the range of the limit."""


_FUNCTIONS: Mapping[int, Names] = {
    OutputFunction.DC_VOLTAGE.value: Names(
        "voltage", "voltage_level", "current_limit", "voltage_level_range", "current_limit_range"
    ),
    OutputFunction.DC_CURRENT.value: Names(
        "current", "current_level", "voltage_limit", "current_level_range", "voltage_limit_range"
    ),
    OutputFunction.PULSE_VOLTAGE.value: Names(
        "voltage",
        "pulse_voltage_level",
        "pulse_current_limit",
        "pulse_voltage_level_range",
        "pulse_current_limit_range",
    ),
    OutputFunction.PULSE_CURRENT.value: Names(
        "current",
        "pulse_current_level",
        "pulse_voltage_limit",
        "pulse_current_level_range",
        "pulse_voltage_limit_range",
    ),
}

_PULSE_FUNCTIONS = frozenset(
    {OutputFunction.PULSE_VOLTAGE.value, OutputFunction.PULSE_CURRENT.value}
)

LEVELS = frozenset(names.level for names in _FUNCTIONS.values())
"""Attributes with a level."""

OTHER_QUANTITY = {"voltage": "current", "current": "voltage"}

_UNITS = {"voltage": "V", "current": "A"}


@dataclass(frozen=True, slots=True)
class Setting:
    """The quantity that a channel sources at one time, with its limits."""

    quantity: str
    """The regulated quantity: `voltage` or `current`."""

    level: float
    """The set value, in volts or amperes."""

    low: float
    """Lower limit of the other quantity."""

    high: float
    """Upper limit of the other quantity."""

    level_range: float
    """The range of the level."""

    limit_range: float
    """The range of the limit."""

    resistance: float = 0.0
    """Programmed output resistance, in ohms."""

    sinks: bool = False
    """True if positive currents flow into the high terminal, as with electronic loads."""

    load_resistance: float | None = None
    """For constant resistance: the resistance in ohms."""

    def terminal(self) -> Terminal:
        """Return the action on the nets of the channel."""
        if self.load_resistance is not None:
            return Input(self.load_resistance)
        if not self.sinks:
            return Output(self.quantity, self.level, self.low, self.high, self.resistance)
        # A load only takes current, so it cannot pull its voltage below zero.
        if self.quantity == "current":
            return Output("current", -self.level, 0.0, self.high)
        return Output("voltage", self.level, -self.high, 0.0)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the level and the limits, for people."""
        if self.load_resistance is not None:
            return (Quantity("load resistance", self.load_resistance, "Ω"),)
        limited = OTHER_QUANTITY[self.quantity]
        limits = {f"{limited} limit": self.high}
        if self.low != -self.high:
            limits = {f"{limited} limit high": self.high, f"{limited} limit low": self.low}
        unit = _UNITS[limited]
        return (
            Quantity(f"{self.quantity} level", self.level, _UNITS[self.quantity]),
            *(Quantity(name, value, unit) for name, value in limits.items()),
        )

    def range_of(self, quantity: str) -> float:
        """Return the range in which `voltage` or `current` is measured."""
        return self.level_range if quantity == self.quantity else self.limit_range


def is_pulsing(get: Getter) -> bool:
    """Return whether the channel's output function makes pulses."""
    return get("output_function") in _PULSE_FUNCTIONS


def function_names(get: Getter) -> Names:
    """Return the attributes of the channel's output function. Without a level: of voltage."""
    names = _FUNCTIONS.get(int(get("output_function")))
    return names or _FUNCTIONS[OutputFunction.DC_VOLTAGE.value]


def read_setting(get: Getter, *, sinks: bool = False, bias: bool = False) -> Setting:
    """Return the setting that the attributes of a channel describe.

    Args:
        get: The attributes.
        sinks: True for an electronic load.
        bias: True for the setting between the pulses.
    """
    if get("instrument_mode") == InstrumentMode.LCR.value:
        return _lcr_bias(get)
    names = function_names(get)
    level, limit = names.level, names.limit
    if bias:
        level, limit = (n.replace("pulse_", "pulse_bias_") for n in (level, limit))
    high, low = _limits(get, limit)
    function = get("output_function")
    return Setting(
        quantity=names.quantity,
        level=float(get(level)),
        low=low,
        high=high,
        level_range=float(get(names.level_range)),
        limit_range=float(get(names.limit_range)),
        resistance=float(get("output_resistance")) if names.quantity == "voltage" else 0.0,
        sinks=sinks,
        load_resistance=_load_resistance(get, int(function)),
    )


def _lcr_bias(get: Getter) -> Setting:
    """Return the direct part of the output in LCR mode: the bias, or 0 V without one."""
    volts, amperes = (float(get(f"lcr_dc_bias_{q}_range")) for q in ("voltage", "current"))
    source = get("lcr_dc_bias_source")
    if source == LCRDCBiasSource.CURRENT.value:
        level = float(get("lcr_dc_bias_current_level"))
        return Setting("current", level, -volts, volts, amperes, volts)
    biased = source == LCRDCBiasSource.VOLTAGE.value
    level = float(get("lcr_dc_bias_voltage_level")) if biased else 0.0
    return Setting("voltage", level, -amperes, amperes, volts, amperes)


def _limits(get: Getter, limit: str) -> tuple[float, float]:
    if get("compliance_limit_symmetry") == ComplianceLimitSymmetry.ASYMMETRIC.value:
        return float(get(f"{limit}_high")), float(get(f"{limit}_low"))
    symmetric = abs(float(get(limit)))
    return symmetric, -symmetric


def _load_resistance(get: Getter, function: int) -> float | None:
    if function == OutputFunction.CONSTANT_RESISTANCE.value:
        return max(float(get("constant_resistance_level")), 1e-6)
    return None
