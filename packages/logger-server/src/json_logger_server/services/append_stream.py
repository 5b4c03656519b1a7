"""The server's side of an append stream: several batches under way, answered in their order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.names import MOST_BATCH_BYTES
from session_sharing.core.errors import LimitExceededError, ServerDrainingError
from session_sharing.core.registry import SessionRegistry
from session_sharing.core.sessions import Session
from session_sharing.server import calls

from json_logger_server.history import Batch
from json_logger_server.json_log import Appending
from json_logger_server.services.appending import outcome

_MAX_BATCHES = 32
"""Batches under way on one stream; the client is read no further meanwhile."""
_MAX_BYTES = 32 * 1024 * 1024
"""Their bytes, unless a single batch has more."""

Begin = Callable[[pb.AppendRequest, Batch | None], tuple[Session, Appending]]
"""Starts to append a request's records after an earlier batch."""


@dataclass(slots=True)
class _UnderWay:
    request: pb.AppendRequest
    session: Session
    appending: Appending


class AppendStream:
    """One stream: a task reads ahead and begins, while answers go out one after the other."""

    def __init__(self, registry: SessionRegistry, draining: asyncio.Event, begin: Begin) -> None:
        self._registry = registry
        self._draining = draining
        self._begin = begin
        self._held = calls.held()
        self._under_way: asyncio.Queue[_UnderWay | Exception | None] = asyncio.Queue(_MAX_BATCHES)
        self._bytes = 0
        self._room = asyncio.Event()

    async def answers(
        self, requests: AsyncIterator[pb.AppendRequest]
    ) -> AsyncIterator[pb.AppendResponse]:
        """Append what comes and answer each batch; the first that is refused ends the stream.

        Raises:
            SessionSharingError: Why a batch was refused; it and all later ones are not written.
        """
        reader = asyncio.ensure_future(self._read(requests))
        drained = asyncio.ensure_future(self._draining.wait())
        drained.add_done_callback(lambda _: reader.cancel())
        try:
            while (item := await self._under_way.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield await self._answer(item)
        finally:
            reader.cancel()
            drained.cancel()

    async def _answer(self, item: _UnderWay) -> pb.AppendResponse:
        first_seq = await outcome(self._registry, item.session, item.appending)
        self._bytes -= len(item.request.ndjson)
        self._held.give_back_bytes(len(item.request.ndjson))
        self._room.set()
        return appended(item.request, first_seq)

    async def _read(self, requests: AsyncIterator[pb.AppendRequest]) -> None:
        previous: Batch | None = None
        end: Exception | None = None
        try:
            async for request in self._whole(requests):
                session, appending = self._begin(request, previous)
                previous = appending.batch
                await self._under_way.put(_UnderWay(request, session, appending))
                await self._wait_for_room(len(request.ndjson))
        except asyncio.CancelledError:
            if not self._draining.is_set():
                raise
            end = ServerDrainingError("The server is stopping; send the rest to its successor.")
        except Exception as error:
            end = error
        await self._under_way.put(end)

    async def _whole(
        self, requests: AsyncIterator[pb.AppendRequest]
    ) -> AsyncIterator[pb.AppendRequest]:
        """Put batches together that come in pieces; count the bytes of all as held.

        Raises:
            LimitExceededError: A batch is too large, or too many bytes are under way.
        """
        pieces: list[bytes] = []
        size = 0
        async for request in requests:
            self._held.take_bytes(len(request.ndjson))
            size += len(request.ndjson)
            if size > MOST_BATCH_BYTES:
                raise LimitExceededError(
                    f"A batch has {MOST_BATCH_BYTES} bytes at most.", limit="message_bytes"
                )
            if pieces or request.continued:
                pieces.append(request.ndjson)
            if request.continued:
                continue
            if pieces:
                request.ndjson = b"".join(pieces)
            pieces, size = [], 0
            yield request

    async def _wait_for_room(self, more: int) -> None:
        self._bytes += more
        while self._bytes > _MAX_BYTES:
            self._room.clear()
            await self._room.wait()


def appended(request: pb.AppendRequest, first_seq: int) -> pb.AppendResponse:
    """Acknowledge a batch."""
    return pb.AppendResponse(
        client_seq=request.first_client_seq + request.count - 1,
        first_seq=first_seq,
        count=request.count,
    )
