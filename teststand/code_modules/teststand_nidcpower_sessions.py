"""TestStand code module: open, register and close the NI-DCPower sessions of the pin map."""

from __future__ import annotations

from typing import Any

from ni.measurementlink.sessionmanagement.v1.client import (
    INSTRUMENT_TYPE_NI_DCPOWER,
    SessionInitializationBehavior,
    SessionManagementClient,
)
from teststand_pin_map import active_pin_map
from teststand_registered_sessions import close_left_behind, register, unregistering


def create_nidcpower_sessions(sequence_context: Any) -> None:
    """Open the sessions of every SMU in the pin map, and register them for the later steps.

    Args:
        sequence_context: TestStand's SequenceContext (a COM object; pass ``ThisContext``).
    """
    client = SessionManagementClient()
    pin_map = active_pin_map(sequence_context)
    with client.reserve_sessions(
        pin_map, instrument_type_id=INSTRUMENT_TYPE_NI_DCPOWER
    ) as reservation:
        close_left_behind(client, reservation, reservation.initialize_nidcpower_sessions)
        with reservation.initialize_nidcpower_sessions(
            initialization_behavior=SessionInitializationBehavior.INITIALIZE_SESSION_THEN_DETACH
        ):
            register(client, reservation, INSTRUMENT_TYPE_NI_DCPOWER, pin_map)


def destroy_nidcpower_sessions() -> None:
    """Close and unregister the NI-DCPower sessions that this execution opened."""
    client = SessionManagementClient()
    with unregistering(client, INSTRUMENT_TYPE_NI_DCPOWER) as reservation:
        if reservation is None:
            return
        with reservation.initialize_nidcpower_sessions(
            initialization_behavior=SessionInitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE
        ):
            pass
