"""The instrument types of a pin map, by element name, and how each type forms sessions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class SessionScope(Enum):
    """The extent of one session of an instrument type."""

    INSTRUMENT = "instrument"
    """One session for each instrument, task or relay driver module."""
    INSTRUMENT_GROUP = "group attribute"
    """One session for all instruments with the same `group`."""
    CHANNEL_GROUP = "channel group"
    """One session for all channel groups of one name, across instruments."""


@dataclass(frozen=True, slots=True)
class InstrumentType:
    """Rules of one instrument type."""

    type_id: str
    """The instrument type id of the pin map and session management APIs."""
    scope: SessionScope = SessionScope.INSTRUMENT
    """The extent of a session."""
    names_channels_by_pin: bool = False
    """True if channels are addressed as site0/PIN and not by number."""
    has_plain_session_name: bool = False
    """True if the session name is the resource name alone."""


DCPOWER = InstrumentType("niDCPower", SessionScope.CHANNEL_GROUP)
DIGITAL = InstrumentType(
    "niDigitalPattern", SessionScope.INSTRUMENT_GROUP, names_channels_by_pin=True
)
SCOPE = InstrumentType("niScope", SessionScope.INSTRUMENT_GROUP)
DMM = InstrumentType("niDMM")
FGEN = InstrumentType("niFGen")
DAQMX = InstrumentType("niDAQmx", has_plain_session_name=True)
RELAY_DRIVER = InstrumentType("niRelayDriver")

TYPE_OF_ELEMENT = {
    "NIDCPowerInstrument": DCPOWER,
    "NIDigitalPatternInstrument": DIGITAL,
    "NIScopeInstrument": SCOPE,
    "NIDmmInstrument": DMM,
    "NIFGenInstrument": FGEN,
    "NIDAQmxTask": DAQMX,
    "NIRelayDriverModule": RELAY_DRIVER,
}
"""Element names of the pin map schema; a custom instrument is the element `Instrument`."""

_TYPE_BY_ID = {known.type_id: known for known in TYPE_OF_ELEMENT.values()}


def instrument_type(type_id: str) -> InstrumentType:
    """Return the rules of an instrument type id. An unknown id is a custom instrument."""
    return _TYPE_BY_ID.get(type_id) or InstrumentType(type_id)
