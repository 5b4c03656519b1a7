"""TestStand code module: open, register and close the NI-DCPower sessions of the pin map."""

from __future__ import annotations

from typing import Any

from ni.measurementlink.sessionmanagement.v1.client import (
    INSTRUMENT_TYPE_NI_DCPOWER,
    SessionInitializationBehavior,
    SessionManagementClient,
)
from teststand_pin_map import active_pin_map
from teststand_registered_sessions import reserve_registered_sessions


def create_nidcpower_sessions(sequence_context: Any) -> None:
    """Open the sessions of every SMU in the pin map and register them for the steps that follow.

    Args:
        sequence_context: TestStand's SequenceContext (a COM object; pass ``ThisContext``).
    """
    client = SessionManagementClient()
    with (
        client.reserve_sessions(
            active_pin_map(sequence_context), instrument_type_id=INSTRUMENT_TYPE_NI_DCPOWER
        ) as reservation,
        reservation.initialize_nidcpower_sessions(
            initialization_behavior=SessionInitializationBehavior.INITIALIZE_SESSION_THEN_DETACH
        ),
    ):
        client.register_sessions(reservation.session_info)


def destroy_nidcpower_sessions() -> None:
    """Close and unregister every registered NI-DCPower session."""
    client = SessionManagementClient()
    with reserve_registered_sessions(client, INSTRUMENT_TYPE_NI_DCPOWER) as reservation:
        if not reservation.session_info:
            return
        client.unregister_sessions(reservation.session_info)
        with reservation.initialize_nidcpower_sessions(
            initialization_behavior=SessionInitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE
        ):
            pass
