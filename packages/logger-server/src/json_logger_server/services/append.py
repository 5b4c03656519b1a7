"""Append batches to the logs of sessions, for unary calls and for streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.names import MOST_BATCH_BYTES
from session_sharing.server import (
    LimitExceededError,
    ResourceLostError,
    ServerDrainingError,
    Session,
    SessionRegistry,
    calls,
)

from json_logger_server.batch import PendingBatch
from json_logger_server.json_log import log_of
from json_logger_server.records import decode_batch

_MAX_BATCHES = 32
"""Batches of one stream that may wait for their write. Until one is written, the server reads no
more from the client."""
_MAX_BYTES = 32 * 1024 * 1024
"""Bytes of those batches; a single batch may have more."""


def decode(
    request: pb.AppendRequest, after: PendingBatch | None = None
) -> tuple[Session, PendingBatch]:
    """Read the records of a request.

    Args:
        request: A whole batch.
        after: The batch that must be in the file before this one.

    Returns:
        The session of the attachment that the request names, and the batch for its log.

    Raises:
        InvalidArgumentError: A record breaks the protocol.
    """
    attachment = calls.attachment()
    ndjson = request.ndjson
    batch = PendingBatch(
        decode_batch(ndjson, request.count),
        attachment.client.id,
        request.first_client_seq,
        attachment.label,
        len(ndjson),
        after,
    )
    return attachment.session, batch


def encode(batch: PendingBatch) -> pb.AppendResponse:
    """Return the acknowledgement of a batch that is in the file."""
    count = len(batch.records)
    return pb.AppendResponse(
        client_seq=batch.first_client_seq + count - 1, first_seq=batch.first_seq, count=count
    )


async def append(registry: SessionRegistry, session: Session, batch: PendingBatch) -> None:
    """Append a batch to a session's log, and return when it is in the file.

    Raises:
        SessionSharingError: Nothing was written; the error gives the reason.
    """
    log_of(session).append(batch)
    await finish(registry, session, batch)


async def finish(registry: SessionRegistry, session: Session, batch: PendingBatch) -> None:
    """Wait for a batch that the log has taken. End the session of a lost log; rotate a full log.

    Raises:
        SessionSharingError: Nothing was written; the error gives the reason.
    """
    try:
        await batch.outcome()
    except ResourceLostError as error:
        registry.fail(session, str(error))
        raise
    log = log_of(session)
    if log.is_full:
        log.rotate(partial(registry.move, session))


class AppendStream:
    """One stream. A task reads requests ahead and begins their writes; answers keep the order."""

    def __init__(self, registry: SessionRegistry, draining: asyncio.Event) -> None:
        self._registry = registry
        self._draining = draining
        self._held = calls.held()
        self._under_way: asyncio.Queue[tuple[Session, PendingBatch] | Exception | None] = (
            asyncio.Queue(_MAX_BATCHES)
        )
        self._bytes = 0
        self._room = asyncio.Event()

    async def answers(
        self, requests: AsyncIterator[pb.AppendRequest]
    ) -> AsyncIterator[pb.AppendResponse]:
        """Append the batches of a stream, and answer each. A refused batch ends the stream.

        Raises:
            SessionSharingError: A batch was refused. This batch and all later ones are not written.
        """
        reader = asyncio.ensure_future(self._read(requests))
        drained = asyncio.ensure_future(self._draining.wait())
        drained.add_done_callback(lambda _: reader.cancel())
        try:
            while (item := await self._under_way.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield await self._answer(*item)
        finally:
            reader.cancel()
            drained.cancel()

    async def _answer(self, session: Session, batch: PendingBatch) -> pb.AppendResponse:
        await finish(self._registry, session, batch)
        self._bytes -= batch.size
        self._held.release_bytes(batch.size)
        self._room.set()
        return encode(batch)

    async def _read(self, requests: AsyncIterator[pb.AppendRequest]) -> None:
        previous: PendingBatch | None = None
        end: Exception | None = None
        try:
            async for request in self._whole(requests):
                session, batch = decode(request, previous)
                log_of(session).append(batch)
                previous = batch
                await self._under_way.put((session, batch))
                await self._wait_for_room(batch.size)
        except asyncio.CancelledError:
            if not self._draining.is_set():
                raise
            end = ServerDrainingError(
                "The server is stopping. Connect again, and send the unacknowledged records to the "
                "next server."
            )
        except Exception as error:
            end = error
        await self._under_way.put(end)

    async def _whole(
        self, requests: AsyncIterator[pb.AppendRequest]
    ) -> AsyncIterator[pb.AppendRequest]:
        """Join the pieces of batches, and count the bytes of all batches as held.

        Raises:
            LimitExceededError: A batch is too large, or the client has sent too many bytes that are
                not written yet.
        """
        pieces: list[bytes] = []
        size = 0
        async for request in requests:
            self._held.take_bytes(len(request.ndjson))
            size += len(request.ndjson)
            if size > MOST_BATCH_BYTES:
                raise LimitExceededError(
                    f"The batch is larger than {MOST_BATCH_BYTES} bytes, the limit of the server. "
                    "Send its records in several batches.",
                    limit="message_bytes",
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
