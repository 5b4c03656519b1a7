"""The terminals of a counter, the signals at them, and the properties that are named for both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nidaqmx.constants import UsageTypeCI

from device_sim.drivers.nidaqmx.channel import Channel
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.meters import Line, Still
from device_sim.drivers.nidaqmx.pulses import PulseInput, Pulses, Train
from device_sim.errors import DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.hardware import Hardware

_SOURCES, _GATES, _OUTPUTS = (8, 3, 0, 5), (9, 4, 1, 6), (12, 13, 14, 15)
"""The PFI lines of an X Series device at the source, the gate and the output of each counter,
unless a client names others."""
_FREQUENCY_OUTPUT = 14  # The PFI line at the frequency output.
_TIMEBASE = 100e6  # Hertz of the timebase, unless a client names another.

COUNT = "CI_COUNT_EDGES"
"""The begin of the names of the properties of a counter that counts edges."""
PULSES = ("CI_PULSE_FREQ", "CI_PULSE_TIME", "CI_PULSE_TICKS")
"""That of counters that measure both parts of a period."""
_NAMES = {
    UsageTypeCI.COUNT_EDGES.value: COUNT,
    UsageTypeCI.FREQUENCY.value: "CI_FREQ",
    UsageTypeCI.PERIOD.value: "CI_PERIOD",
    UsageTypeCI.PULSE_WIDTH_DIGITAL.value: "CI_PULSE_WIDTH",
    UsageTypeCI.PULSE_WIDTH_DIGITAL_SEMI_PERIOD.value: "CI_SEMI_PERIOD",
    UsageTypeCI.PULSE_FREQ.value: PULSES[0],
    UsageTypeCI.PULSE_TIME.value: PULSES[1],
    UsageTypeCI.PULSE_TICKS.value: PULSES[2],
}

_TERMINAL = re.compile(r"[^/]+/(\d+)([km])hztimebase")
_UNITS: Mapping[str, float] = {"k": 1e3, "m": 1e6}
_NOT_SIMULATED = (
    "CI_COUNT_EDGES_COUNT_RESET_ENABLE",
    "CI_COUNT_EDGES_GATE_ENABLE",
    "CI_DUP_COUNT_PREVENT",
    "CI_FREQ_ENABLE_AVERAGING",
    "CI_PERIOD_ENABLE_AVERAGING",
)
"""Properties that change what a counter measures."""
_CUSTOM = 10065  # The unit of a custom scale.


def prefix_of(channel: Channel) -> str:
    """Return the begin of the names of the properties of a counter input's measurement."""
    return _NAMES[channel.attributes["CI_MEAS_TYPE"]]


def rows_of_counter(channel: Channel) -> int:
    """Return how many values a measurement of a counter input has."""
    return 2 if prefix_of(channel) in PULSES else 1


def connect(channel: Channel) -> None:
    """Set the terminals of a new channel that the client did not name.

    Raises:
        DriverError: The channel has a custom scale, which is not simulated.
    """
    attributes, kind = channel.attributes, channel.kind
    device, counter = channel.devices[0], channel.physical[0]
    if kind == "CO":
        is_counter = counter.word == "ctr"
        pin = _OUTPUTS[counter.index] if is_counter else _FREQUENCY_OUTPUT
        attributes.defaults["CO_PULSE_TERM"] = f"/{device}/PFI{pin}"
    else:
        prefix = prefix_of(channel)
        pin = (_SOURCES if prefix == COUNT else _GATES)[counter.index]
        attributes.defaults[f"{prefix}_TERM"] = f"/{device}/PFI{pin}"
        units = f"{prefix}_UNITS"
        if units in attributes and attributes[units] == _CUSTOM:
            raise DriverError(
                ERRORS.FUNCTION_NOT_SUPPORTED_FOR_DEVICE, "Not simulated: custom scales of counters"
            )
    source = f"{kind}_CTR_TIMEBASE_SRC"
    attributes.defaults[source] = f"/{device}/100MHzTimebase"
    if attributes.is_set(source):
        is_own = attributes[source].lower() in ("", "onboardclock")
        attributes[source] = (
            attributes.defaults[source] if is_own else _full(attributes[source], device)
        )
    attributes.derived[f"{kind}_CTR_TIMEBASE_RATE"] = lambda: (
        timebase_of(attributes[source], device) or _TIMEBASE
    )
    attributes.check = lambda name, value: (
        _full(value, device) if name.endswith(("_TERM", "_TIMEBASE_SRC")) else value
    )


def check_supported(channel: Channel) -> None:
    """Check the settings of a counter that are not simulated on a bench.

    Raises:
        DriverError: One is used.
    """
    attributes, kind = channel.attributes, channel.kind
    used = [name for name in _NOT_SIMULATED if attributes.get(name, False)]
    source = f"{kind}_CTR_TIMEBASE_SRC"
    if timebase_of(attributes[source], channel.devices[0]) is None:
        used.append(source)
    if used:
        raise DriverError(
            ERRORS.FUNCTION_NOT_SUPPORTED_FOR_DEVICE,
            f"Not simulated on a bench: {', '.join(used)} of the channel {channel.name}",
        )


def _full(terminal: str, device: str) -> str:
    """Return a terminal with its device; empty if it is empty."""
    is_full = terminal.startswith("/") or not terminal
    return terminal if is_full else f"/{device}/{terminal}"


def is_on_bench(hardware: Hardware, device: str) -> bool:
    """Return whether the bench file wires anything of a device."""
    prefix = f"{device.lower()}/"
    return any(channel.lower().startswith(prefix) for channel in hardware.bench.channels)


def output_of(channel: Channel) -> str:
    """Return the name of the internal output of a counter; see `bench.terminal_name`."""
    counter = channel.physical[0]
    own = f"ctr{counter.index}internaloutput" if counter.word == "ctr" else "frequencyoutput"
    return f"{channel.devices[0].lower()}/{own}"


def timebase_of(text: str, device: str) -> float | None:
    """Return the hertz of a timebase, given its terminal; None for another terminal."""
    from device_sim.bench import terminal_name

    found = _TERMINAL.fullmatch(terminal_name(text, device))
    return int(found[1]) * _UNITS[found[2]] if found else None


def line_at(hardware: Hardware, text: str, device: str, start: float) -> Line:
    """Return the signal at a terminal.

    Args:
        hardware: The devices.
        text: The terminal, as a client names it.
        device: The device, if the text names none.
        start: The time from which on edges count.
    """
    from device_sim.bench import terminal_name

    name = terminal_name(text, device)
    if hardware.bench.is_wired(name):
        return hardware.bench.logic_input(name, start)
    if name in hardware.pulses:
        return PulseInput(hardware.pulses[name], start)
    hertz = timebase_of(text, device)
    if hertz is not None:
        timebase = Pulses()
        timebase.begin(Train(0.0, 1.0 / hertz, 0.5 / hertz))
        return PulseInput(timebase, start)
    return Still()
