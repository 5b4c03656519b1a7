"""Servers for comparison: `baseline_servers.py noop|plain FOLDER` runs one and prints its target.

no-op: the same event loop decodes the same messages and answers at once. This is the limit of gRPC.
plain: the simplest way: a pool of ten threads, a list of sessions, json, a text file, flush. Every
initialize reads the whole file.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from json_logger_proto import json_logger_pb2 as pb
from json_logger_proto import json_logger_pb2_grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from json_logger_server.event_loop import run
from messages import map_batch_class

MapBatch = map_batch_class()


class NoOp:
    """Decodes and answers; writes the bytes of waveforms as they come."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / "written").open("wb", buffering=0)

    async def unary(self, data: bytes, context: Any) -> bytes:
        pb.LogMeasurementDataRequest.FromString(data)
        return pb.LogMeasurementDataResponse().SerializeToString()

    async def maps(self, data: bytes, context: Any) -> bytes:
        batch = MapBatch.FromString(data)
        return ext.AppendResponse(count=len(batch.records)).SerializeToString()

    async def write(self, data: bytes, context: Any) -> bytes:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file.fileno(), rest) :]
        return b""

    async def write_and_sync(self, data: bytes, context: Any) -> bytes:
        await self.write(data, context)
        os.fdatasync(self._file.fileno())
        return b""

    async def stream(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for data in requests:
            yield await self.maps(data, context)


async def serve_noop(folder: Path) -> None:
    noop = NoOp(folder)
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(noop.unary),
        "Maps": grpc.unary_unary_rpc_method_handler(noop.maps),
        "Write": grpc.unary_unary_rpc_method_handler(noop.write),
        "WriteAndSync": grpc.unary_unary_rpc_method_handler(noop.write_and_sync),
        "Stream": grpc.stream_stream_rpc_method_handler(noop.stream),
    }
    server = grpc.aio.server(
        options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)]
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("benchmark.NoOp", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"ipv4:127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


class PlainLogger(json_logger_pb2_grpc.JsonLoggerServicer):
    """One lock, one list, one open text file for each session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: list[tuple[str, Any]] = []

    def InitializeFile(self, request: Any, context: Any) -> Any:  # noqa: N802
        path = Path(request.file_path)
        with self._lock:
            if path.exists():
                for line in path.read_text(encoding="utf-8").splitlines():
                    json.loads(line)
            name = str(uuid.uuid4())
            self._sessions.append((name, path.open("a", encoding="utf-8")))
        return pb.InitializeFileResponse(session_name=name, new_session=True)

    def LogMeasurementData(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._lock:
            file = next(file for name, file in self._sessions if name == request.session_name)
            record = {
                "timestamp": request.timestamp.ToJsonString(),
                "measurement_name": request.measurement_name,
                "measurement_configurations": dict(request.measurement_configurations),
                "measurement_outputs": dict(request.measurement_outputs),
            }
            file.write(json.dumps(record) + "\n")
            file.flush()
        return pb.LogMeasurementDataResponse()

    def CloseFile(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._lock:
            found = [item for item in self._sessions if item[0] == request.session_name]
            self._sessions = [item for item in self._sessions if item not in found]
        for _, file in found:
            file.close()
        return pb.CloseFileResponse()


def serve_plain() -> None:
    server = grpc.server(ThreadPoolExecutor(10), options=[("grpc.so_reuseport", 0)])
    json_logger_pb2_grpc.add_JsonLoggerServicer_to_server(PlainLogger(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"ipv4:127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    if sys.argv[1] == "noop":
        run(serve_noop(Path(sys.argv[2])))
    else:
        serve_plain()
