"""TestStand code module: open, use and close the custom instruments of the pin map.

As the log does, the module takes over a session that a crashed run left open, and stays attached
until the interpreter of the execution ends, so that no other run takes over this one's.
"""

from __future__ import annotations

import logging
from typing import Any

from device_comm import (
    DEVICE_COMMUNICATION_INSTRUMENT_TYPE,
    DeviceCommunicationClient,
    DeviceCommunicationSessionConstructor,
)
from ni.measurementlink.sessionmanagement.v1.client import (
    SessionInitializationBehavior,
    SessionManagementClient,
)
from teststand_pin_map import active_pin_map
from teststand_registered_sessions import register, unregister_left_behind, unregistering

_logger = logging.getLogger(__name__)

_attached: list[DeviceCommunicationClient] = []
"""The clients that keep this execution attached."""


def create_device_comm_sessions(sequence_context: Any, register_map_path: str = "") -> None:
    """Open every custom instrument of the pin map, and register it for the later steps.

    Args:
        sequence_context: TestStand's SequenceContext (a COM object; pass ``ThisContext``).
        register_map_path: CSV file with the registers, on the server's host; empty for instruments
            of which only the GPIO lines are used.
    """
    client = SessionManagementClient()
    pin_map = active_pin_map(sequence_context)
    open_device = DeviceCommunicationSessionConstructor(
        register_map_path,
        initialization_behavior=SessionInitializationBehavior.INITIALIZE_SESSION_THEN_DETACH,
        reclaim=True,
    )
    with client.reserve_sessions(
        pin_map, instrument_type_id=DEVICE_COMMUNICATION_INSTRUMENT_TYPE
    ) as reservation:
        for session in reservation.session_info:
            device = open_device(session)
            _attached.append(device)
            _logger.info("opened the device %s", session.resource_name)
        unregister_left_behind(client, reservation)
        register(client, reservation, DEVICE_COMMUNICATION_INSTRUMENT_TYPE, pin_map)


def write_gpio_port(sequence_context: Any, port: float, mask: float, state: float) -> None:
    """Drive GPIO lines of every custom instrument of the pin map.

    Args:
        sequence_context: TestStand's SequenceContext (a COM object; pass ``ThisContext``).
        port: The port; TestStand's numbers are floating-point.
        mask: The lines to drive, as bits; the others stay as they are.
        state: The levels, as bits.
    """
    attach = DeviceCommunicationSessionConstructor(
        initialization_behavior=SessionInitializationBehavior.ATTACH_TO_SERVER_SESSION
    )
    with (
        SessionManagementClient().reserve_sessions(
            active_pin_map(sequence_context),
            instrument_type_id=DEVICE_COMMUNICATION_INSTRUMENT_TYPE,
        ) as reservation,
        reservation.initialize_sessions(attach, DEVICE_COMMUNICATION_INSTRUMENT_TYPE) as devices,
    ):
        for device in devices:
            device.session.set_port(int(port), int(state), int(mask))


def destroy_device_comm_sessions() -> None:
    """Close and unregister the sessions that this execution opened; no line is driven any more."""
    client = SessionManagementClient()
    close_device = DeviceCommunicationSessionConstructor(
        initialization_behavior=SessionInitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE
    )
    with unregistering(client, DEVICE_COMMUNICATION_INSTRUMENT_TYPE) as reservation:
        if reservation is not None:
            with reservation.initialize_sessions(
                close_device, DEVICE_COMMUNICATION_INSTRUMENT_TYPE
            ):
                pass
    while _attached:
        _attached.pop().detach()
