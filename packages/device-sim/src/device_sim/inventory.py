"""List the models that can be simulated, and the open sessions."""

from __future__ import annotations

from dataclasses import dataclass

from device_sim.base.instrument import InstrumentSession
from device_sim.base.sessions import SessionTable
from device_sim.drivers import list_folders


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


def describe_sessions(table: SessionTable[InstrumentSession]) -> list[SessionInfo]:
    """Return the open sessions of a server."""
    return [
        SessionInfo(name, driver, str(session.get("instrument_model")), session.channels.names)
        for name, driver, session in table
    ]
