"""Clients of the reference implementation are served unchanged, call by call."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import grpc
import pytest
from capabilities import needs_binding_modes, needs_fifos
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from json_logger_proto import json_logger_pb2 as pb
from json_logger_proto import json_logger_pb2_grpc
from logger_process import LoggerProcess, records_in

NEW = pb.SESSION_INITIALIZATION_BEHAVIOR_INITIALIZE_NEW
ATTACH = pb.SESSION_INITIALIZATION_BEHAVIOR_ATTACH_TO_EXISTING
AUTO = pb.SESSION_INITIALIZATION_BEHAVIOR_UNSPECIFIED


@pytest.fixture(scope="module")
def stub(anonymous: LoggerProcess) -> json_logger_pb2_grpc.JsonLoggerStub:
    return anonymous.reference_stub()


def initialize(
    stub: json_logger_pb2_grpc.JsonLoggerStub, path: Path | str, behavior: int = AUTO
) -> pb.InitializeFileResponse:
    request = pb.InitializeFileRequest(file_path=str(path))
    request.initialization_behavior = behavior  # type: ignore[assignment]
    return stub.InitializeFile(request)


def status_of(call: object, request: object) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        call(request)  # type: ignore[operator]
    return caught.value.code()


def refusal(
    stub: json_logger_pb2_grpc.JsonLoggerStub, path: Path | str, behavior: int = AUTO
) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        initialize(stub, path, behavior)
    return caught.value


def test_a_measurement_becomes_a_line_with_the_references_four_keys(
    stub: json_logger_pb2_grpc.JsonLoggerStub, folder: Path
) -> None:
    opened = initialize(stub, folder / "a.ndjson")
    assert opened.new_session and opened.session_name
    stub.LogMeasurementData(
        pb.LogMeasurementDataRequest(
            session_name=opened.session_name,
            measurement_name="leakage",
            timestamp=Timestamp(seconds=1_700_000_000, nanos=123_456_789),
            measurement_configurations={"voltage": "3.3"},
            measurement_outputs={"current": "1.2e-9"},
        )
    )
    (record,) = records_in(folder / "a.ndjson")

    assert record == {
        "timestamp": "2023-11-14T22:13:20.123456789Z",
        "measurement_name": "leakage",
        "measurement_configurations": {"voltage": "3.3"},
        "measurement_outputs": {"current": "1.2e-9"},
        "seq": 1,
    }
    stub.CloseFile(pb.CloseFileRequest(session_name=opened.session_name))


def test_the_clients_timestamp_is_kept_and_a_missing_one_is_the_servers_time(
    stub: json_logger_pb2_grpc.JsonLoggerStub, folder: Path
) -> None:
    name = initialize(stub, folder / "a.log").session_name
    for timestamp in (Timestamp(), Timestamp(seconds=-1), None):
        stub.LogMeasurementData(
            pb.LogMeasurementDataRequest(session_name=name, timestamp=timestamp)
        )
    times = [record["timestamp"] for record in records_in(folder / "a.log")]

    assert times[:2] == ["1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z"]
    assert times[2].startswith("20")


@pytest.mark.parametrize("suffix", [".ndjson", ".log", ".txt"])
def test_the_suffixes_of_the_reference_are_accepted(
    stub: json_logger_pb2_grpc.JsonLoggerStub, folder: Path, suffix: str
) -> None:
    assert initialize(stub, folder / f"a{suffix}").new_session


def test_auto_attaches_new_is_refused_and_attach_needs_an_open_session(
    stub: json_logger_pb2_grpc.JsonLoggerStub, folder: Path
) -> None:
    path = folder / "a.ndjson"
    assert refusal(stub, path, ATTACH).code() is grpc.StatusCode.NOT_FOUND
    assert not path.exists()

    first = initialize(stub, path, NEW)
    again = initialize(stub, path, AUTO)
    attached = initialize(stub, path, ATTACH)

    assert (first.new_session, again.new_session, attached.new_session) == (True, False, False)
    assert first.session_name == again.session_name == attached.session_name
    assert refusal(stub, path, NEW).code() is grpc.StatusCode.ALREADY_EXISTS


def test_a_refusal_carries_a_reason_that_programs_can_read(
    stub: json_logger_pb2_grpc.JsonLoggerStub, folder: Path
) -> None:
    initialize(stub, folder / "a.ndjson", NEW)
    status = rpc_status.from_call(refusal(stub, folder / "a.ndjson", NEW))
    info = error_details_pb2.ErrorInfo()
    assert status is not None and status.details[0].Unpack(info)

    assert info.reason == "SESSION_ALREADY_OPEN"
    assert info.metadata["since"].startswith("20")
    assert "reference" in info.metadata["holder"]


def test_a_closed_or_unknown_session_is_not_found(
    stub: json_logger_pb2_grpc.JsonLoggerStub, folder: Path
) -> None:
    name = initialize(stub, folder / "a.ndjson").session_name
    stub.CloseFile(pb.CloseFileRequest(session_name=name))

    for gone in (name, "", "never-opened"):
        log = pb.LogMeasurementDataRequest(session_name=gone)
        close = pb.CloseFileRequest(session_name=gone)
        assert status_of(stub.LogMeasurementData, log) is grpc.StatusCode.NOT_FOUND
        assert status_of(stub.CloseFile, close) is grpc.StatusCode.NOT_FOUND


def test_an_unknown_behavior_is_an_invalid_argument(
    stub: json_logger_pb2_grpc.JsonLoggerStub, folder: Path
) -> None:
    for behavior in (3, 4, 99, -1):
        error = refusal(stub, folder / "a.ndjson", behavior)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("a.csv", None, "INVALID_ARGUMENT"),
        ("a", None, "INVALID_ARGUMENT"),
        ("", None, "INVALID_ARGUMENT"),
        ("missing/a.log", None, "NOT_FOUND"),
        ("text.txt", b"dear diary\n", "INVALID_ARGUMENT"),
        ("array.log", b"[1]\n", "INVALID_ARGUMENT"),
        ("pretty.log", b'{\n  "a": 1\n}\n', "INVALID_ARGUMENT"),
        ("latin1.log", '{"a": "\xe9"}\n'.encode("latin-1"), "INVALID_ARGUMENT"),
        ("tail.log", b'{"a": 1}\nnot json\n', "INVALID_ARGUMENT"),
    ],
)
def test_a_name_that_is_not_a_log_file_is_refused_and_the_file_not_changed(
    stub: json_logger_pb2_grpc.JsonLoggerStub,
    folder: Path,
    name: str,
    content: bytes | None,
    status: str,
) -> None:
    path = folder / name
    if content is not None:
        path.write_bytes(content)
    before = {found: found.read_bytes() for found in folder.iterdir()}

    wanted = str(path) if name else ""
    assert refusal(stub, wanted).code() is grpc.StatusCode[status]
    assert {found: found.read_bytes() for found in folder.iterdir()} == before


def test_a_folder_is_an_invalid_argument(
    stub: json_logger_pb2_grpc.JsonLoggerStub, folder: Path
) -> None:
    (folder / "x.log").mkdir()
    assert refusal(stub, folder / "x.log").code() is grpc.StatusCode.INVALID_ARGUMENT


@needs_fifos
def test_a_fifo_is_refused_and_does_not_block(
    stub: json_logger_pb2_grpc.JsonLoggerStub, folder: Path
) -> None:
    os.mkfifo(folder / "x.log")
    assert refusal(stub, folder / "x.log").code() is grpc.StatusCode.INVALID_ARGUMENT


@needs_binding_modes
def test_a_file_without_permission_is_denied(
    stub: json_logger_pb2_grpc.JsonLoggerStub, folder: Path
) -> None:
    (folder / "x.log").touch(mode=0o400)
    assert refusal(stub, folder / "x.log").code() is grpc.StatusCode.PERMISSION_DENIED


def test_a_path_outside_the_log_roots_is_denied(
    stub: json_logger_pb2_grpc.JsonLoggerStub, folder: Path, tmp_path: Path
) -> None:
    assert refusal(stub, tmp_path / "x.log").code() is grpc.StatusCode.PERMISSION_DENIED
    assert list(tmp_path.iterdir()) == []


def test_a_malformed_request_is_an_invalid_argument(anonymous: LoggerProcess) -> None:
    with anonymous.channel() as channel:
        call = channel.unary_unary("/json_logger.JsonLogger/InitializeFile")
        assert status_of(call, b"\xff\xff") is grpc.StatusCode.INVALID_ARGUMENT


def test_closing_while_others_log_is_never_an_internal_error(
    stub: json_logger_pb2_grpc.JsonLoggerStub, folder: Path
) -> None:
    codes: set[grpc.StatusCode] = set()

    def log(name: str) -> None:
        try:
            while True:
                stub.LogMeasurementData(pb.LogMeasurementDataRequest(session_name=name))
        except grpc.RpcError as error:
            codes.add(error.code())

    for _ in range(10):
        name = initialize(stub, folder / "a.log").session_name
        threads = [threading.Thread(target=log, args=(name,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        stub.CloseFile(pb.CloseFileRequest(session_name=name))
        for thread in threads:
            thread.join()

    assert codes == {grpc.StatusCode.NOT_FOUND}
    seqs = [record["seq"] for record in records_in(folder / "a.log")]
    assert seqs == list(range(1, len(seqs) + 1))


def test_a_server_with_tokens_serves_only_callers_with_a_token(
    logger: LoggerProcess,
) -> None:
    with logger.channel() as channel:
        stub = json_logger_pb2_grpc.JsonLoggerStub(channel)
        request = pb.InitializeFileRequest(file_path="a.ndjson")
        assert status_of(stub.InitializeFile, request) is grpc.StatusCode.UNAUTHENTICATED
        metadata = (("authorization", f"Bearer {logger.token}"),)
        assert stub.InitializeFile(request, metadata=metadata).new_session
