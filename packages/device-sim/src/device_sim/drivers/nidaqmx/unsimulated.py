"""Refuse the settings of a task that would have no effect here, and terminals that do not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nidaqmx.constants import LoggingMode, TriggerType

from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.names import device_of
from device_sim.errors import DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.task import Task

_WITHOUT_EFFECT: Mapping[str, Mapping[str, Any]] = {
    "Trigger": {"START_TRIG_DELAY": 0.0},
    "Channel": {"DI_INVERT_LINES": False, "DO_INVERT_LINES": False},
}
"""The only value that some properties may have, by their group."""

_SOURCES = {
    "Timing": ("SAMP_CLK_SRC",),
    "Trigger": ("DIG_EDGE_START_TRIG_SRC", "DIG_EDGE_REF_TRIG_SRC"),
}
_DESTINATIONS = ("START_TRIG_OUTPUT_TERM", "REF_TRIG_OUTPUT_TERM", "SAMP_CLK_OUTPUT_TERM")

_OFF = LoggingMode.OFF.value
_NONE = TriggerType.NONE.value
_SHARED = re.compile(r"(?:pxi_?trig|rtsi_?)[0-7]")


def check_settings(task: Task) -> None:
    """Look at the settings of a task before it starts.

    Raises:
        DriverError: One has no effect in the simulation, or names a terminal that does not exist.
    """
    for group, name, value in _settings(task):
        allowed = _WITHOUT_EFFECT[group][name]
        if value != allowed:
            raise _cannot(f"the property {name} = {value}. Leave it at {allowed}")
    if task.groups["Read"].get("LOGGING_MODE", _OFF) != _OFF:
        raise _cannot("logging to a TDMS file. Set the logging mode to off")
    if task.is_wired:
        _check_bench(task)
    _check_terminals(task)


def _check_bench(task: Task) -> None:
    """Refuse the settings that have an effect on a bench, but not here."""
    trigger, exported = task.groups["Trigger"], task.groups["ExportSignal"]
    if trigger.get("PAUSE_TRIG_TYPE", _NONE) != _NONE:
        raise _cannot("a pause trigger on a bench. Set its type to none")
    if trigger.get("START_TRIG_RETRIGGERABLE", False):
        raise _cannot("a task on a bench that a trigger starts again. Start it again yourself")
    if exported.get("SAMP_CLK_OUTPUT_TERM", ""):
        raise _cannot("the export of the sample clock on a bench. Export a trigger")


def _check_terminals(task: Task) -> None:
    for group, names in _SOURCES.items():
        for name in names:
            owner = task.groups[group]
            terminal = str(owner[name]) if owner.is_set(name) else ""
            if not _exists(task, terminal):
                raise _missing(ERRORS.INVALID_ROUTING_SOURCE_TERMINAL_NAME_ROUTING, name, terminal)
    for name in _DESTINATIONS:
        for terminal in str(task.groups["ExportSignal"].get(name, "")).split(","):
            if not _exists(task, terminal):
                raise _missing(
                    ERRORS.INVALID_ROUTING_DESTINATION_TERMINAL_NAME_ROUTING, name, terminal
                )


def _settings(task: Task) -> Iterator[tuple[str, str, Any]]:
    """Yield the group, name and value of each property that may have one value only."""
    owners = [*task.groups.items(), *(("Channel", each.attributes) for each in task.channels)]
    for group, owner in owners:
        for name, allowed in _WITHOUT_EFFECT.get(group, {}).items():
            yield group, name, owner.get(name, allowed)


def _exists(task: Task, text: str) -> bool:
    """Return whether a terminal exists; always so for instruments of other drivers."""
    name = text.strip().lower()
    if not name or name == "onboardclock":
        return True
    owner = task.hardware.system.find(device_of(name)) if "/" in name.strip("/") else None
    if owner is None and name.startswith("/"):
        return True
    local = name.strip("/").partition("/")[2] if owner else name.strip("/")
    devices = [owner] if owner else task.system_devices
    known = {each.lower().strip("/") for device in devices for each in device.terminals}
    return bool(_SHARED.fullmatch(local)) or any(
        f"{device.name.lower()}/{local}" in known for device in devices
    )


def _missing(error: Any, name: str, terminal: str) -> DriverError:
    return DriverError(error, f"Property: {name}\nTerminal: {terminal}")


def _cannot(what: str) -> DriverError:
    return DriverError(ERRORS.FUNCTION_NOT_SUPPORTED_FOR_DEVICE, f"Not simulated: {what}.")
