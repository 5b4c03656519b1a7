"""The gRPC service of session management: decode requests, call the core, encode answers."""

from __future__ import annotations

from typing import Any

import grpc.aio
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2 as pb
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2_grpc

from platform_sim.callers import CallerFinder
from platform_sim.session_management import messages
from platform_sim.session_management.reservations import Reserver
from platform_sim.session_management.sessions import SessionManagement

Context = grpc.aio.ServicerContext[Any, Any]


class SessionManagementServicer(
    session_management_service_pb2_grpc.SessionManagementServiceServicer
):
    """All RPCs of ni.measurementlink.sessionmanagement.v1.SessionManagementService."""

    def __init__(self, management: SessionManagement, callers: CallerFinder) -> None:
        self._management = management
        self._holders = callers

    async def ReserveSessions(  # noqa: N802
        self, request: pb.ReserveSessionsRequest, context: Context
    ) -> pb.ReserveSessionsResponse:
        """Reserve the sessions for pins and relays. Wait up to the timeout in the request."""
        where = request.pin_map_context
        reserved = await self._management.reserve(
            where.pin_map_id,
            where.sites,
            request.pin_or_relay_names,
            request.instrument_type_id,
            await self._reserver(request, context),
        )
        return pb.ReserveSessionsResponse(
            sessions=[messages.encode_session(one) for one in reserved.sessions],
            multiplexer_sessions=[
                messages.encode_multiplexer(one) for one in reserved.multiplexers
            ],
            group_mappings=messages.encode_groups(reserved.groups),
        )

    async def UnreserveSessions(  # noqa: N802
        self, request: pb.UnreserveSessionsRequest, context: Context
    ) -> pb.UnreserveSessionsResponse:
        """Free sessions."""
        self._management.reservations.release(one.session.name for one in request.sessions)
        return pb.UnreserveSessionsResponse()

    async def RegisterSessions(  # noqa: N802
        self, request: pb.RegisterSessionsRequest, context: Context
    ) -> pb.RegisterSessionsResponse:
        """Record sessions as open."""
        holder = await self._holders.find(context.peer())
        self._management.instruments.register(messages.decode_sessions(request.sessions, holder))
        return pb.RegisterSessionsResponse()

    async def UnregisterSessions(  # noqa: N802
        self, request: pb.UnregisterSessionsRequest, context: Context
    ) -> pb.UnregisterSessionsResponse:
        """Record sessions as closed."""
        self._management.instruments.unregister(one.session.name for one in request.sessions)
        return pb.UnregisterSessionsResponse()

    async def ReserveAllRegisteredSessions(  # noqa: N802
        self, request: pb.ReserveAllRegisteredSessionsRequest, context: Context
    ) -> pb.ReserveAllRegisteredSessionsResponse:
        """Reserve all open sessions."""
        sessions = await self._management.reserve_registered(
            request.instrument_type_id, await self._reserver(request, context)
        )
        return pb.ReserveAllRegisteredSessionsResponse(
            sessions=[messages.encode_session(one) for one in sessions]
        )

    async def RegisterMultiplexerSessions(  # noqa: N802
        self, request: pb.RegisterMultiplexerSessionsRequest, context: Context
    ) -> pb.RegisterMultiplexerSessionsResponse:
        """Record multiplexer sessions as open."""
        holder = await self._holders.find(context.peer())
        self._management.multiplexers.register(
            messages.decode_multiplexers(request.multiplexer_sessions, holder)
        )
        return pb.RegisterMultiplexerSessionsResponse()

    async def UnregisterMultiplexerSessions(  # noqa: N802
        self, request: pb.UnregisterMultiplexerSessionsRequest, context: Context
    ) -> pb.UnregisterMultiplexerSessionsResponse:
        """Record multiplexer sessions as closed."""
        self._management.multiplexers.unregister(
            one.session.name for one in request.multiplexer_sessions
        )
        return pb.UnregisterMultiplexerSessionsResponse()

    async def GetMultiplexerSessions(  # noqa: N802
        self, request: pb.GetMultiplexerSessionsRequest, context: Context
    ) -> pb.GetMultiplexerSessionsResponse:
        """List the multiplexer sessions between the pins of some sites and their instruments."""
        where = request.pin_map_context
        sessions = self._management.connected_multiplexers(
            where.pin_map_id, where.sites, request.multiplexer_type_id
        )
        return pb.GetMultiplexerSessionsResponse(
            multiplexer_sessions=[messages.encode_multiplexer(one) for one in sessions]
        )

    async def GetAllRegisteredMultiplexerSessions(  # noqa: N802
        self, request: pb.GetAllRegisteredMultiplexerSessionsRequest, context: Context
    ) -> pb.GetAllRegisteredMultiplexerSessionsResponse:
        """List the open multiplexer sessions."""
        return pb.GetAllRegisteredMultiplexerSessionsResponse(
            multiplexer_sessions=[
                messages.encode_multiplexer(one)
                for one in self._management.registered_multiplexers(request.multiplexer_type_id)
            ]
        )

    async def GetSessions(  # noqa: N802
        self, request: pb.GetSessionsRequest, context: Context
    ) -> pb.GetSessionsResponse:
        """List the sessions that are reserved or open."""
        return pb.GetSessionsResponse(
            sessions=[
                messages.encode_listed_session(one)
                for one in self._management.status(request.instrument_type_id)
            ],
            multiplexer_sessions=[
                messages.encode_multiplexer(one)
                for one in self._management.registered_multiplexers(request.multiplexer_type_id)
            ],
        )

    async def _reserver(
        self,
        request: pb.ReserveSessionsRequest | pb.ReserveAllRegisteredSessionsRequest,
        context: Context,
    ) -> Reserver:
        holder = await self._holders.find(context.peer())
        return Reserver(request.annotations, request.timeout_in_milliseconds, holder)
