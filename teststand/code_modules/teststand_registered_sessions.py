"""The sessions that this execution registered with the platform, and what crashed ones left.

The code modules that open sessions note here what they opened, and Cleanup closes that and nothing
else: the sessions of another execution on the station are not ours to close. The notes live as long
as the interpreter of the execution.
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
"""Seconds that a measurement which still runs in Cleanup has to end."""


@dataclass(frozen=True)
class _Registered:
    pin_map: PinMapContext
    names: frozenset[str]


_registered: dict[str, _Registered] = {}
"""What this execution registered, by instrument type."""


def register(
    client: SessionManagementClient,
    reservation: MultiSessionReservation,
    instrument_type_id: str,
    pin_map: PinMapContext,
) -> None:
    """Register the reserved sessions, which are open, for the steps that follow.

    Args:
        client: The session management client.
        reservation: The reservation.
        instrument_type_id: Instrument type of the sessions.
        pin_map: Pin map that the sessions are of.
    """
    client.register_sessions(reservation.session_info)
    names = frozenset(session.session_name for session in reservation.session_info)
    _registered[instrument_type_id] = _Registered(pin_map, names)


@contextmanager
def unregistering(
    client: SessionManagementClient, instrument_type_id: str
) -> Iterator[MultiSessionReservation | None]:
    """Reserve and unregister what this execution registered, so that it can be closed.

    The platform never ends the reservation of a process that died. In Cleanup no measurement of
    this execution runs any more, so whoever still holds one of its sessions is such a process, and
    its reservations are ended, also those of the other types: that wait is due once.

    Yields:
        The reservation; None when this execution registered no such session.
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
    """Unregister those of the reserved sessions that a run before registered and never closed.

    Returns:
        Whether there were any.
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
    """Close those of the reserved sessions that a crashed run left open.

    Opening the log comes first in Setup and refuses while another run is alive, so a session that
    is registered by the time the instruments are opened belongs to no living run.

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
        # The device server was started anew meanwhile: there is nothing to close.
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
