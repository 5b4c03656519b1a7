"""Serve SessionLifecycle: decode requests, call the core, encode answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from session_sharing.core.clients import Clients
from session_sharing.core.registry import SessionRegistry
from session_sharing.core.sessions import Opened
from session_sharing.server import calls, messages
from session_sharing.server.interceptor import Context
from session_sharing.server.signals import Signal
from session_sharing.v1 import lifecycle_pb2 as pb
from session_sharing.v1 import lifecycle_pb2_grpc


class SessionLifecycleServicer(lifecycle_pb2_grpc.SessionLifecycleServicer):
    """Serves one registry and its clients."""

    def __init__(
        self,
        registry: SessionRegistry,
        clients: Clients,
        *,
        draining: asyncio.Event,
        identity: pb.GetServerInfoResponse,
        counters: Callable[[], Mapping[str, float]],
    ) -> None:
        self._registry = registry
        self._clients = clients
        self._draining = draining
        self._identity = identity
        self._counters = counters

    async def Hold(self, request: pb.HoldRequest, context: Context) -> AsyncIterator[pb.HoldEvent]:  # noqa: N802
        """See lifecycle.proto."""
        # A connection's pings cannot prove presence faster than its listener's window.
        window = max(request.window_ms / 1000, calls.default_window())
        client, resumed = self._clients.hold(
            request.client_secret, window, request.label, calls.principal()
        )
        try:
            yield messages.granted(client, resumed, self._identity.epoch)
            if client.expiry is not None and not resumed:
                yield messages.expired(client.expiry)
            await self._draining.wait()
            yield pb.HoldEvent(draining=pb.HoldEvent.Draining())
        finally:
            self._clients.release(client)

    async def Open(self, request: pb.OpenRequest, context: Context) -> pb.OpenResponse:  # noqa: N802
        """See lifecycle.proto."""
        answer = self._clients.open(
            request.client_secret,
            messages.open_request(request, calls.principal()),
            request.request_id,
            by_calls=request.without_presence,
        )
        waiting = asyncio.wrap_future(answer)
        try:
            opened = await asyncio.shield(waiting)
        except asyncio.CancelledError:
            self._clients.caller_left(answer)
            waiting.add_done_callback(_retrieve_error)
            raise
        return messages.open_response(opened, self._identity)

    async def Detach(self, request: pb.DetachRequest, context: Context) -> pb.DetachResponse:  # noqa: N802
        """See lifecycle.proto."""
        calls.current().end_use()  # the end of the attachment must not wait for this call
        closed = self._registry.end(calls.attachment())
        return pb.DetachResponse(session_closed=await asyncio.wrap_future(closed))

    async def Close(self, request: pb.CloseRequest, context: Context) -> pb.CloseResponse:  # noqa: N802
        """See lifecycle.proto."""
        principal, administrates = calls.principal(), calls.may_administrate()
        if request.WhichOneof("session") == "attachment":
            attachment = self._registry.attachment(request.attachment, principal)
            closed = self._registry.close(
                attachment.session, principal, attachment, by_administrator=administrates
            )
        else:
            session = self._registry.session(request.session_name)
            closed = self._registry.close(session, principal, by_administrator=administrates)
        return pb.CloseResponse(session_closed=await asyncio.wrap_future(closed))

    async def ListSessions(  # noqa: N802
        self, request: pb.ListSessionsRequest, context: Context
    ) -> pb.ListSessionsResponse:
        """See lifecycle.proto."""
        found = self._registry.sessions(request.name_prefix)
        failed = self._registry.failed_sessions()
        return pb.ListSessionsResponse(
            sessions=[messages.session_info(item) for item in found],
            failed=[
                messages.failed_session(item)
                for item in failed
                if item.session.name.startswith(request.name_prefix)
            ],
        )

    async def Watch(  # noqa: N802
        self, request: pb.WatchRequest, context: Context
    ) -> AsyncIterator[pb.WatchResponse]:
        """See lifecycle.proto."""
        events = self._registry.events
        epoch = self._identity.epoch
        revision = request.from_revision or events.revision + 1
        if request.epoch not in ("", epoch):
            revision = 1
        yield pb.WatchResponse(started=pb.WatchResponse.Started(epoch=epoch))
        with Signal(events.listen, self._draining) as more:
            while True:
                found, revision = events.since(revision, request.name_prefix)
                for event in found:
                    yield messages.watch_response(event)
                if not await more.wait():
                    yield pb.WatchResponse(draining=pb.WatchResponse.Draining())
                    return

    async def GetServerInfo(  # noqa: N802
        self, request: pb.GetServerInfoRequest, context: Context
    ) -> pb.GetServerInfoResponse:
        """See lifecycle.proto."""
        info = pb.GetServerInfoResponse()
        info.CopyFrom(self._identity)
        info.draining = self._draining.is_set()
        info.counters.update(self._counters())
        return info


def _retrieve_error(answer: asyncio.Future[Opened]) -> None:
    """Keep asyncio from logging an error for which no caller waits any more."""
    if not answer.cancelled():
        answer.exception()
