"""Raw calls to a logger: those of the reference, and our own."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
from capabilities import HAS_LIMITS, require
from every_call import CALL_LIMITS
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from json_logger_client import ConnectOptions
from json_logger_proto import json_logger_pb2 as reference
from json_logger_proto import json_logger_pb2_grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from json_logger_server.json_log import Durability
from logger_process import LoggerProcess
from logger_thread import FaultyDisk, LoggerThread
from processes import eventually
from session_sharing.places import write_private
from session_sharing.server import HostOptions, RegistryOptions
from session_sharing.v1 import lifecycle_pb2, lifecycle_pb2_grpc

RECORD = (
    b'{"timestamp":"2026-01-01T00:00:00Z","measurement_name":"m",'
    b'"measurement_configurations":{},"measurement_outputs":{}}'
)
SAMPLES = b"\0" * 8
WITH_WAVEFORM = RECORD.replace(
    b'"measurement_outputs":{}',
    b'"measurement_outputs":{"$waveform":'
    b'{"offset":0,"count":1,"dtype":"<f8","shape":[1],"crc32":%d}}' % zlib.crc32(SAMPLES),
)
"""A record whose outputs are one waveform, that of `SAMPLES`."""
NO_MEMORY = [ext.SamplesInMemory(waveform=0, socket=1, number=1)]
"""That the client has handed over the samples as memory, which it has not."""
LIMITED = str(Path(__file__).with_name("limited_logger.py"))
_SECRET = b"0123456789abcdef"
_KEY = "k" * 32


def keyed_logger(folder: Path) -> LoggerProcess:
    """Start a logger that also accepts an identity with a key."""
    keys = folder / "keys.json"
    write_private(keys, json.dumps({"other": _KEY}))
    return LoggerProcess(folder, f"--api-keys={keys}")


class LoggerBench:
    """Calls to one logger, as its user."""

    def __init__(self, connect: ConnectOptions, folder: Path, stack: ExitStack) -> None:
        """Connect.

        Args:
            connect: Where the logger is, and its token.
            folder: Below its log root.
            stack: What must not outlive the test.
        """
        self.folder, self.stack = folder, stack
        self.channel = stack.enter_context(grpc.insecure_channel(connect.target))
        self.user = (("authorization", f"Bearer {connect.token}"),)
        self.other = (("authorization", f"ApiKey other:{_KEY}"),)
        self.lifecycle = lifecycle_pb2_grpc.SessionLifecycleStub(self.channel)
        self.reference = json_logger_pb2_grpc.JsonLoggerStub(self.channel)
        self.ext = json_logger_ext_pb2_grpc.JsonLoggerExtStub(self.channel)

    def initialize(self, file: str, behavior: int = 0) -> str:
        request = reference.InitializeFileRequest(
            file_path=f"{self.folder}/{file}",
            initialization_behavior=behavior,  # type: ignore[arg-type]
        )
        answer = self.reference.InitializeFile(request, metadata=self.user)
        return str(answer.session_name)

    def log(self, session: str, timestamp: Timestamp | None = None) -> None:
        request = reference.LogMeasurementDataRequest(session_name=session, timestamp=timestamp)
        self.reference.LogMeasurementData(request, metadata=self.user)

    def close(self, session: str, metadata: tuple[tuple[str, str], ...] = ()) -> None:
        request = reference.CloseFileRequest(session_name=session)
        self.reference.CloseFile(request, metadata=metadata or self.user)

    def open(self, resource: str, kind: str = "json-log") -> lifecycle_pb2.OpenResponse:
        """Open a session, or attach to it, for a client that holds no stream."""
        request = lifecycle_pb2.OpenRequest(
            client_secret=_SECRET,
            kind=kind,
            resource=f"{self.folder}/{resource}",
            without_presence=True,
        )
        return self.lifecycle.Open(request, metadata=self.user)

    def append(self, attachment: str, ndjson: bytes = RECORD, seq: int = 1, **samples: Any) -> None:
        self.ext.Append(_append(attachment, ndjson, seq, **samples), metadata=self.user)

    def append_stream(
        self, attachment: str, ndjson: bytes = RECORD, **samples: Any
    ) -> Iterator[object]:
        """Send one batch and end the stream."""
        requests = iter([_append(attachment, ndjson, 1, **samples)])
        answers: Iterator[object] = self.ext.AppendStream(requests, metadata=self.user)
        return answers

    def endless_stream(self, attachment: str) -> Iterator[object]:
        """Send one batch and leave the stream open until the end of the test."""
        over = threading.Event()
        self.stack.callback(over.set)

        def requests() -> Iterator[ext.AppendRequest]:
            yield _append(attachment, RECORD, 1)
            over.wait()

        answers: Iterator[object] = self.ext.AppendStream(requests(), metadata=self.user)
        return answers

    def tail(self, session: str) -> Iterator[object]:
        request = ext.TailRequest(session_name=session)
        answers: Iterator[object] = self.ext.Tail(request, metadata=self.user)
        return answers

    def rotate(self, session: str, metadata: tuple[tuple[str, str], ...] = ()) -> None:
        self.ext.Rotate(ext.RotateRequest(session_name=session), metadata=metadata or self.user)

    def share_memory(self, attachment: str) -> ext.ShareMemoryResponse:
        request = ext.ShareMemoryRequest(attachment=attachment)
        return self.ext.ShareMemory(request, metadata=self.user)

    def set_context(self, attachment: str, context: bytes = b"{}") -> None:
        request = ext.SetContextRequest(attachment=attachment, context=context)
        self.ext.SetContext(request, metadata=self.user)

    def locate(self, name: str) -> str:
        answer = self.ext.Locate(ext.LocateRequest(name=name), metadata=self.user)
        return str(answer.path)

    def with_own_process(self, *program: str) -> tuple[LoggerBench, LoggerProcess]:
        """Start a logger for this test by a given program instead of its usual command."""
        require(HAS_LIMITS or LIMITED not in program, "resource limits")
        process = self.stack.enter_context(LoggerProcess(self.folder, program=program))
        return LoggerBench(process.connect(), self.folder, self.stack), process

    def with_seams(self, **registry: float) -> SeamBench:
        """Start a logger in this process, with these options of its registry."""
        return SeamBench(self.folder, self.stack, RegistryOptions(**registry))  # type: ignore[arg-type]


class SeamBench(LoggerBench):
    """Calls to a logger whose disk and registry the test controls."""

    def __init__(
        self, folder: Path, stack: ExitStack, registry: RegistryOptions | None = None
    ) -> None:
        """Start it, with small limits."""
        self._disk = FaultyDisk()
        options = HostOptions(
            registry=registry or RegistryOptions(),
            grace=0.5,
            calls=CALL_LIMITS,
        )
        logger = LoggerThread(folder, self._disk, Durability.DURABLE, options)
        self.host = stack.enter_context(logger).host
        super().__init__(logger.connect(), folder, stack)
        stack.callback(self._disk.before_write.set)

    def begin_slow_write(self, session: str) -> threading.Event:
        """Log a record that is written only after the returned event is set."""
        before = self._disk.writes
        self._disk.slow = ".log"
        self._disk.before_write.clear()
        request = reference.LogMeasurementDataRequest(session_name=session)
        self._begin(self.reference.LogMeasurementData, request)
        eventually(lambda: self._disk.writes > before)
        return self._disk.before_write

    def begin_close(self, session: str) -> None:
        """Begin to close a session whose file is still being written."""
        self._begin(self.reference.CloseFile, reference.CloseFileRequest(session_name=session))
        eventually(lambda: not self.host.registry.sessions())

    def _begin(self, call: Any, request: Message) -> None:
        under_way = call.future(request, metadata=self.user)
        self.stack.callback(under_way.cancel)


def _append(attachment: str, ndjson: bytes, seq: int, **samples: Any) -> ext.AppendRequest:
    return ext.AppendRequest(
        attachment=attachment, first_client_seq=seq, count=1, ndjson=ndjson, **samples
    )
