"""T26: every call of the logger with every error it can give, as docs/errors.md says."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from json_logger_client import JsonLoggerClient
from json_logger_proto import json_logger_pb2 as reference
from json_logger_proto import json_logger_pb2_grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from logger_process import LoggerProcess

PAGE = Path(__file__).parents[4] / "docs" / "errors.md"
NEW = reference.SESSION_INITIALIZATION_BEHAVIOR_INITIALIZE_NEW
ATTACH = reference.SESSION_INITIALIZATION_BEHAVIOR_ATTACH_TO_EXISTING


class Bench:
    """Raw calls to a logger, with and without its token."""

    def __init__(self, logger: LoggerProcess, folder: Path, stack: ExitStack) -> None:
        self.logger, self.folder, self.stack = logger, folder, stack
        channel = stack.enter_context(grpc.insecure_channel(logger.target))
        self.channel = channel
        self.reference = json_logger_pb2_grpc.JsonLoggerStub(channel)
        self.ext = json_logger_ext_pb2_grpc.JsonLoggerExtStub(channel)
        self.user = (("authorization", f"Bearer {logger.token}"),)

    def initialize(self, file: str, behavior: int = 0) -> str:
        request = reference.InitializeFileRequest(
            file_path=f"{self.folder}/{file}",
            initialization_behavior=reference.SessionInitializationBehavior.ValueType(behavior),
        )
        answer = self.reference.InitializeFile(request, metadata=self.user)
        return str(answer.session_name)

    def log(self, session: str, **more: Timestamp) -> None:
        request = reference.LogMeasurementDataRequest(session_name=session, **more)
        self.reference.LogMeasurementData(request, metadata=self.user)

    def close(self, session: str) -> None:
        request = reference.CloseFileRequest(session_name=session)
        self.reference.CloseFile(request, metadata=self.user)

    def opened(self) -> JsonLoggerClient:
        path = str(self.folder / "a.log")
        return self.stack.enter_context(JsonLoggerClient(path, connect=self.logger.connect()))

    def append(self, attachment: str, ndjson: bytes = b"{}") -> None:
        request = ext.AppendRequest(
            attachment=attachment, first_client_seq=1, count=1, ndjson=ndjson
        )
        self.ext.Append(request, metadata=self.user)

    def append_stream(self, attachment: str) -> None:
        request = ext.AppendRequest(
            attachment=attachment, first_client_seq=1, count=1, ndjson=b"{}"
        )
        next(self.ext.AppendStream(iter([request]), metadata=self.user))

    def tail(self, session: str) -> None:
        next(self.ext.Tail(ext.TailRequest(session_name=session), metadata=self.user))


def _not_a_log(bench: Bench) -> None:
    (bench.folder / "prose.txt").write_text("not a log\n")
    bench.initialize("prose.txt")


def _already_open(bench: Bench) -> None:
    bench.initialize("a.log")
    bench.initialize("a.log", NEW)


def _in_use(bench: Bench) -> None:
    handle = os.open(bench.folder / "a.log", os.O_RDWR | os.O_CREAT)
    bench.stack.callback(os.close, handle)
    fcntl.flock(handle, fcntl.LOCK_EX)
    bench.initialize("a.log")


def _lost(bench: Bench) -> None:
    session = bench.initialize("a.log")
    (bench.folder / "a.log").unlink()
    bench.log(session)


def _append_to_a_lost_file(bench: Bench) -> None:
    log = bench.opened()
    (bench.folder / "a.log").unlink()
    record = b'{"timestamp":"2026-01-01T00:00:00Z","measurement_name":"m",'
    record += b'"measurement_configurations":{},"measurement_outputs":{}}'
    bench.append(log.attachment, record)


def _a_time_that_is_none(bench: Bench) -> None:
    bench.log(bench.initialize("a.log"), timestamp=Timestamp(seconds=1 << 60))


CASES: dict[tuple[str, str], Callable[[Bench], object]] = {
    ("InitializeFile", "INVALID_ARGUMENT"): lambda bench: bench.initialize("a.exe"),
    ("InitializeFile", "NOT_A_RESOURCE"): _not_a_log,
    ("InitializeFile", "SESSION_ALREADY_OPEN"): _already_open,
    ("InitializeFile", "SESSION_NOT_FOUND"): lambda bench: bench.initialize("a.log", ATTACH),
    ("InitializeFile", "RESOURCE_NOT_FOUND"): lambda bench: bench.initialize("missing/a.log"),
    ("InitializeFile", "RESOURCE_IN_USE"): _in_use,
    ("InitializeFile", "NOT_PERMITTED"): lambda bench: bench.initialize("../../../../a.log"),
    ("LogMeasurementData", "SESSION_NOT_FOUND"): lambda bench: bench.log("unknown"),
    ("LogMeasurementData", "INVALID_ARGUMENT"): _a_time_that_is_none,
    ("LogMeasurementData", "RESOURCE_LOST"): _lost,
    ("CloseFile", "SESSION_NOT_FOUND"): lambda bench: bench.close("unknown"),
    ("Append", "SESSION_EXPIRED"): lambda bench: bench.append("unknown"),
    ("Append", "INVALID_ARGUMENT"): lambda bench: bench.append(bench.opened().attachment),
    ("Append", "RESOURCE_LOST"): _append_to_a_lost_file,
    ("AppendStream", "SESSION_EXPIRED"): lambda bench: bench.append_stream("unknown"),
    ("AppendStream", "INVALID_ARGUMENT"): lambda bench: bench.append_stream(
        bench.opened().attachment
    ),
    ("Tail", "SESSION_NOT_FOUND"): lambda bench: bench.tail("unknown"),
}


@pytest.fixture
def bench(logger: LoggerProcess, tmp_path: Path) -> Iterator[Bench]:
    folder = logger.folder / tmp_path.name
    folder.mkdir()
    with ExitStack() as stack:
        yield Bench(logger, folder, stack)


def _refusal(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as refused:
        call()
    status = rpc_status.from_call(refused.value)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return refused.value.code().name, info.reason


@pytest.mark.skipif(os.name == "nt", reason="locks a file as POSIX does")
@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_a_call_gives_the_error_that_the_page_says(case: tuple[str, str], bench: Bench) -> None:
    code, reason = _refusal(lambda: CASES[case](bench))

    assert reason == case[1]
    assert f"| {case[0]} | {reason} | {code} |" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("method", ["InitializeFile", "LogMeasurementData", "CloseFile"])
def test_every_call_of_the_reference_wants_an_identity_and_a_message(
    method: str, bench: Bench
) -> None:
    call = bench.channel.unary_unary(f"/json_logger.JsonLogger/{method}")
    assert _refusal(lambda: call(b"")) == ("UNAUTHENTICATED", "NOT_AUTHENTICATED")
    malformed = _refusal(lambda: call(b"\x08", metadata=bench.user))
    assert malformed == ("INVALID_ARGUMENT", "INVALID_ARGUMENT")


def test_the_page_claims_nothing_that_is_not_tried() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## The logger")[2]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| ")][1:]

    assert {(row[1].strip(), row[2].strip()) for row in rows} == set(CASES)
