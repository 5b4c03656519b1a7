"""The JsonLoggerExt service: append batches, read logs, rotate them, and find their files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from functools import partial

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from session_sharing.server import Context, SessionRegistry, Signal, calls, check_may_close

from json_logger_server.json_log import JsonLog, log_of
from json_logger_server.records import decode_context
from json_logger_server.services.append import AppendStream, append, decode, encode
from json_logger_server.services.paced import PacedSignal
from json_logger_server.services.rotating import rotate
from json_logger_server.shared_memory import SharedMemory
from json_logger_server.storage.paths import LogRoots
from json_logger_server.storage.reading import CommittedLines

_PACE = 100
"""Milliseconds between two looks for a reader that wants only numbers and names no pace."""
_LONGEST_PACE = 1000
"""Milliseconds; the server can stop no sooner."""


class ExtensionServicer(json_logger_ext_pb2_grpc.JsonLoggerExtServicer):
    """Serves the calls on sessions that were opened through the SessionLifecycle service."""

    def __init__(
        self,
        registry: SessionRegistry,
        draining: asyncio.Event,
        readers: Executor,
        roots: LogRoots,
        memory: SharedMemory,
    ) -> None:
        """Serve the logs of a host.

        Args:
            registry: The sessions of the host.
            draining: Set when the server is stopping.
            readers: Threads that read files.
            roots: Folders of the logs.
            memory: The memory that clients hand over.
        """
        self._registry = registry
        self._draining = draining
        self._readers = readers
        self._roots = roots
        self._memory = memory

    async def Append(  # noqa: N802
        self, request: pb.AppendRequest, context: Context
    ) -> pb.AppendResponse:
        """See json_logger_ext.proto."""
        samples = request.samples
        session, batch = decode(request, request.ndjson, [samples] if samples else [], self._memory)
        await append(self._registry, session, batch)
        return encode(batch)

    def AppendStream(  # noqa: N802
        self, requests: AsyncIterator[pb.AppendRequest], context: Context
    ) -> AsyncIterator[pb.AppendResponse]:
        """See json_logger_ext.proto."""
        return AppendStream(self._registry, self._draining, self._memory).answers(requests)

    async def ShareMemory(  # noqa: N802
        self, request: pb.ShareMemoryRequest, context: Context
    ) -> pb.ShareMemoryResponse:
        """See json_logger_ext.proto."""
        attachment = calls.attachment()
        log_of(attachment.session)
        return self._memory.offer(attachment)

    async def Tail(  # noqa: N802
        self, request: pb.TailRequest, context: Context
    ) -> AsyncIterator[pb.TailResponse]:
        """See json_logger_ext.proto."""
        log = log_of(self._registry.session(request.session_name))
        answers = self._numbers if request.only_numbers else self._lines
        async for answer in answers(log, request):
            yield answer

    async def _lines(self, log: JsonLog, request: pb.TailRequest) -> AsyncIterator[pb.TailResponse]:
        elsewhere = partial(asyncio.get_running_loop().run_in_executor, self._readers)
        lines = CommittedLines(log.file)
        try:
            with Signal(log.listen, self._draining) as more:
                await elsewhere(lines.seek, request.from_seq)
                while not self._draining.is_set():
                    ended = log.ended
                    if chunk := await elsewhere(lines.read):
                        yield pb.TailResponse(ndjson=chunk, next_seq=lines.next_seq)
                    elif ended or not request.follow:
                        return
                    elif await more.wait():
                        await _pause(request)
            yield pb.TailResponse(next_seq=lines.next_seq, draining=True)
        finally:
            self._readers.submit(lines.close)

    async def _numbers(
        self, log: JsonLog, request: pb.TailRequest
    ) -> AsyncIterator[pb.TailResponse]:
        """Say after a write how far the log is, but not more often than the reader wants."""
        pace = min(request.pace_ms or _PACE, _LONGEST_PACE) / 1000
        next_seq = max(1, request.from_seq)
        with PacedSignal(log.listen, self._draining, pace) as news:
            while not self._draining.is_set():
                ended = log.ended
                if log.last_seq >= next_seq:
                    next_seq = log.last_seq + 1
                    yield pb.TailResponse(next_seq=next_seq)
                elif ended or not request.follow:
                    return
                await news.wait()
        yield pb.TailResponse(next_seq=next_seq, draining=True)

    async def Rotate(  # noqa: N802
        self, request: pb.RotateRequest, context: Context
    ) -> pb.RotateResponse:
        """See json_logger_ext.proto."""
        session = self._registry.session(request.session_name)
        check_may_close(session, calls.principal(), by_administrator=calls.may_administrate())
        rotated = await rotate(self._registry, session)
        return pb.RotateResponse(rotated_path=str(rotated) if rotated else "")

    async def SetContext(  # noqa: N802
        self, request: pb.SetContextRequest, context: Context
    ) -> pb.SetContextResponse:
        """See json_logger_ext.proto."""
        log = log_of(calls.attachment().session)
        log.set_context(decode_context(request.context))
        return pb.SetContextResponse()

    async def Locate(  # noqa: N802
        self, request: pb.LocateRequest, context: Context
    ) -> pb.LocateResponse:
        """See json_logger_ext.proto."""
        loop = asyncio.get_running_loop()
        path = await loop.run_in_executor(self._readers, self._roots.find, request.name)
        return pb.LocateResponse(path=os.fsencode(path).decode(errors="replace"))


async def _pause(request: pb.TailRequest) -> None:
    """Wait for as long as a reader wants between two answers."""
    if request.pace_ms:
        await asyncio.sleep(min(request.pace_ms, _LONGEST_PACE) / 1000)
