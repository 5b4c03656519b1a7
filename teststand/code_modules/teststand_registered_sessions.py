"""Register and unregister sessions with the platform, and close those that a crashed run left open.

The code modules that open sessions note them here, and Cleanup closes only these sessions. So it
never closes the sessions of another execution on the station. The notes exist until the interpreter
of the execution ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from ni.measurementlink.discovery.v1.client import DiscoveryClient
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2 as sessions_pb
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2_grpc
from ni.measurementlink.sessionmanagement.v1.client import (
    GRPC_SERVICE_CLASS,
    GRPC_SERVICE_INTERFACE_NAME,
    MultiSessionReservation,
    PinMapContext,
    SessionInitializationBehavior,
    SessionManagementClient,
)

_TIMEOUT = 3.0
"""Seconds in which a measurement that still runs in Cleanup must end."""


@dataclass(frozen=True)
class _Registered:
    pin_map: PinMapContext
    names: frozenset[str]


_registered: dict[str, _Registered] = {}
"""The sessions that this execution registered, by instrument type."""


def register(
    client: SessionManagementClient,
    reservation: MultiSessionReservation,
    instrument_type_id: str,
    pin_map: PinMapContext,
) -> None:
    """Register the reserved sessions, which are open, for the later steps.

    Args:
        client: The session management client.
        reservation: The reservation.
        instrument_type_id: Instrument type of the sessions.
        pin_map: Pin map of the sessions.
    """
    client.register_sessions(reservation.session_info)
    names = frozenset(session.session_name for session in reservation.session_info)
    _registered[instrument_type_id] = _Registered(pin_map, names)


@contextmanager
def unregistering(
    client: SessionManagementClient, instrument_type_id: str
) -> Iterator[MultiSessionReservation | None]:
    """Reserve and unregister the sessions that this execution registered, so that they can close.

    The platform never ends the reservation of a process that was killed. In Cleanup no measurement
    of this execution runs any more. So a process that still holds a reservation of these sessions
    was killed, and its reservations are ended here. Those of the other instrument types are ended
    at the same time, so that the wait for them is needed only once.

    Yields:
        The reservation; None if this execution registered no session of this type.
    """
    registered = _registered.pop(instrument_type_id, None)
    if registered is None:
        yield None
        return
    with _reserve(client, instrument_type_id, registered) as reservation:
        client.unregister_sessions(reservation.session_info)
        yield reservation


def unregister_left_behind(
    client: SessionManagementClient, reservation: MultiSessionReservation
) -> bool:
    """Unregister the reserved sessions that an earlier run registered and never closed.

    Returns:
        Whether there were such sessions.
    """
    left = [session for session in reservation.session_info if session.session_exists]
    if left:
        client.unregister_sessions(left)
    return bool(left)


def close_left_behind(
    client: SessionManagementClient,
    reservation: MultiSessionReservation,
    initialize_sessions: Callable[..., AbstractContextManager[Any]],
) -> None:
    """Close the reserved sessions that a crashed run left open.

    Setup opens the log first, and this is refused during another run. So a session that is already
    registered when the instruments are opened does not belong to a running execution.

    Args:
        client: The session management client.
        reservation: The reservation.
        initialize_sessions: Its method for the driver, such as ``initialize_nidmm_sessions``.
    """
    if not unregister_left_behind(client, reservation):
        return
    try:
        with initialize_sessions(
            initialization_behavior=SessionInitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE
        ):
            pass
    except Exception as error:
        # The device server was restarted in the meantime, so the session no longer exists.
        if getattr(error, "rpc_code", None) is not grpc.StatusCode.FAILED_PRECONDITION:
            raise


def _reserve(
    client: SessionManagementClient, instrument_type_id: str, registered: _Registered
) -> MultiSessionReservation:
    def reserve() -> MultiSessionReservation:
        return client.reserve_sessions(
            registered.pin_map, instrument_type_id=instrument_type_id, timeout=_TIMEOUT
        )

    try:
        return reserve()
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
    held = [registered.names, *(other.names for other in _registered.values())]
    _end_reservations(frozenset[str]().union(*held))
    return reserve()


def _end_reservations(names: frozenset[str]) -> None:
    location = DiscoveryClient().resolve_service(GRPC_SERVICE_INTERFACE_NAME, GRPC_SERVICE_CLASS)
    with grpc.insecure_channel(location.insecure_address) as channel:
        stub = session_management_service_pb2_grpc.SessionManagementServiceStub(channel)
        sessions = stub.GetSessions(sessions_pb.GetSessionsRequest()).sessions
        held = [one for one in sessions if one.session.name in names]
        stub.UnreserveSessions(sessions_pb.UnreserveSessionsRequest(sessions=held))
