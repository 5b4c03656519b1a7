"""The simulated instruments, their wiring, parts and faults, as a page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format

from measurement_console.bench.faults import FaultKind, fault_text, kinds_for
from measurement_console.bench.quantities import quantity_text

_UNITS_OF_KIND = {"resistor": "Ω", "short": "Ω", "open": "Ω", "capacitor": "F", "inductor": "H"}
"""Units of the value of a part that is called "value", by its kind."""
_UNITS = {
    "voltage": "V",
    "amplitude": "V",
    "resistance": "Ω",
    "esr": "Ω",
    "frequency": "Hz",
    "rate": "Hz",
    "saturation_current": "A",
    "temperature": "°C",
    "phase": "°",
    "duty": "%",
}
"""Units of the other values, by name."""
_DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One channel of an instrument."""

    name: str
    """Full name, such as "SMU1/0"."""
    wiring: str
    """The nets at its terminals, "" if it is not wired."""
    is_open: bool
    """Whether its wire is broken, as a fault."""
    output: str
    """"on", "off", or "" if it has none."""
    setpoints: Sequence[str]
    """Configured values, such as "voltage level 6 V"."""
    readings: Sequence[str]
    """The exact values at its terminals now."""
    is_limited: bool
    """Whether the output is at its limit."""
    problem: str
    """Why there are no readings."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument."""

    name: str
    """Its name, as in resource names."""
    driver: str
    """Its driver's Python package, "" if not known."""
    model: str
    """Its model, "" if not known."""
    sessions: Sequence[str]
    """The open sessions that use it."""
    channels: Sequence[ChannelRow]
    """Its channels."""
    faults: Sequence[str]
    """Its faults, as sentences."""
    kinds: Sequence[FaultKind]
    """The faults that can be switched on."""


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part of the bench."""

    name: str
    """Its name in the bench file."""
    kind: str
    """Its kind, such as "resistor"."""
    nets: str
    """The two nets that it connects."""
    values: Sequence[tuple[str, float, str]]
    """Name, value and text of each of its values."""
    drift: str
    """How its value drifts, "" if it does not."""
    contact: str
    """Whether the contact of a relay is "closed" or "open", "" for other kinds."""


@dataclass(frozen=True, slots=True)
class BenchView:
    """All that the page shows. Equal views look equal."""

    instruments: Sequence[Instrument] = ()
    """The instruments, by name."""
    parts: Sequence[PartRow] = ()
    """The parts, in the order of the bench file."""

    @property
    def wiring(self) -> object:
        """All on which the picture of the wiring depends."""
        channels = ((row.name, row.wiring) for one in self.instruments for row in one.channels)
        parts = ((part.name, part.values, part.contact) for part in self.parts)
        return tuple(channels), tuple(parts)


def make_view(sessions: Any, channels: Any, parts: Any, faults: Any) -> BenchView:
    """Return the view of the answers of ListSessions, ListChannels, ListParts and ListFaults."""
    rows: dict[str, list[Any]] = {}
    for channel in channels.channels:
        rows.setdefault(channel.instrument, []).append(channel)
    devices: dict[str, list[Any]] = {}
    for fault in faults.faults:
        name = next((one for one in rows if one.lower() == fault.device.lower()), fault.device)
        devices.setdefault(name, []).append(fault)
    names = sorted({*rows, *devices})
    drivers = {one.name: one for one in sessions.sessions}
    return BenchView(
        tuple(
            _instrument(name, rows.get(name, []), devices.get(name, []), drivers) for name in names
        ),
        tuple(_part(part, faults.drifts) for part in parts.parts),
    )


def _instrument(
    name: str, channels: Sequence[Any], faults: Iterable[Any], sessions: dict[str, Any]
) -> Instrument:
    used = tuple(dict.fromkeys(one for channel in channels for one in channel.sessions))
    driver = next((one.driver for one in channels if one.driver), "")
    driver = driver or next((sessions[one].driver for one in used if one in sessions), "")
    return Instrument(
        name=name,
        driver=driver,
        model=next((one.model for one in channels if one.model), ""),
        sessions=used,
        channels=tuple(map(_channel, channels)),
        faults=tuple(map(_fault, faults)),
        kinds=kinds_for(driver),
    )


def _channel(channel: Any) -> ChannelRow:
    readings = [
        quantity_text(getattr(channel, name), unit)
        for name, unit in (("volts", "V"), ("amperes", "A"))
        if channel.HasField(name)
    ]
    nets = [net for net in (channel.hi, channel.lo) if net]
    return ChannelRow(
        name=channel.name,
        wiring=" to ".join(nets),
        is_open=channel.is_open,
        output=("on" if channel.output_on else "off") if channel.HasField("output_on") else "",
        setpoints=tuple(
            f"{one.name} {quantity_text(one.value, one.unit)}" for one in channel.setpoints
        ),
        readings=tuple(readings),
        is_limited=channel.is_limited,
        problem=channel.problem,
    )


def _fault(fault: Any) -> str:
    return fault_text(json_format.MessageToDict(fault, preserving_proto_field_name=True))


def _part(part: Any, drifts: Iterable[Any]) -> PartRow:
    units = {"value": _UNITS_OF_KIND.get(part.kind, ""), **_UNITS}
    drift = next((one.rate for one in drifts if one.part == part.name), 0.0)
    return PartRow(
        name=part.name,
        kind=part.kind,
        nets=" to ".join(net for net in (part.a, part.b) if net),
        values=tuple(
            (name, value, quantity_text(value, units.get(name, "")))
            for name, value in sorted(part.values.items())
            if name != _DRIFT
        ),
        drift=f"drifts by {drift:.3g} of its value each second" if drift else "",
        contact=("closed" if part.is_closed else "open") if part.HasField("is_closed") else "",
    )
