"""List the models that can be simulated, the open sessions, and the channels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from device_sim.base.overview import ChannelState, OpenSession, Quantity
from device_sim.base.sessions import SessionTable
from device_sim.drivers import list_folders
from device_sim.errors import BenchError

if TYPE_CHECKING:
    from device_sim.bench import Bench


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """An instrument model that can be simulated."""

    driver: str
    """The driver's Python package, `nidcpower`."""

    number: str
    """The model's number. A driver's option string gives it as Model."""

    name: str
    """The full name, `NI PXIe-4141`."""

    channels: int
    """Number of channels."""

    default: bool
    """True if a session gets this model when its options name none."""

    unverified: str
    """The figures that no public document gives; empty if all are public."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """An open session of a device server."""

    name: str
    """The session's name."""

    driver: str
    """The driver's Python package."""

    model: str
    """The model's full name."""

    channels: tuple[str, ...]
    """The channels in it, in order."""


@dataclass(slots=True)
class ChannelInfo:
    """A channel that is wired, or that an open session has, at one moment."""

    name: str
    """The full name, `SMU1/0`."""

    driver: str = ""
    """The driver's Python package; empty if it is not known."""

    model: str = ""
    """The model's full name; empty if it is not known."""

    sessions: list[str] = field(default_factory=list)
    """The names of the open sessions that have it."""

    nets: tuple[str, str] = ("", "")
    """The nets at the high and low terminal; empty if it is not wired."""

    is_open: bool = False
    """True if `disconnect` opened its connection."""

    output_on: bool | None = None
    """Whether the output is on; None if it has no output, or no session is open."""

    setpoints: tuple[Quantity, ...] = ()
    """The configured values of its session."""

    volts: float | None = None
    """The exact voltage at the terminals; None if it is not wired, or there is a problem."""

    amperes: float | None = None
    """The exact current out of the high terminal; None as for `volts`."""

    is_limited: bool = False
    """True if the output is at its limit."""

    problem: str = ""
    """Why there is no voltage and current; empty if there is."""

    @property
    def instrument(self) -> str:
        """The instrument, `SMU1`."""
        return self.name.partition("/")[0]


def list_models() -> list[ModelInfo]:
    """Return all models that the device server can simulate. This loads no driver."""
    return [
        ModelInfo(
            driver=folder.name,
            number=number,
            name=folder.models.full_name(number),
            channels=len(folder.models.channel_names(number)),
            default=number == folder.models.default,
            unverified=folder.models.unverified(number),
        )
        for folder in list_folders()
        for number in folder.models.rows
    ]


def describe_sessions(table: SessionTable[OpenSession]) -> list[SessionInfo]:
    """Return the open sessions of a server."""
    return [
        SessionInfo(name, driver, session.model_name, session.channel_names)
        for name, driver, session in table
    ]


def describe_channels(table: SessionTable[OpenSession], bench: Bench) -> list[ChannelInfo]:
    """Return the channels that are wired and those of the open sessions, all at one moment.

    This has no effect on the bench: it reads the exact values, not the instruments.
    """
    found: dict[str, ChannelInfo] = {}
    with bench.timeline.lock:
        for wire in bench.wires:
            info = ChannelInfo(wire.channel, nets=wire.nets, is_open=wire.is_open)
            _add_model(info, bench.model_of(info.instrument))
            _add_reading(info, bench)
            found[wire.channel.lower()] = info
        for session_name, driver, session in table:
            for name, state in session.overview():
                info = found.setdefault(name.lower(), ChannelInfo(name))
                info.sessions.append(session_name)
                info.driver, info.model = driver, session.model_name
                _add_state(info, state)
    return sorted(found.values(), key=lambda info: list(_parts_of(info.name)))


def _add_model(info: ChannelInfo, number: str | None) -> None:
    """Add the driver and model that the bench file names."""
    for folder in list_folders() if number else ():
        model = folder.models.find(str(number))
        if model:
            info.driver, info.model = folder.name, folder.models.full_name(model)


def _add_reading(info: ChannelInfo, bench: Bench) -> None:
    try:
        state = bench.present(info.name)
    except BenchError as error:
        info.problem = str(error)
    else:
        info.volts, info.amperes, info.is_limited = state.voltage, state.current, state.limited


def _add_state(info: ChannelInfo, state: ChannelState) -> None:
    """Add the state in a session. Of several sessions, the one whose output is on counts."""
    if not info.output_on:
        info.output_on, info.setpoints = state.output_on, state.setpoints


def _parts_of(name: str) -> Iterator[tuple[int, int, str]]:
    """Yield the parts of a name in a form in which 10 comes after 2."""
    for part in re.split(r"(\d+)", name.lower()):
        yield (0, int(part), "") if part.isdecimal() else (1, 0, part)
