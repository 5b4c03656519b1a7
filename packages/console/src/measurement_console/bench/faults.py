"""The faults that a page can switch on, and how they are called."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from measurement_console.bench.quantities import quantity_text
from measurement_console.errors import ConsoleError

_ANALOG_INPUTS = ("nidaqmx", "niscope")
_SWITCH = ("niswitch",)
_SETTING = {
    "share": "a share from 0 to 1",
    "volts": "a number of volts",
    "seconds": "a number of seconds",
    "code": "a negative error code",
    "relay": "the name of a relay, such as k0",
}


class FaultInputError(ConsoleError):
    """A fault cannot be switched on with these values."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault."""

    key: str
    """Name of its field in device_sim.v1.Fault."""
    label: str
    """What happens, for users."""
    drivers: Sequence[str] = ()
    """The drivers that have it; empty for all."""
    settings: Sequence[str] = ()
    """Names of the values that it needs."""

    @property
    def labels(self) -> dict[str, str]:
        """Return what to write for each setting, for users."""
        return {name: _SETTING[name] for name in self.settings}


FAULT_KINDS = (
    FaultKind("over_range", "every reading is out of range"),
    FaultKind("stop_answering", "does not answer any call"),
    FaultKind("fail_call", "the next call fails", settings=("code",)),
    FaultKind("lose_triggers", "no trigger arrives"),
    FaultKind("clip_input", "inputs clip", _ANALOG_INPUTS, ("share",)),
    FaultKind("add_noise", "samples have more noise", _ANALOG_INPUTS, ("volts",)),
    FaultKind("drop_samples", "samples are lost", _ANALOG_INPUTS, ("share",)),
    FaultKind("stick_relay", "a relay sticks", _SWITCH, ("relay",)),
    FaultKind("bounce_relay", "a relay bounces", _SWITCH, ("relay", "seconds")),
)
"""The kinds of faults, in the order in which a page shows them."""

_KIND_OF_KEY = {kind.key: kind for kind in FAULT_KINDS}


def kinds_for(driver: str) -> tuple[FaultKind, ...]:
    """Return the kinds of faults that a driver has; all for a driver that is not known."""
    return tuple(
        kind for kind in FAULT_KINDS if not kind.drivers or not driver or driver in kind.drivers
    )


def read_fault(device: str, key: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of device_sim.v1.Fault for a submitted form.

    Args:
        device: Name of the instrument.
        key: Key of the kind of fault.
        texts: Texts of its settings, by name.

    Raises:
        FaultInputError: There is no such kind, or a setting is missing or no number.
    """
    kind = _KIND_OF_KEY.get(key)
    if kind is None:
        raise FaultInputError(f"There is no fault {key!r:.60}. Reload the page.")
    return {"device": device, key: {name: _read(name, texts) for name in kind.settings}}


def fault_text(fault: Mapping[str, Any]) -> str:
    """Return a fault, given by its fields, as a sentence without its instrument."""
    key = next((one for one in fault if one in _KIND_OF_KEY), "")
    label = _KIND_OF_KEY[key].label if key else "a fault that this console does not know"
    settings = ", ".join(f"{name} {value}" for name, value in (fault.get(key) or {}).items())
    after, lasting = float(fault.get("after", 0)), float(fault.get("lasting", math.inf))
    begins = f", in {quantity_text(after, 's')}" if after > 0 else ""
    ends = f", for {quantity_text(lasting, 's')}" if math.isfinite(lasting) else ""
    return f"{label}{f' ({settings})' if settings else ''}{begins}{ends}"


def _read(name: str, texts: Mapping[str, str]) -> object:
    text = texts.get(name, "").strip()
    try:
        if name == "relay" and text:
            return text
        return int(text) if name == "code" else float(text)
    except ValueError:
        raise FaultInputError(f"{name} is {text!r:.60}. Write {_SETTING[name]}.") from None
