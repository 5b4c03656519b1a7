"""List the models that can be simulated, and the open sessions."""

from __future__ import annotations

from dataclasses import dataclass

from device_sim.base.instrument import InstrumentSession
from device_sim.base.models import full_name
from device_sim.base.sessions import SessionTable
from device_sim.drivers import load_drivers


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
    """Return all models that the device server can simulate."""
    return [
        ModelInfo(
            driver=driver.name,
            number=model.number,
            name=full_name(model),
            channels=model.channels,
            default=model is driver.models.default,
            unverified=model.unverified,
        )
        for driver in load_drivers()
        for model in driver.models.models.values()
    ]


def describe_sessions(table: SessionTable[InstrumentSession]) -> list[SessionInfo]:
    """Return the open sessions of a server."""
    return [
        SessionInfo(name, driver, str(session.get("instrument_model")), session.channels.names)
        for name, driver, session in table
    ]
