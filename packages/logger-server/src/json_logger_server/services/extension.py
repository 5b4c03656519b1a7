"""The JsonLoggerExt service: batches, streams and reading back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from functools import partial

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from session_sharing.core.admission import check_may_close
from session_sharing.core.registry import SessionRegistry
from session_sharing.core.sessions import Session
from session_sharing.server import calls
from session_sharing.server.interceptor import Context
from session_sharing.server.signals import Signal

from json_logger_server.history import Batch
from json_logger_server.json_log import Appending
from json_logger_server.records import AnyRecord, decode_batch
from json_logger_server.services.append_stream import AppendStream, appended
from json_logger_server.services.appending import log_of, outcome
from json_logger_server.services.rotating import rotate
from json_logger_server.storage.paths import LogRoots
from json_logger_server.storage.reading import CommittedLines


class ExtensionServicer(json_logger_ext_pb2_grpc.JsonLoggerExtServicer):
    """Data calls on sessions that were opened through the SessionLifecycle service."""

    def __init__(
        self,
        registry: SessionRegistry,
        draining: asyncio.Event,
        readers: Executor,
        roots: LogRoots,
    ) -> None:
        """Serve a host's logs, which lie in `roots`; `readers` read them back."""
        self._registry = registry
        self._draining = draining
        self._readers = readers
        self._roots = roots

    async def Append(  # noqa: N802
        self, request: pb.AppendRequest, context: Context
    ) -> pb.AppendResponse:
        """See json_logger_ext.proto."""
        session, appending = _begin(request)
        return appended(request, await outcome(self._registry, session, appending))

    async def AppendStream(  # noqa: N802
        self, requests: AsyncIterator[pb.AppendRequest], context: Context
    ) -> AsyncIterator[pb.AppendResponse]:
        """See json_logger_ext.proto."""
        stream = AppendStream(self._registry, self._draining, _begin)
        async for answer in stream.answers(requests):
            yield answer

    async def Tail(  # noqa: N802
        self, request: pb.TailRequest, context: Context
    ) -> AsyncIterator[pb.TailResponse]:
        """See json_logger_ext.proto."""
        log = log_of(self._registry.session(request.session_name))
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
                    else:
                        await more.wait()
            yield pb.TailResponse(next_seq=lines.next_seq, draining=True)
        finally:
            self._readers.submit(lines.close)

    async def Rotate(  # noqa: N802
        self, request: pb.RotateRequest, context: Context
    ) -> pb.RotateResponse:
        """See json_logger_ext.proto."""
        session = self._registry.session(request.session_name)
        check_may_close(session, calls.principal())
        rotated = await rotate(self._registry, session)
        return pb.RotateResponse(rotated_path=str(rotated) if rotated else "")

    async def Locate(  # noqa: N802
        self, request: pb.LocateRequest, context: Context
    ) -> pb.LocateResponse:
        """See json_logger_ext.proto."""
        loop = asyncio.get_running_loop()
        path = await loop.run_in_executor(self._readers, self._roots.find, request.name)
        return pb.LocateResponse(path=os.fsencode(path).decode(errors="replace"))


def _begin(request: pb.AppendRequest, after: Batch | None = None) -> tuple[Session, Appending]:
    """Start to append a request's records to the log that its attachment names."""
    attachment = calls.attachment()
    records: list[AnyRecord] = [*decode_batch(request.ndjson, request.count)]
    batch = Batch(
        records, attachment.client.id, request.first_client_seq, attachment.label, after=after
    )
    log = log_of(attachment.session)
    return attachment.session, log.append(batch, len(request.ndjson))
