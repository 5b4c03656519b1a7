"""Append batches to the logs of sessions, for unary calls and for streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.names import MOST_BATCH_BYTES, MOST_SAMPLE_BYTES
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
from json_logger_server.shared_memory import SharedMemory
from json_logger_server.waveforms import may_have_references, take_waveforms

_MAX_BATCHES = 32
"""Batches of one stream that may wait for their write. Until one is written, the server reads no
more from the client."""
_MAX_BYTES = 32 * 1024 * 1024
"""Bytes of those batches; a single batch may have more."""


def decode(
    request: pb.AppendRequest,
    ndjson: bytes,
    samples: Sequence[bytes],
    memory: SharedMemory,
    after: PendingBatch | None = None,
) -> tuple[Session, PendingBatch]:
    """Read the records of a request.

    Args:
        request: The message of a batch, or the last one of its messages.
        ndjson: The records of the batch.
        samples: The samples of its waveforms that are in messages, in one or several pieces.
        memory: The memory with the other samples.
        after: The batch that must be in the file before this one.

    Returns:
        The session of the attachment that the request names, and the batch for its log.

    Raises:
        InvalidArgumentError: A record breaks the protocol.
        LimitExceededError: The batch has too many samples, or those that the client handed over
            have not arrived.
    """
    attachment = calls.attachment()
    records = decode_batch(ndjson, request.count)
    batch = PendingBatch(
        records,
        attachment.client.id,
        request.first_client_seq,
        attachment.label,
        len(ndjson),
        after,
    )
    if samples or request.in_memory or may_have_references(ndjson):
        in_memory = {
            one.waveform: partial(memory.take, attachment, one) for one in request.in_memory
        }
        batch.waveforms = take_waveforms(records, samples, in_memory)
        sample_bytes = sum(one.size for one in batch.waveforms.values())
        _check_size(sample_bytes, MOST_SAMPLE_BYTES, "samples")
        batch.size += sample_bytes
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


def _check_size(size: int, most: int, what: str) -> None:
    """Refuse a batch that is too large.

    Raises:
        LimitExceededError: It has more than `most` bytes of records or samples.
    """
    if size > most:
        raise LimitExceededError(
            f"The batch has more than {most} bytes of {what}, the limit of the server. Send its "
            "records in several batches.",
            limit="message_bytes",
        )


class _Pieces:
    """The pieces of one batch that have arrived."""

    def __init__(self) -> None:
        self.samples: list[bytes] = []
        self._records: list[bytes] = []
        self._record_bytes = self._sample_bytes = 0

    def add(self, request: pb.AppendRequest) -> int:
        """Add a piece, and return its size in bytes.

        Raises:
            LimitExceededError: The batch is too large.
        """
        records, samples = request.ndjson, request.samples
        self._record_bytes += len(records)
        self._sample_bytes += len(samples)
        _check_size(self._record_bytes, MOST_BATCH_BYTES, "records")
        _check_size(self._sample_bytes, MOST_SAMPLE_BYTES, "samples")
        if records:
            self._records.append(records)
        if samples:
            self.samples.append(samples)
        return len(records) + len(samples)

    @property
    def size(self) -> int:
        """Bytes of all pieces."""
        return self._record_bytes + self._sample_bytes

    @property
    def ndjson(self) -> bytes:
        """The records."""
        return b"".join(self._records)

    def clear(self) -> None:
        """Forget the pieces."""
        self._records.clear()
        self.samples.clear()


class AppendStream:
    """One stream. A task reads requests ahead and begins their writes; answers keep the order."""

    def __init__(
        self, registry: SessionRegistry, draining: asyncio.Event, memory: SharedMemory
    ) -> None:
        self._registry = registry
        self._draining = draining
        self._memory = memory
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
            async for request, pieces in self._whole(requests):
                session, batch = decode(
                    request, pieces.ndjson, pieces.samples, self._memory, previous
                )
                self._held.take_bytes(batch.size - pieces.size)  # those in memory
                pieces.clear()  # the stream may be idle for long after the write
                request.Clear()
                log_of(session).append(batch)
                previous = batch
                await self._under_way.put((session, batch))
                self._bytes += batch.size
                if self._bytes > _MAX_BYTES:
                    await self._wait_for_room()
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
    ) -> AsyncIterator[tuple[pb.AppendRequest, _Pieces]]:
        """Join the pieces of batches, and count the bytes of all batches as held.

        Yields:
            The last message of each batch, and all its pieces.

        Raises:
            LimitExceededError: A batch is too large, or the client has sent too many bytes that are
                not written yet.
        """
        batch = _Pieces()
        async for request in requests:
            self._held.take_bytes(batch.add(request))
            if not request.continued:
                yield request, batch
                batch = _Pieces()

    async def _wait_for_room(self) -> None:
        while self._bytes > _MAX_BYTES:
            self._room.clear()
            await self._room.wait()
