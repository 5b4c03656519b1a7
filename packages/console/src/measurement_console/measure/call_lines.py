"""Write a call of a measurement as Python and as a line for a shell, for users to copy."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plugin_kit.calling import EnumValue

_PYTHON_WITH_PIN_MAP = """\
from pathlib import Path

from plugin_kit.calling import MeasurementPlugin, PlatformClient

address = {address}
with PlatformClient(address) as platform:
    pin_map = platform.load_pin_map(Path({pin_map}))
with MeasurementPlugin.resolve({service_class}, discovery_address=address) as plugin:
    outputs = plugin.measure({values}, pin_map_id=pin_map, sites={sites})
"""
_PYTHON = """\
from plugin_kit.calling import MeasurementPlugin

with MeasurementPlugin.resolve({service_class}, discovery_address={address}) as plugin:
    outputs = plugin.measure({values}, sites={sites})
"""


@dataclass(frozen=True, slots=True)
class MeasureCall:
    """One call of a measurement."""

    service_class: str
    """Service class of the plug-in."""
    values: Mapping[str, object] = field(default_factory=dict)
    """Values by parameter name. The others have the plug-in's defaults."""
    pin_map: str = ""
    """Path of the pin map, "" for none."""
    sites: tuple[int, ...] | None = None
    """Sites to measure on. None for all."""


def python_call(call: MeasureCall, discovery_address: str) -> str:
    """Return a call as a Python program. Its variable `outputs` has the result."""
    template = _PYTHON_WITH_PIN_MAP if call.pin_map else _PYTHON
    return template.format(
        address=_python(discovery_address),
        service_class=_python(call.service_class),
        values=_python(call.values),
        pin_map=_python(call.pin_map),
        sites=_python(call.sites if call.sites is None else list(call.sites)),
    )


def shell_line(call: MeasureCall) -> str:
    """Return a call as a `platform-sim measure` line for a POSIX shell.

    Returns:
        "" if no line can say it: a name with "=" in it, or a character that is not printable,
        which could steer the terminal into which a user pastes the line.
    """
    arguments = ["platform-sim", "measure", call.service_class]
    for name, value in call.values.items():
        if "=" in name:
            return ""
        arguments += ["--set", f"{name}={_shell(value)}"]
    if call.pin_map:
        arguments += ["--pin-map", call.pin_map]
    if call.sites:
        arguments += ["--sites", ",".join(map(str, call.sites))]
    if call.service_class.startswith("-") or not all(map(str.isprintable, arguments)):
        return ""
    return shlex.join(arguments)


def _python(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_python(name)}: {_python(one)}" for name, one in value.items())
        return f"{{{inside}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_python, value))}]"
    return str.__repr__(value) if isinstance(value, str) else repr(value)


def _shell(value: object) -> str:
    """Return the text that `platform-sim measure --set` reads as a value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, EnumValue):
        # A name of digits would be read as a number.
        return str(value.number) if value.lstrip("-").isdigit() else value
    if isinstance(value, (str, int, float)):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
