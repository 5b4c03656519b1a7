"""Reserve the sessions that an execution registered, also after a plug-in died holding them."""

from __future__ import annotations

import grpc
from ni.measurementlink.discovery.v1.client import DiscoveryClient
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2 as sessions_pb
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2_grpc
from ni.measurementlink.sessionmanagement.v1.client import (
    GRPC_SERVICE_CLASS,
    GRPC_SERVICE_INTERFACE_NAME,
    MultiSessionReservation,
    SessionManagementClient,
)

_TIMEOUT = 3.0
"""Seconds that a measurement which still runs has to end."""


def reserve_registered_sessions(
    client: SessionManagementClient, instrument_type_id: str
) -> MultiSessionReservation:
    """Reserve every registered session of an instrument type, to close them.

    The platform never ends the reservation of a process that died. Cleanup runs after the last
    measurement of the execution, so whoever still holds a registered session then is such a
    process, or holds it past the time when it is closed; its reservation is ended.

    Args:
        client: The session management client.
        instrument_type_id: Instrument type of the sessions.

    Raises:
        grpc.RpcError: The platform refused for another reason.
    """
    try:
        return client.reserve_all_registered_sessions(instrument_type_id, timeout=_TIMEOUT)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
    _end_reservations(instrument_type_id)
    return client.reserve_all_registered_sessions(instrument_type_id, timeout=_TIMEOUT)


def _end_reservations(instrument_type_id: str) -> None:
    location = DiscoveryClient().resolve_service(GRPC_SERVICE_INTERFACE_NAME, GRPC_SERVICE_CLASS)
    with grpc.insecure_channel(location.insecure_address) as channel:
        stub = session_management_service_pb2_grpc.SessionManagementServiceStub(channel)
        request = sessions_pb.GetSessionsRequest(instrument_type_id=instrument_type_id)
        held = [one for one in stub.GetSessions(request).sessions if one.session_exists]
        stub.UnreserveSessions(sessions_pb.UnreserveSessionsRequest(sessions=held))
