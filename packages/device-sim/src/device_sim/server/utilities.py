"""Serve NI's SessionUtilities: list devices, reserve, reset the server."""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import Any

import grpc
import session_pb2
import session_pb2_grpc
from grpc import StatusCode

from device_sim.base.overview import OpenSession
from device_sim.base.sessions import SessionTable
from device_sim.call import Call, check_active, wake_on_end
from device_sim.errors import CallError
from device_sim.server.transport import GrpcCall, serve


class Reservations:
    """Named reservations. One client holds each; others wait in a queue."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders: dict[str, str] = {}
        self._generation = 0

    def reserve(self, reservation_id: str, client_id: str, call: Call) -> None:
        """Reserve for a client. Wait until no other client holds the reservation.

        Raises:
            CallError: A field is empty, the client holds it already, or a reset came meanwhile.
            CallCancelledError: The caller stopped waiting.
        """
        _require(reservation_id, client_id)
        with self._changed:
            if self._holders.get(reservation_id) == client_id:
                raise CallError(
                    StatusCode.FAILED_PRECONDITION,
                    "The provided reservation_id is already reserved by the provided client_id.",
                )
            generation = self._generation
            if reservation_id in self._holders:
                wake_on_end(call, self._changed)
            while reservation_id in self._holders:
                check_active(call)
                self._changed.wait()
            check_active(call)  # the caller may have left just before the reservation became free
            if generation != self._generation:
                raise CallError(
                    StatusCode.ABORTED,
                    "The reservation attempt was aborted by another server operation.",
                )
            self._holders[reservation_id] = client_id

    def is_reserved_by(self, reservation_id: str, client_id: str) -> bool:
        """Return whether this client holds it."""
        return bool(client_id) and self._holders.get(reservation_id) == client_id

    def unreserve(self, reservation_id: str, client_id: str) -> bool:
        """Release the reservation. Return whether this client held it."""
        with self._changed:
            held = self.is_reserved_by(reservation_id, client_id)
            if held:
                del self._holders[reservation_id]
                self._changed.notify_all()
            return held

    def reset(self) -> None:
        """Drop all reservations and refuse all waiting clients."""
        with self._changed:
            self._holders.clear()
            self._generation += 1
            self._changed.notify_all()


def _require(reservation_id: str, client_id: str) -> None:
    if not reservation_id or not client_id:
        raise CallError(
            StatusCode.INVALID_ARGUMENT,
            "You must specify a non-empty reservation_id and client_id.",
        )


class SessionUtilitiesServicer(session_pb2_grpc.SessionUtilitiesServicer):
    """The service `nidevice_grpc.SessionUtilities`.

    Args:
        sessions: The sessions of all drivers.
    """

    def __init__(self, sessions: SessionTable[OpenSession]) -> None:
        self._sessions = sessions
        self._reservations = Reservations()

    def EnumerateDevices(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """List the instruments of all open sessions."""
        found = {
            facts.name: facts for _, _, session in self._sessions for facts in session.instruments
        }
        return session_pb2.EnumerateDevicesResponse(
            devices=[session_pb2.DeviceProperties(**asdict(facts)) for facts in found.values()]
        )

    def Reserve(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Reserve for a client. Wait until no other client holds the reservation."""
        ids = (request.reservation_id, request.client_id)
        serve(lambda: self._reservations.reserve(*ids, GrpcCall(context)), context)
        return session_pb2.ReserveResponse(is_reserved=True)

    def IsReservedByClient(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Return whether the client holds the reservation."""
        held = self._reservations.is_reserved_by(request.reservation_id, request.client_id)
        return session_pb2.IsReservedByClientResponse(is_reserved=held)

    def Unreserve(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Release a reservation."""
        held = self._reservations.unreserve(request.reservation_id, request.client_id)
        return session_pb2.UnreserveResponse(is_unreserved=held)

    def ResetServer(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Drop all reservations and close all sessions."""
        self._reservations.reset()
        for session in self._sessions.clear():
            session.close()
        return session_pb2.ResetServerResponse(is_server_reset=True)
