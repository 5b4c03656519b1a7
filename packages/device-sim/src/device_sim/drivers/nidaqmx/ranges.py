"""The limits of analog channels: what the client expects, and the range that holds it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from device_sim.drivers.nidaqmx.channel import Channel
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.errors import DriverError

_RANGES = {"AI": "AI_VOLTAGE_RNGS", "AO": "AO_VOLTAGE_RNGS"}
_HARDWARE = {"AI": ("AI_RNG_LOW", "AI_RNG_HIGH"), "AO": ("AO_DAC_RNG_LOW", "AO_DAC_RNG_HIGH")}
_DIRECT = {"AI": ("AI_VOLTAGE_UNITS",), "AO": ("AO_VOLTAGE_UNITS",)}
"""The properties of channels whose limits are those of the hardware, in volts."""


def limit(channel: Channel) -> None:
    """Set the range of a new channel by its limits.

    Raises:
        DriverError: The limits are no interval, or no range holds them.
    """
    kind, attributes = channel.kind, channel.attributes
    names = (f"{kind}_MIN", f"{kind}_MAX")
    if names[0] not in attributes:  # A sensor of the device itself has no limits.
        channel.limits = [0.0, 50.0]
        return
    channel.limits = [float(attributes[name]) for name in names]
    attributes.check = _Check(channel, names)
    _fit(channel, names)


class _Check:
    """Fit the range again when a client changes a limit."""

    def __init__(self, channel: Channel, names: tuple[str, str]) -> None:
        self._channel = channel
        self._names = names

    def __call__(self, name: str, value: Any) -> Any:
        if name not in self._names:
            return value
        before = list(self._channel.limits)
        self._channel.limits[self._names.index(name)] = float(value)
        try:
            _fit(self._channel, self._names)
        except DriverError:
            self._channel.limits = before
            raise
        return self._channel.attributes[name]


def _fit(channel: Channel, names: tuple[str, str]) -> None:
    """Set the range that holds the limits. A client reads it back as the limits."""
    low, high = channel.limits
    if not low < high:
        raise DriverError(
            ERRORS.MIN_NOT_LESS_THAN_MAX,
            f"Channel: {channel.name}\nMinimum: {low}\nMaximum: {high}",
        )
    attributes = channel.attributes
    found = _range(channel, low, high)
    attributes.update(dict(zip(_HARDWARE[channel.kind], found, strict=True)))
    if channel.kind == "AI" and _is_direct(channel):
        attributes.update(dict(zip(names, found, strict=True)))


def _is_direct(channel: Channel) -> bool:
    """Return whether the units of a channel are those of the hardware, volts."""
    return channel.scale is None and any(
        name in channel.attributes for name in _DIRECT[channel.kind]
    )


def _range(channel: Channel, low: float, high: float) -> tuple[float, float]:
    """Return the smallest range of the hardware that holds limits in volts; else the largest.

    Raises:
        DriverError: No range holds them.
    """
    device = channel.physical[0].device.groups["Device"]
    flat = list(device[_RANGES[channel.kind]]) if _RANGES[channel.kind] in device else []
    ranges = sorted(zip(flat[::2], flat[1::2], strict=True), key=lambda each: each[1] - each[0])
    if not ranges:
        return low, high
    if channel.scale is not None:
        low, high = sorted(channel.in_hardware(np.array([low, high])).tolist())
    elif not _is_direct(channel):
        return ranges[-1]
    holding = [each for each in ranges if each[0] <= low and high <= each[1]]
    if not holding or not math.isfinite(low + high):
        raise DriverError(
            ERRORS.INVALID_ATTRIBUTE_VALUE,
            f"Property: {channel.kind}_MAX\nChannel: {channel.name}\nRequested: {low} to {high}\n"
            f"Possible: {ranges[-1][0]} to {ranges[-1][1]}",
        )
    return holding[0]
