"""Names and limits that are the same in the server and in its clients."""

from __future__ import annotations

import enum

from session_sharing.finding import ServerNames

__all__ = [
    "ATTACHMENT_KEY",
    "DEVICE_SERVER",
    "INSTRUMENT_TYPE",
    "KIND",
    "LARGEST_REGISTER_VALUE",
    "LINES_OF_A_PORT",
    "PORTS",
    "WHOLE_PORT",
    "Protocol",
]

KIND = "device"
"""Resource kind of custom instruments in the SessionLifecycle service."""

INSTRUMENT_TYPE = "DeviceCommunicationService"
"""Type of the custom instrument in a pin map, the same as the reference's."""

ATTACHMENT_KEY = "session-sharing-attachment"
"""Metadata in which a client sends the id of its attachment with a call of the reference."""

PORTS = 4
"""GPIO ports of a device."""

LINES_OF_A_PORT = 8

WHOLE_PORT = 0xFF
"""Mask with all lines of a port."""

LARGEST_REGISTER_VALUE = 0xFFFF_FFFF
"""Registers of the protocol have 32 bits; the reference's client writes and reads 8 of them."""

DEVICE_SERVER = ServerNames(
    what="device server",
    program="device-comm",
    target_variable="DEVICE_COMM_TARGET",
    token_file_variable="DEVICE_COMM_TOKEN_FILE",  # noqa: S106 - names a variable, is no secret
    discovery_interface="ni.device_control.v1.service",
    discovery_class="ni.DeviceControl.CommService",
    ni_extra="measurement-device-communication[ni]",
)
"""The names by which clients find the server; those in discovery are the reference's."""


class Protocol(enum.IntEnum):
    """The bus over which a device is reached; the integers are those of the reference."""

    UNKNOWN_PROTOCOL = 0
    """Not accepted when a session is opened."""
    SPI = 1
    I2C = 2
    UART = 3
