"""The levels and the timing of channels: how a pattern becomes voltages, and they become states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class Termination(IntEnum):
    """What a channel does while it does not drive, as in `nidigital.TerminationMode`."""

    ACTIVE_LOAD = 1200
    VTERM = 1201
    HIGH_Z = 1202


class DriveFormat(IntEnum):
    """The level after the data of a cycle, as in `nidigital.DriveFormat`."""

    NR = 1500
    RL = 1501
    RH = 1502
    SBC = 1503


@dataclass(frozen=True, slots=True)
class Levels:
    """The voltages and currents of a channel."""

    vil: float = 0.0
    """Volts that drive a 0."""

    vih: float = 3.3
    """Volts that drive a 1."""

    vol: float = 1.6
    """Volts below which a comparison finds L."""

    voh: float = 1.7
    """Volts above which a comparison finds H."""

    vterm: float = 2.0
    """Volts behind 50 Ω of the termination VTERM."""

    termination: Termination = Termination.HIGH_Z
    """What the channel does while it does not drive."""

    iol: float = 1.5e-3
    """Amperes that the active load sinks if its pin is above `vcom`."""

    ioh: float = -1.5e-3
    """Amperes that the active load sources if its pin is below `vcom`; negative."""

    vcom: float = 2.0
    """Volts at which the active load changes its direction."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The edges of a channel in a cycle, in seconds since its begin."""

    drive_format: DriveFormat = DriveFormat.NR
    """The level after the data."""

    on: float = 0.0
    """When it begins to drive, if it did not drive before."""

    data: float = 0.0
    """When the level of the state comes."""

    returns: float = 0.0
    """When the level of the format comes, unless the format is NR."""

    off: float = 0.0
    """When it ceases to drive, if the next state is not driven."""

    strobe: float = 0.0
    """When it compares."""

    data2: float = 0.0
    """As `data`, for the second DUT cycle."""

    returns2: float = 0.0
    """As `returns`, for the second DUT cycle."""

    strobe2: float = 0.0
    """As `strobe`, for the second DUT cycle."""

    multiplier: int = 1
    """DUT cycles of a cycle: 1 or 2."""


@dataclass(frozen=True, slots=True)
class TimeSet:
    """The timing of a cycle."""

    name: str
    """Its name."""

    period: float = 1e-6
    """Seconds of a cycle."""

    edges: Mapping[str, Edges] = field(default_factory=dict)
    """The edges of each channel, by its qualified name."""

    def of(self, channel: str) -> Edges:
        """Return the edges of a channel."""
        return self.edges.get(channel, _AT_ONCE)


_AT_ONCE = Edges()
