"""The JsonLoggerExt service: batches, streams and reading back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from session_sharing.core.registry import SessionRegistry
from session_sharing.server import calls
from session_sharing.server.interceptor import Context
from session_sharing.server.signals import Signal

from json_logger_server.json_log import Batch
from json_logger_server.records import AnyRecord, decode_batch
from json_logger_server.services.appending import append, log_of
from json_logger_server.storage.reading import CommittedLines


class ExtensionServicer(json_logger_ext_pb2_grpc.JsonLoggerExtServicer):
    """Data calls on sessions that were opened through the SessionLifecycle service."""

    def __init__(self, registry: SessionRegistry, draining: asyncio.Event) -> None:
        self._registry = registry
        self._draining = draining

    async def Append(  # noqa: N802
        self, request: pb.AppendRequest, context: Context
    ) -> pb.AppendResponse:
        """See json_logger_ext.proto."""
        attachment = calls.attachment()
        records: list[AnyRecord] = [*decode_batch(request.ndjson, request.count)]
        batch = Batch(records, attachment.client.id, request.first_client_seq, attachment.label)
        first_seq = await append(self._registry, attachment.session, batch)
        return pb.AppendResponse(
            client_seq=request.first_client_seq + request.count - 1,
            first_seq=first_seq,
            count=request.count,
        )

    async def AppendStream(  # noqa: N802
        self, requests: AsyncIterator[pb.AppendRequest], context: Context
    ) -> AsyncIterator[pb.AppendResponse]:
        """See json_logger_ext.proto."""
        async for request in requests:
            yield await self.Append(request, context)

    async def Tail(  # noqa: N802
        self, request: pb.TailRequest, context: Context
    ) -> AsyncIterator[pb.TailResponse]:
        """See json_logger_ext.proto."""
        session = self._registry.session(request.session_name)
        log = log_of(session)
        with CommittedLines(log.file) as lines, Signal(log.listen, self._draining) as more:
            next_seq = await asyncio.to_thread(lines.seek, request.from_seq)
            while True:
                while chunk := await asyncio.to_thread(lines.read):
                    next_seq += chunk.count(b"\n")
                    yield pb.TailResponse(ndjson=chunk, next_seq=next_seq)
                if not request.follow or not session.open or not await more.wait():
                    return
