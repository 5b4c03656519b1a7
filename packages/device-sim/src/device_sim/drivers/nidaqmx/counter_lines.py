"""The terminals of a counter, and the signals at them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from device_sim.drivers.nidaqmx.meters import Line, Still
from device_sim.drivers.nidaqmx.pulses import PulseInput, Pulses, Train

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.hardware import Hardware

SOURCES = (8, 3, 0, 5)
"""The PFI line at the source of each counter of an X Series device, unless a client names one."""

GATES = (9, 4, 1, 6)
"""The PFI line at the gate of each."""

OUTPUTS = (12, 13, 14, 15)
"""The PFI line at the output of each."""

_TIMEBASE = re.compile(r"[^/]+/(\d+)([km])hztimebase")
_UNITS: Mapping[str, float] = {"k": 1e3, "m": 1e6}


def is_on_bench(hardware: Hardware, device: str) -> bool:
    """Return whether the bench file wires anything of a device."""
    prefix = f"{device.lower()}/"
    return any(channel.lower().startswith(prefix) for channel in hardware.bench.channels)


def output_of(device: str, counter: int) -> str:
    """Return the name of the internal output of a counter; see `bench.terminal_name`."""
    return f"{device.lower()}/ctr{counter}internaloutput"


def timebase_of(text: str, device: str) -> float | None:
    """Return the hertz of a timebase, given its terminal; None for another terminal."""
    from device_sim.bench import terminal_name

    found = _TIMEBASE.fullmatch(terminal_name(text, device))
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
